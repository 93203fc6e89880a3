/*
 * metrics.c - the counters as text for Prometheus. See metrics.h for the contract. Called by
 * ep_admin.c.
 *
 * What must be true: HELP and TYPE stand once for each name, so rows of one name stand together
 * and only the first has a help text; the whole text fits into one answer.
 */
#include "server/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/date.h"
#include "base/fs.h"
#include "base/utf8.h"
#include "model/geo.h"
#include "server/admin_view.h"
#include "server/answer.h"

/* The longest part of geo_describe that is shown. */
#define GEO_BYTES_MAX 512

/* ---- the form ---------------------------------------------------------------------------- */

struct row {
    const char *name, *labels, *help;
    size_t offset; /* of its value */
};

/* A name, its number, and twice more the name in HELP and TYPE. */
#define ROW_BYTES_MAX(name, labels, help)                                                          \
    (3 * sizeof(name) + sizeof(labels) + sizeof(help) +                                            \
     sizeof "# HELP  \n# TYPE  counter\n{} \n" + 20)

static void add_head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_value(struct buf *b, const char *name, const char *labels, uint64_t value)
{
    if (labels[0] == '\0')
        buf_addf(b, "%s %llu\n", name, (unsigned long long)value);
    else
        buf_addf(b, "%s{%s} %llu\n", name, labels, (unsigned long long)value);
}

static void add_counters(struct buf *b, const struct row *rows, size_t count, const void *values)
{
    const char *name = "";

    for (const struct row *row = rows; row < rows + count; row++) {
        uint64_t value;

        if (strcmp(row->name, name) != 0)
            add_head(b, row->name, "counter", row->help);
        name = row->name;
        memcpy(&value, (const char *)values + row->offset, sizeof value);
        add_value(b, row->name, row->labels, value);
    }
}

static void add_gauge(struct buf *b, const char *name, const char *help, uint64_t value)
{
    add_head(b, name, "gauge", help);
    add_value(b, name, "", value);
}

/* A metric that is always 1 and tells by its label. */
static void add_info(struct buf *b, const char *name, const char *help, const char *label,
                     struct str value)
{
    add_head(b, name, "gauge", help);
    buf_addf(b, "%s{%s=\"", name, label);
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\\' || value.p[i] == '"')
            buf_add_char(b, '\\');
        if (value.p[i] != '\n')
            buf_add_char(b, value.p[i]);
    }
    buf_add_lit(b, "\"} 1\n");
}

/* ---- hits and connections ---------------------------------------------------------------- */

/* The same fields as struct metrics, summed. */
struct totals {
#define TOTALS_FIELD(field, name, labels, help) uint64_t field;
    METRICS_COUNTERS(TOTALS_FIELD)
#undef TOTALS_FIELD
};

static const struct row counter_rows[] = {
#define COUNTER_ROW(field, name, labels, help)                                                     \
    { name, labels, help, offsetof(struct totals, field) },
    METRICS_COUNTERS(COUNTER_ROW)
#undef COUNTER_ROW
};

static struct totals sum(const struct admin_view *server)
{
    struct totals t = { 0 };

    for (unsigned i = 0; i < server->metrics_count; i++) {
#define ADD(field, name, labels, help)                                                             \
    t.field += atomic_load_explicit(&server->metrics[i]->field, memory_order_relaxed);
        METRICS_COUNTERS(ADD)
#undef ADD
    }
    return t;
}

static void add_server(struct buf *b, const struct admin_view *server)
{
    struct totals t = sum(server);
    /* Two threads' values are not of the same instant. */
    uint64_t open = t.connections_accepted < t.connections_closed
                        ? 0
                        : t.connections_accepted - t.connections_closed;

    add_counters(b, counter_rows, sizeof counter_rows / sizeof counter_rows[0], &t);
    add_gauge(b, "crumb_connections", "Connections open now", open);
    add_gauge(b, "crumb_draining", "1 while a stop waits for answers to go out",
              atomic_load_explicit(server->draining, memory_order_relaxed));
}

/* ---- the store --------------------------------------------------------------------------- */

static const struct row store_rows[] = {
#define STORE_ROW(field, help)                                                                     \
    { "crumb_store_" #field "_total", "", help, offsetof(struct store_counters, field) },
    STORE_COUNTERS(STORE_ROW)
#undef STORE_ROW
};

static void add_store(struct buf *b, const struct store *store)
{
    struct store_counters counters;

    store_counters(store, &counters);
    add_counters(b, store_rows, sizeof store_rows / sizeof store_rows[0], &counters);
    add_gauge(b, "crumb_store_unsealed_segments", "Spool segments that wait to be sealed",
              counters.unsealed_segments);
}

/* ---- the process ------------------------------------------------------------------------- */

/* The second number of statm is the resident set in pages. */
static uint64_t resident_bytes(void)
{
    struct fs_file file;
    struct str text;
    char memory[128];
    uint64_t count = 0;
    size_t n = 0;

    if (fs_open(&file, "/proc/self/statm", FS_READ, NULL) != 0)
        return 0;
    if (fs_read_at(&file, memory, sizeof memory, 0, &n, NULL) == 0) {
        text = str_from(memory, n);
        str_cut(&text, ' ');
        str_to_u64(str_cut(&text, ' '), UINT64_MAX, &count);
    }
    fs_close(&file);
    return count * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void add_seconds(struct buf *b, const char *name, const char *type, const char *help,
                        int64_t ms)
{
    add_head(b, name, type, help);
    buf_addf(b, "%s %lld.%03d\n", name, (long long)(ms / DATE_SECOND_MS),
             (int)(ms % DATE_SECOND_MS));
}

static int64_t ms_of(struct timeval t)
{
    return (int64_t)t.tv_sec * DATE_SECOND_MS + t.tv_usec / 1000;
}

static void add_process(struct buf *b, const struct admin_view *server)
{
    struct rusage usage = { 0 };

    getrusage(RUSAGE_SELF, &usage);
    add_seconds(b, "process_cpu_seconds_total", "counter", "CPU time, user and system",
                ms_of(usage.ru_utime) + ms_of(usage.ru_stime));
    add_seconds(b, "process_start_time_seconds", "gauge", "When the process started",
                server->started_ms);
    add_gauge(b, "process_resident_memory_bytes", "Memory in use", resident_bytes());
}

/* ---- all --------------------------------------------------------------------------------- */

/* As many bytes as all rows can take. */
struct rows_bytes {
#define COUNTER_BYTES(field, name, labels, help) char field[ROW_BYTES_MAX(name, labels, help)];
    METRICS_COUNTERS(COUNTER_BYTES)
#undef COUNTER_BYTES
#define STORE_BYTES(field, help)                                                                   \
    char store_##field[ROW_BYTES_MAX("crumb_store_" #field "_total", "", help)];
    STORE_COUNTERS(STORE_BYTES)
#undef STORE_BYTES
    char others[8][256];
    char databases[2 * GEO_BYTES_MAX];
};

_Static_assert(sizeof(struct rows_bytes) < ANSWER_BYTES_MAX - ANSWER_HEAD_BYTES_MAX,
               "/metrics does not fit into one answer");

void metrics_add_text(struct buf *b, const struct admin_view *server, const struct geo_set *geo)
{
    struct str databases = utf8_cut(str_of(geo_describe(geo)), GEO_BYTES_MAX);

    add_server(b, server);
    add_store(b, server->store);
    add_process(b, server);
    add_info(b, "crumb_build_info", "The running version", "version", str_of(server->version));
    add_info(b, "crumb_geo_info", "The geo databases in use", "databases", databases);
}
