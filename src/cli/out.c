/*
 * out.c - buffered output that knows when to give up. See out.h for the contract.
 *
 * Standard output is the one thing here that is not a file of ours: it is written with write(2),
 * and what a file system may hold goes through base/fs.
 */
#include "cli/out.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/utf8.h"
#include "cli/stop.h"

#define PIECE_BYTES 4096 /* text is escaped in pieces of this size */

int out_open(struct out *o, const char *path, struct err *e)
{
    o->file = FS_CLOSED;
    o->path = path;
    o->part_path = NULL;
    o->offset = 0;
    o->reader_gone = o->failed = false;
    err_clear(&o->err);
    o->b = buf_over(o->memory, sizeof o->memory);
    if (path == NULL)
        return 0;
    if (asprintf(&o->part_path, "%s.part", path) < 0) {
        o->part_path = NULL;
        return err_set(e, ERR_MEMORY, "out of memory");
    }
    if (fs_open(&o->file, o->part_path, FS_REPLACE, e) != 0) {
        free(o->part_path);
        o->part_path = NULL;
        return -1;
    }
    return 0;
}

/* A pipe that somebody made non-blocking is full: wait for its reader. */
static void wait_writable(void)
{
    struct pollfd fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

    poll(&fd, 1, -1);
}

static void write_stdout(struct out *o)
{
    size_t at = 0;

    while (at < o->b.n) {
        ssize_t n = write(STDOUT_FILENO, o->b.p + at, o->b.n - at);

        if (n >= 0) {
            at += (size_t)n;
        } else if (errno == EAGAIN) {
            wait_writable();
        } else if (errno == EPIPE) {
            o->reader_gone = true;
            return;
        } else if (errno != EINTR) {
            o->failed = true;
            err_sys(&o->err, "cannot write to standard output");
            return;
        }
        if (n < 0 && stop_asked())
            return;
    }
}

static void write_file(struct out *o)
{
    struct iovec part = { o->b.p, o->b.n };
    size_t written;

    if (fs_write_at(&o->file, &part, 1, o->offset, &written, &o->err) != 0)
        o->failed = true;
    o->offset += written;
}

void out_flush(struct out *o)
{
    if (o->b.n > 0 && !out_stopped(o)) {
        if (o->path != NULL)
            write_file(o);
        else
            write_stdout(o);
    }
    buf_rewind(&o->b, 0);
}

bool out_stopped(const struct out *o)
{
    return o->reader_gone || o->failed;
}

void out_add(struct out *o, const void *p, size_t n)
{
    const char *from = p;

    while (n > 0) {
        size_t room = o->b.cap - o->b.n, part = n < room ? n : room;

        buf_add(&o->b, from, part);
        from += part;
        n -= part;
        if (o->b.n == o->b.cap)
            out_flush(o);
    }
}

void out_add_str(struct out *o, struct str s)
{
    out_add(o, s.p, s.n);
}

void out_addf(struct out *o, const char *format, ...)
{
    char memory[PIECE_BYTES];
    struct buf b = buf_over(memory, sizeof memory);
    va_list args;

    va_start(args, format);
    buf_addv(&b, format, args);
    va_end(args);
    out_add_str(o, buf_str(&b));
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* How many bytes from the start are printable ASCII, eight at a time: at most what is really there. */
static size_t plain_bytes(const char *p, size_t n)
{
    size_t at = 0;

    for (; n - at >= 8; at += 8) {
        uint64_t x, odd;

        memcpy(&x, p + at, sizeof x);
        odd = x | (x - EACH_BYTE(0x20)) | ((x ^ EACH_BYTE(0x7F)) - EACH_BYTE(1));
        if ((odd & EACH_BYTE(0x80)) != 0)
            break;
    }
    while (at < n && p[at] >= 0x20 && p[at] < 0x7F)
        at++;
    return at;
}

static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point <= 0x9F);
}

void out_add_line(struct out *o, struct str line)
{
    size_t kept = 0, at = 0; /* line.p[kept .. at) is good and not added yet */

    for (;;) {
        uint32_t point;
        bool valid;
        size_t n;

        at += plain_bytes(line.p + at, line.n - at);
        if (at == line.n)
            break;
        n = utf8_next(str_from(line.p + at, line.n - at), &point, &valid);
        if (!valid || is_control(point)) {
            out_add(o, line.p + kept, at - kept);
            out_addf(o, "\\u%04x", (unsigned)point); /* ill-formed: the replacement character */
            kept = at + n;
        }
        at += n;
    }
    out_add(o, line.p + kept, at - kept);
    out_add_str(o, STR("\n"));
}

/* Lets add write s piece by piece, each of whole characters and small enough for its longest
 * escapes. */
static void add_pieces(struct out *o, struct str s, void (*add)(struct buf *b, struct str piece))
{
    while (s.n > 0) {
        char memory[PIECE_BYTES];
        struct buf b = buf_over(memory, sizeof memory);
        struct str piece = utf8_cut(s, sizeof memory / 6);

        add(&b, piece);
        out_add_str(o, buf_str(&b));
        s.p += piece.n;
        s.n -= piece.n;
    }
}

void out_add_printable(struct out *o, struct str s)
{
    add_pieces(o, s, utf8_add_printable);
}

void out_add_json(struct out *o, struct str s)
{
    out_add_str(o, STR("\""));
    add_pieces(o, s, json_add_escaped);
    out_add_str(o, STR("\""));
}

void out_wait(struct out *o, int timeout_ms)
{
    /* Without events a poll reports only that the other end is gone. */
    struct pollfd fd = { .fd = o->path == NULL ? STDOUT_FILENO : -1, .events = 0 };

    if (poll(&fd, 1, timeout_ms) > 0 && (fd.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
        o->reader_gone = true;
}

static int close_file(struct out *o, bool complete, struct err *e)
{
    int r = 0;

    fs_close(&o->file);
    if (complete && !o->failed)
        r = fs_rename(o->part_path, o->path, e);
    else
        fs_unlink(o->part_path, NULL);
    free(o->part_path);
    o->part_path = NULL;
    return r;
}

int out_close(struct out *o, bool complete, struct err *e)
{
    int r = 0;

    out_flush(o);
    if (o->path != NULL)
        r = close_file(o, complete, e);
    if (o->failed) {
        *e = o->err;
        return -1;
    }
    return r;
}
