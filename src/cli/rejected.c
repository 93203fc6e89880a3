/*
 * rejected.c - see rejected.h for the contract. Called by cmd_tail.c.
 *
 * The server appends to N.ndjson and, when that is full, renames it to N.old.ndjson. Each poll reads
 * what has come behind the place where the last one stopped; a file that has become shorter is a new
 * one. A line is shown when it is complete.
 */
#include "cli/rejected.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/last.h"
#include "cli/stop.h"
#include "store/rejects.h"

#define POLL_MS        200
#define FILES_MAX      512
#define FILE_BYTES_MAX (2 * REJECTS_FILE_BYTES)

struct seen_file {
    char name[NAME_MAX + 1];
    uint64_t offset;
};

struct reading {
    char dir[PATH_MAX];
    struct seen_file files[FILES_MAX];
    size_t files_count;
    struct last *last; /* NULL: print at once */
    struct out *out;
    bool out_of_memory;
};

static bool ends_with(struct str s, struct str end)
{
    return s.n >= end.n && str_eq(str_from(s.p + s.n - end.n, end.n), end);
}

static struct seen_file *find_file(struct reading *r, const char *name)
{
    for (size_t i = 0; i < r->files_count; i++) {
        if (strcmp(r->files[i].name, name) == 0)
            return &r->files[i];
    }
    if (r->files_count == FILES_MAX)
        return NULL;
    snprintf(r->files[r->files_count].name, sizeof r->files[0].name, "%s", name);
    return &r->files[r->files_count++];
}

/* Returns how many bytes of text were whole lines. */
static size_t take_lines(struct reading *r, struct str text)
{
    size_t done = 0, end;

    while ((end = str_find(text, '\n', done)) < text.n) {
        struct str line = str_from(text.p + done, end - done);

        if (line.n > 0 && r->last == NULL)
            out_add_line(r->out, line);
        else if (line.n > 0 && !last_add(r->last, line))
            r->out_of_memory = true;
        done = end + 1;
    }
    return done;
}

static void read_file(struct reading *r, struct seen_file *seen)
{
    char path[PATH_MAX + NAME_MAX + 2];
    size_t n;
    char *text;

    snprintf(path, sizeof path, "%s/%s", r->dir, seen->name);
    if (fs_read_all(path, FILE_BYTES_MAX, &text, &n, NULL) != 0)
        return;
    if (n < seen->offset)
        seen->offset = 0;
    seen->offset += take_lines(r, str_from(text + seen->offset, n - seen->offset));
    free(text);
}

/* The old files only the first time: later, what is in them has been shown. */
static void poll_once(struct reading *r, bool first)
{
    struct fs_list list;

    if (fs_list(r->dir, &list, NULL) != 0)
        return;
    for (size_t i = 0; i < list.count; i++) {
        struct str name = str_of(list.names[i]);
        struct seen_file *seen;

        if (!ends_with(name, STR(".ndjson")) || (!first && ends_with(name, STR(".old.ndjson"))))
            continue;
        seen = find_file(r, list.names[i]);
        if (seen != NULL)
            read_file(r, seen);
    }
    fs_list_free(&list);
}

static int look_back(struct reading *r, uint64_t lines, struct err *e)
{
    struct last last;

    if (!last_begin(&last, lines > 0 ? lines : 1))
        return err_set(e, ERR_MEMORY, "out of memory");
    r->last = &last;
    poll_once(r, true);
    r->last = NULL;
    last_sort(&last);
    for (size_t i = 0; i < last.count && lines > 0; i++)
        out_add_line(r->out, str_from(last.lines[i].text, last.lines[i].n));
    last_free(&last);
    out_flush(r->out);
    return r->out_of_memory ? err_set(e, ERR_MEMORY, "out of memory") : 0;
}

int rejected_follow(const char *data, uint64_t lines, int64_t until_ms, struct out *o,
                    struct err *e)
{
    struct reading *r = calloc(1, sizeof *r);
    int result;

    if (r == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    r->out = o;
    snprintf(r->dir, sizeof r->dir, "%.*s/rejected", PATH_MAX - 16, data);
    result = look_back(r, lines, e);
    while (result == 0 && !stop_asked() && !out_stopped(o) && clock_wall_ms() < until_ms) {
        out_wait(o, POLL_MS);
        poll_once(r, false);
        out_flush(o);
    }
    free(r);
    return result;
}
