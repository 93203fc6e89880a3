/*
 * hit.c - the line scanner of the reports. See hit.h for the contract.
 *
 * Called by every scanning thread for every block of text. Always true: no byte outside the text is
 * read; a value handed out is free of JSON escapes; a line that the quick way does not understand is
 * read again by the careful way, so that both give the same fields.
 */
#include "hit.h"

#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/date.h"
#include "base/json.h"

#define SCRATCH_BYTES (256 * 1024)
#define STEP_BYTES    64

/* ---- which fields ------------------------------------------------------------------------------ */

void hit_wanted_begin(struct hit_wanted *wanted)
{
    memset(wanted, 0, sizeof *wanted);
}

static unsigned key_hash(const char *p, size_t n)
{
    return ((unsigned char)p[0] * 7u + (unsigned char)p[n - 1] * 31u +
            (unsigned char)p[n / 2] * 13u + (unsigned)n * 41u) &
           255u;
}

static int find_slot(const struct hit_wanted *wanted, const char *p, size_t n)
{
    if (n == 0)
        return -1;
    for (unsigned h = key_hash(p, n); wanted->table[h] != 0; h = (h + 1) & 255u) {
        int slot = wanted->table[h] - 1;

        if (wanted->names[slot].n == n && memcmp(wanted->names[slot].p, p, n) == 0)
            return slot;
    }
    return -1;
}

static int find_param(const struct hit_wanted *wanted, struct str key)
{
    for (unsigned i = 0; i < wanted->count; i++) {
        if (wanted->is_param[i] && str_eq(wanted->names[i], key))
            return (int)i;
    }
    return -1;
}

int hit_want(struct hit_wanted *wanted, struct str field)
{
    bool is_param = str_starts(field, STR("params."));
    int slot;

    if (is_param)
        field = str_from(field.p + 7, field.n - 7);
    slot = is_param ? find_param(wanted, field) : find_slot(wanted, field.p, field.n);
    if (slot >= 0)
        return slot;
    if (wanted->count == HIT_SLOTS || field.n == 0)
        return -1;
    slot = (int)wanted->count++;
    wanted->names[slot] = field;
    wanted->is_param[slot] = is_param;
    wanted->any_param |= is_param;
    if (!is_param) {
        unsigned h = key_hash(field.p, field.n);

        while (wanted->table[h] != 0)
            h = (h + 1) & 255u;
        wanted->table[h] = (signed char)(slot + 1);
        wanted->lengths[(unsigned char)field.p[0]] |= UINT64_C(1) << (field.n & 63);
    }
    return slot;
}

int hit_scanner_begin(struct hit_scanner *scanner, const struct hit_wanted *wanted)
{
    memset(scanner, 0, sizeof *scanner);
    scanner->wanted = wanted;
    scanner->ts_slot = find_slot(wanted, "ts", 2);
    scanner->memory = malloc(SCRATCH_BYTES);
    scanner->scratch = buf_over(scanner->memory, scanner->memory == NULL ? 0 : SCRATCH_BYTES);
    return scanner->memory == NULL ? -1 : 0;
}

void hit_scanner_end(struct hit_scanner *scanner)
{
    free(scanner->memory);
    scanner->memory = NULL;
}

/* ---- quotes -------------------------------------------------------------------------------------- */

struct quotes {
    const char *base; /* of the 64 bytes that bits is about */
    const char *end;
    uint64_t bits;      /* quotes that no backslash stands before */
    bool escaped_first; /* the last byte was a backslash that counts */
    const char *slash;  /* behind the last 64 bytes that had any backslash */
};

#ifdef __SSE2__
static inline void mark_bytes(const char *p, uint64_t *quotes, uint64_t *slashes)
{
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    uint64_t q = 0, s = 0;

    for (int i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));

        q |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, quote)) << (16 * i);
        s |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, slash)) << (16 * i);
    }
    *quotes = q;
    *slashes = s;
}
#else
static inline void mark_bytes(const char *p, uint64_t *quotes, uint64_t *slashes)
{
    *quotes = *slashes = 0;
    for (int i = 0; i < STEP_BYTES; i++) {
        *quotes |= (uint64_t)(p[i] == '"') << i;
        *slashes |= (uint64_t)(p[i] == '\\') << i;
    }
}
#endif

/* Which of the 64 bytes have an escaping backslash before them. */
static uint64_t escaped_bytes(uint64_t slashes, bool *escaped_first)
{
    uint64_t escaped = *escaped_first ? 1 : 0;

    *escaped_first = false;
    slashes &= ~escaped;
    while (slashes != 0) {
        int at = __builtin_ctzll(slashes);

        if (at == STEP_BYTES - 1) {
            *escaped_first = true;
            break;
        }
        escaped |= UINT64_C(2) << at;
        slashes &= ~(UINT64_C(3) << at);
    }
    return escaped;
}

static void load_step(struct quotes *q)
{
    uint64_t slashes;

    if (q->end - q->base >= STEP_BYTES) {
        mark_bytes(q->base, &q->bits, &slashes);
    } else {
        char rest[STEP_BYTES] = { 0 };

        memcpy(rest, q->base, (size_t)(q->end - q->base));
        mark_bytes(rest, &q->bits, &slashes);
    }
    if (slashes != 0)
        q->slash = q->base + STEP_BYTES;
    if (slashes != 0 || q->escaped_first)
        q->bits &= ~escaped_bytes(slashes, &q->escaped_first);
}

static void quotes_begin(struct quotes *q, const char *p, const char *end)
{
    *q = (struct quotes){ p, end, 0, false, p };
    if (p < end)
        load_step(q);
}

/* NULL behind the last one. */
static inline const char *next_quote(struct quotes *q)
{
    const char *p;

    while (q->bits == 0) {
        if (q->end - q->base <= STEP_BYTES)
            return NULL;
        q->base += STEP_BYTES;
        load_step(q);
    }
    p = q->base + __builtin_ctzll(q->bits);
    q->bits &= q->bits - 1;
    return p;
}

/* ---- values -------------------------------------------------------------------------------------- */

static struct str plain(struct hit_scanner *scanner, struct str raw)
{
    size_t start = scanner->scratch.n;

    if (raw.n == 0 || memchr(raw.p, '\\', raw.n) == NULL)
        return raw;
    if (!json_unescape(&scanner->scratch, raw) || scanner->scratch.full) {
        buf_rewind(&scanner->scratch, start);
        return raw;
    }
    return str_from(scanner->memory + start, scanner->scratch.n - start);
}

static inline unsigned digits(const char *p, int n, unsigned *bad)
{
    unsigned value = 0;

    for (int i = 0; i < n; i++) {
        unsigned d = (unsigned char)p[i] - (unsigned)'0';

        *bad |= d > 9;
        value = value * 10 + d;
    }
    return value;
}

/* "2026-11-23T14:05:09.123Z", as we write it; anything else the slow way. */
static bool parse_time(struct hit_scanner *scanner, struct str s, int64_t *ms)
{
    unsigned bad = 0, hour, minute, second, milli;

    if (s.n != DATE_RFC3339_BYTES || s.p[10] != 'T' || s.p[13] != ':' || s.p[16] != ':' ||
        s.p[19] != '.' || s.p[23] != 'Z')
        return date_parse(s, ms);
    if (memcmp(s.p, scanner->day_text, sizeof scanner->day_text) != 0) {
        if (!date_parse(str_from(s.p, sizeof scanner->day_text), &scanner->day_ms))
            return false;
        memcpy(scanner->day_text, s.p, sizeof scanner->day_text);
    }
    hour = digits(s.p + 11, 2, &bad);
    minute = digits(s.p + 14, 2, &bad);
    second = digits(s.p + 17, 2, &bad);
    milli = digits(s.p + 20, 3, &bad);
    if (bad || hour > 23 || minute > 59 || second > 59)
        return date_parse(s, ms);
    *ms = scanner->day_ms + (int64_t)((hour * 60 + minute) * 60 + second) * DATE_SECOND_MS + milli;
    return true;
}

/* ---- the quick way --------------------------------------------------------------------------------- */

static inline void keep(struct hit_scanner *scanner, struct hit *hit, const char *key,
                        const char *key_end, struct str value)
{
    size_t n = (size_t)(key_end - key);
    int slot;

    if ((scanner->wanted->lengths[(unsigned char)*key] >> (n & 63) & 1) == 0)
        return;
    slot = find_slot(scanner->wanted, key, n);
    if (slot >= 0 && hit->value[slot].p == NULL)
        hit->value[slot] = value;
}

/* {"key":"value",...}: only text in it. Returns the byte behind the brace, NULL for another shape. */
static const char *quick_map(struct hit_scanner *scanner, struct quotes *q, const char *p,
                             struct hit *hit)
{
    if (p + 1 < q->end && p[1] == '}')
        return p + 2;
    while (p + 1 < q->end && p[1] == '"') {
        const char *key = next_quote(q), *key_end = next_quote(q), *value, *value_end;

        if (key != p + 1 || key_end == NULL || key_end + 2 >= q->end || key_end[1] != ':' ||
            key_end[2] != '"')
            return NULL;
        value = next_quote(q);
        value_end = next_quote(q);
        if (value_end == NULL)
            return NULL;
        if (scanner->wanted->any_param) {
            int slot = find_param(scanner->wanted,
                                  plain(scanner, str_from(key + 1, (size_t)(key_end - key - 1))));

            if (slot >= 0 && hit->value[slot].p == NULL)
                hit->value[slot] = str_from(value + 1, (size_t)(value_end - value - 1));
        }
        p = value_end + 1;
        if (p < q->end && *p == '}')
            return p + 1;
        if (p >= q->end || *p != ',')
            return NULL;
    }
    return NULL;
}

static const char *quick_token(const char *p, const char *end)
{
    while (p < end && *p != ',' && *p != '}' && *p != '\n' && *p != ' ')
        p++;
    return p;
}

/* p stands at '{'. Returns the end of the line (its newline, or the end of the text), NULL for another shape. */
static const char *quick_line(struct hit_scanner *scanner, struct quotes *q, const char *p,
                              struct hit *hit)
{
    const char *end = q->end;

    for (;;) {
        const char *key, *key_end, *value, *value_end;

        if (p + 1 >= end || p[1] != '"')
            return NULL;
        key = next_quote(q);
        key_end = next_quote(q);
        if (key != p + 1 || key_end == NULL || key_end + 2 >= end || key_end[1] != ':')
            return NULL;
        p = key_end + 2;
        if (*p == '"') {
            value = next_quote(q);
            value_end = next_quote(q);
            if (value != p || value_end == NULL)
                return NULL;
            keep(scanner, hit, key + 1, key_end,
                 str_from(value + 1, (size_t)(value_end - value - 1)));
            p = value_end + 1;
        } else if (*p == '{') {
            p = quick_map(scanner, q, p, hit);
            if (p == NULL)
                return NULL;
        } else {
            value = p;
            p = quick_token(p, end);
            if (p == value || *value == '[')
                return NULL;
            if (*value != 'n')
                keep(scanner, hit, key + 1, key_end, str_from(value, (size_t)(p - value)));
        }
        if (p >= end)
            return NULL;
        if (*p == '}')
            break;
        if (*p != ',')
            return NULL;
    }
    p++;
    return p == end || *p == '\n' ? p : NULL;
}

/* ---- the careful way ------------------------------------------------------------------------------- */

static void careful_map(struct hit_scanner *scanner, struct str map, struct hit *hit)
{
    struct json_scan scan;
    struct json_field field;

    json_scan_begin(&scan, map);
    while (json_scan_next(&scan, &field) == 1) {
        int slot = find_param(scanner->wanted, plain(scanner, field.key));

        if (slot >= 0 && field.type != JSON_NULL && hit->value[slot].p == NULL)
            hit->value[slot] = field.value;
    }
}

static bool careful_line(struct hit_scanner *scanner, struct str line, struct hit *hit)
{
    struct json_scan scan;
    struct json_field field;
    int more;

    json_scan_begin(&scan, line);
    while ((more = json_scan_next(&scan, &field)) == 1) {
        if (field.type == JSON_OBJECT && str_eq(field.key, STR("params")))
            careful_map(scanner, field.value, hit);
        else if (field.type != JSON_NULL)
            keep(scanner, hit, field.key.p, field.key.p + field.key.n, field.value);
    }
    return more == 0;
}

/* ---- lines ----------------------------------------------------------------------------------------- */

static void forget(struct hit_scanner *scanner, struct hit *hit)
{
    for (unsigned i = 0; i < scanner->wanted->count; i++)
        hit->value[i] = STR_ABSENT;
    buf_rewind(&scanner->scratch, 0);
}

static void deliver(struct hit_scanner *scanner, struct hit *hit, bool escapes, hit_fn *each,
                    void *arg)
{
    for (unsigned i = 0; escapes && i < scanner->wanted->count; i++)
        hit->value[i] = plain(scanner, hit->value[i]);
    if (scanner->ts_slot < 0 || hit->value[scanner->ts_slot].p == NULL ||
        !parse_time(scanner, hit->value[scanner->ts_slot], &hit->ts_ms)) {
        scanner->unusable++;
        return;
    }
    each(arg, hit);
}

/* The end of the line at p, and its fields; the hit's line is absent when it is no record. *escapes: some may stand in values. */
static const char *read_line(struct hit_scanner *scanner, struct quotes *quotes, const char *p,
                             struct hit *hit, bool *escapes)
{
    const char *end = quotes->end, *line_end;

    forget(scanner, hit);
    line_end = *p == '{' ? quick_line(scanner, quotes, p, hit) : NULL;
    *escapes = quotes->slash > p;
    if (line_end != NULL)
        return line_end;
    *escapes = true;
    forget(scanner, hit);
    line_end = memchr(p, '\n', (size_t)(end - p));
    if (line_end == NULL)
        line_end = end;
    quotes_begin(quotes, line_end, end);
    if (line_end > p && !careful_line(scanner, str_from(p, (size_t)(line_end - p)), hit)) {
        forget(scanner, hit);
        scanner->unusable++;
        hit->line = STR_ABSENT;
        return line_end;
    }
    return line_end;
}

void hit_scan(struct hit_scanner *scanner, struct str text, hit_fn *each, void *arg)
{
    const char *p = text.p, *end = text.p + text.n;
    struct quotes quotes;
    struct hit hit;

    quotes_begin(&quotes, p, end);
    while (p < end) {
        bool escapes;
        const char *line_end;

        hit.line = str_from(p, 0);
        line_end = read_line(scanner, &quotes, p, &hit, &escapes);
        if (hit.line.p != NULL && line_end > p) {
            hit.line.n = (size_t)(line_end - p);
            deliver(scanner, &hit, escapes, each, arg);
        }
        p = line_end < end ? line_end + 1 : end;
    }
}
