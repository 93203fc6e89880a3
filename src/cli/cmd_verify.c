/*
 * cmd_verify.c - crumb verify: reads all there is, or the files named, and reports what is wrong.
 *
 * The report is the data of this command and goes to standard output: findings as they are met,
 * then what was read, then one line that says it all.
 */
#include <inttypes.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/findings.h"
#include "cli/opts.h"
#include "cli/out.h"
#include "cli/query.h"
#include "cli/records.h"
#include "cli/seen.h"
#include "cli/stop.h"
#include "store/scan.h"

#define FINDING_BYTES (PATH_MAX + 512)
#define SCAN_STOPPED  1

struct verify {
    struct out out;
    bool json;
    struct scan_totals totals;
    uint64_t findings;
    uint64_t unusable; /* records whose checksum is right and that are no JSON object with an id */
    struct seen *seen;
    uint64_t twice; /* records that are there more than once */
    bool out_of_memory;
    bool unreadable; /* something named could not be opened */
};

/* What the report counts, in order; the names are those of the JSON form. */
static const struct {
    const char *name;
    size_t offset; /* in struct scan_totals */
} counts[] = {
    { "records", offsetof(struct scan_totals, records) },
    { "sealed_files", offsetof(struct scan_totals, sealed_files) },
    { "segments", offsetof(struct scan_totals, segments) },
    { "file_bytes", offsetof(struct scan_totals, file_bytes) },
    { "raw_bytes", offsetof(struct scan_totals, raw_bytes) },
    { "foreign_files", offsetof(struct scan_totals, foreign_files) },
    { "damaged_places", offsetof(struct scan_totals, damaged_places) },
    { "gaps", offsetof(struct scan_totals, gaps) },
};

#define COUNTS_ROWS (sizeof counts / sizeof counts[0])

static uint64_t *count_of(struct scan_totals *totals, size_t row)
{
    return (uint64_t *)(void *)((char *)totals + counts[row].offset);
}

static bool intact(const struct verify *verify)
{
    return verify->findings == 0 && verify->unusable == 0 && !verify->unreadable;
}

static int go_on(const struct verify *verify)
{
    return verify->out_of_memory || out_stopped(&verify->out) || stop_asked() ? SCAN_STOPPED : 0;
}

static void begin_finding(struct verify *verify, const char *kind)
{
    if (verify->json)
        out_addf(&verify->out, "%s\n{\"kind\":\"%s\",", verify->findings == 0 ? "" : ",", kind);
    verify->findings++;
}

static void report_twice(struct verify *verify, struct str id)
{
    verify->twice++;
    begin_finding(verify, "twice");
    if (verify->json) {
        out_add_str(&verify->out, STR("\"id\":"));
        out_add_json(&verify->out, id);
        out_add_str(&verify->out, STR("}"));
    } else {
        out_add_str(&verify->out, STR("record "));
        out_add_printable(&verify->out, id);
        out_add_str(&verify->out, STR(" is there twice\n"));
    }
}

static int on_record(void *arg, struct str line)
{
    struct verify *verify = arg;
    struct json_field id;
    struct str writer;
    uint64_t seq;

    if (!records_is_one(line) || !json_find(line, STR("id"), &id) || id.type != JSON_STRING ||
        !seen_split_id(id.value, &writer, &seq)) {
        verify->unusable++;
        return go_on(verify);
    }
    switch (seen_add(verify->seen, writer, seq)) {
    case 0:
        report_twice(verify, id.value);
        break;
    case -1:
        verify->out_of_memory = true;
        break;
    }
    return go_on(verify);
}

static int on_damage(void *arg, const struct scan_damage *damage)
{
    struct verify *verify = arg;
    char memory[FINDING_BYTES];
    struct buf text = buf_over(memory, sizeof memory);

    begin_finding(verify, "damage");
    if (verify->json) {
        out_add_str(&verify->out, STR("\"path\":"));
        out_add_json(&verify->out, str_of(damage->path));
        out_addf(&verify->out,
                 ",\"offset\":%" PRIu64 ",\"lost_bytes\":%" PRIu64 ",\"sentence\":", damage->offset,
                 damage->lost_bytes);
        out_add_json(&verify->out, str_of(damage->sentence));
        out_add_str(&verify->out, STR("}"));
    } else {
        findings_add_damage(&text, damage);
        out_add_printable(&verify->out, buf_str(&text));
        out_add_str(&verify->out, STR("\n"));
    }
    return go_on(verify);
}

static int on_gap(void *arg, const struct scan_gap *gap)
{
    struct verify *verify = arg;
    char memory[FINDING_BYTES];
    struct buf text = buf_over(memory, sizeof memory);

    begin_finding(verify, "gap");
    if (verify->json) {
        out_add_str(&verify->out, STR("\"instance\":"));
        out_add_json(&verify->out, str_of(gap->instance));
        out_addf(&verify->out, ",\"worker\":%u,\"first_seq\":%" PRIu64 ",\"last_seq\":%" PRIu64 "}",
                 gap->worker, gap->first_seq, gap->last_seq);
    } else {
        findings_add_gap(&text, gap);
        out_add_printable(&verify->out, buf_str(&text));
        out_add_str(&verify->out, STR("\n"));
    }
    return go_on(verify);
}

/* One file or one data folder. */
static int verify_path(struct verify *verify, const char *path, struct err *e)
{
    struct scan_options options = {
        .data_dir = path,
        .since_ms = INT64_MIN,
        .until_ms = INT64_MAX,
        .record = on_record,
        .damage = on_damage,
        .gap = on_gap,
        .arg = verify,
    };
    struct scan_totals totals = { 0 };
    struct stat st;
    int r;

    if (fs_stat_path(path, &st, e) != 0)
        return -1;
    if (!S_ISDIR(st.st_mode))
        r = scan_file(path, &options, &totals, e);
    else if (query_check_data(path, e) == 0)
        r = scan_run(&options, &totals, e);
    else
        return -1;
    for (size_t i = 0; i < COUNTS_ROWS; i++)
        *count_of(&verify->totals, i) += *count_of(&totals, i);
    return r < 0 ? -1 : 0;
}

static void add_closing_line(struct verify *verify)
{
    const struct scan_totals *t = &verify->totals;

    out_addf(&verify->out, "%" PRIu64 " records in %" PRIu64 " files and %" PRIu64 " segments, ",
             t->records, t->sealed_files, t->segments);
    if (intact(verify)) {
        out_add_str(&verify->out, STR("intact\n"));
        return;
    }
    out_addf(&verify->out, "%" PRIu64 " damaged places, %" PRIu64 " gaps", t->damaged_places,
             t->gaps);
    if (verify->twice > 0)
        out_addf(&verify->out, ", %" PRIu64 " records there twice", verify->twice);
    if (verify->unusable > 0)
        out_addf(&verify->out, ", %" PRIu64 " records that are no JSON objects with an id",
                 verify->unusable);
    if (verify->unreadable)
        out_add_str(&verify->out, STR(", not all could be read"));
    out_add_str(&verify->out, STR("\n"));
}

static void add_totals(struct verify *verify)
{
    if (verify->json)
        out_add_str(&verify->out, STR("],\n"));
    for (size_t i = 0; i < COUNTS_ROWS; i++)
        out_addf(&verify->out, verify->json ? "\"%s\":%" PRIu64 ",\n" : "%-14s %" PRIu64 "\n",
                 counts[i].name, *count_of(&verify->totals, i));
    if (verify->json)
        out_addf(&verify->out,
                 "\"twice\":%" PRIu64 ",\n\"unusable\":%" PRIu64 ",\n\"intact\":%s}\n",
                 verify->twice, verify->unusable, intact(verify) ? "true" : "false");
    else
        add_closing_line(verify);
}

static void verify_all(struct verify *verify, char *const *paths, size_t count)
{
    if (verify->json)
        out_add_str(&verify->out, STR("{\"findings\":["));
    for (size_t i = 0; i < count && go_on(verify) == 0; i++) {
        struct err e = { 0 };

        if (verify_path(verify, paths[i], &e) != 0) {
            log_error("%s", e.text);
            verify->unreadable = true;
        }
    }
    add_totals(verify);
}

static enum ending judge(const struct verify *verify)
{
    if (verify->unreadable)
        return END_ERROR;
    return intact(verify) ? END_FINE : END_DAMAGED;
}

static int set_format(struct verify *verify, const char *format, struct err *e)
{
    verify->json = format != NULL && strcmp(format, "json") == 0;
    if (format != NULL && !verify->json && strcmp(format, "text") != 0)
        return err_set(e, ERR_INPUT, "there is no form %s: write text or json", format);
    return 0;
}

static enum ending verify_to_stdout(struct verify *verify, char *const *paths, size_t count,
                                    struct err *e)
{
    verify->seen = seen_new();
    if (verify->seen == NULL || out_open(&verify->out, NULL, e) != 0)
        return END_ERROR;
    stop_on_signals();
    verify_all(verify, paths, count);
    seen_free(verify->seen);
    if (out_close(&verify->out, true, e) != 0)
        return END_ERROR;
    if (stop_asked())
        stop_by_signal();
    if (verify->out_of_memory) {
        err_set(e, ERR_MEMORY, "out of memory");
        return END_ERROR;
    }
    return judge(verify);
}

enum ending cmd_verify(const struct opts *opts, struct err *e)
{
    struct verify verify = { .json = false };
    char data[PATH_MAX], *usual[] = { data };

    if (set_format(&verify, opts->value[OPT_FORMAT], e) != 0)
        return END_USAGE;
    if (opts->arguments_count > 0)
        return verify_to_stdout(&verify, opts->arguments, opts->arguments_count, e);
    if (query_data(data, opts, e) != 0 || query_check_data(data, e) != 0)
        return END_ERROR;
    return verify_to_stdout(&verify, usual, 1, e);
}
