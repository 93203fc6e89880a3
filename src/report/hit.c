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

/* ---- marks: what stands where in 64 bytes ------------------------------------------------------- */

struct marks {
    uint64_t quotes, slashes, colons, newlines;
};

#ifdef __SSE2__
static inline uint64_t equal_bytes(const __m128i v[4], char c)
{
    const __m128i wanted = _mm_set1_epi8(c);
    uint64_t bits = 0;

    for (int i = 0; i < 4; i++)
        bits |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], wanted)) << (16 * i);
    return bits;
}

static inline struct marks mark_bytes(const char *p)
{
    __m128i v[4];

    for (int i = 0; i < 4; i++)
        v[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
    return (struct marks){ equal_bytes(v, '"'), equal_bytes(v, '\\'), equal_bytes(v, ':'),
                           equal_bytes(v, '\n') };
}
#else
static inline struct marks mark_bytes(const char *p)
{
    struct marks m = { 0 };

    for (int i = 0; i < STEP_BYTES; i++) {
        m.quotes |= (uint64_t)(p[i] == '"') << i;
        m.slashes |= (uint64_t)(p[i] == '\\') << i;
        m.colons |= (uint64_t)(p[i] == ':') << i;
        m.newlines |= (uint64_t)(p[i] == '\n') << i;
    }
    return m;
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

/*
 * Steps over a text. `events` are newlines, and the closing quotes of keys: quotes that no backslash stands
 * before, with a colon behind and none in front (a value that begins with a colon has one in front).
 */
struct steps {
    const char *base, *end;
    uint64_t quotes, events;
    const char *last_quote; /* of the steps before */
    uint64_t quotes_before; /* how many there were in them */
    const char *slash;      /* behind the last step with a backslash */
    bool escaped_first;     /* the step before ended with a backslash that counts */
    bool colon_before;      /* ... with a colon */
};

static void load_step(struct steps *s)
{
    struct marks m;
    uint64_t behind, front = s->colon_before;

    if (s->end - s->base > STEP_BYTES) {
        m = mark_bytes(s->base);
        behind = m.colons >> 1 | (uint64_t)(s->base[STEP_BYTES] == ':') << (STEP_BYTES - 1);
    } else {
        char rest[STEP_BYTES] = { 0 };

        memcpy(rest, s->base, (size_t)(s->end - s->base));
        m = mark_bytes(rest);
        behind = m.colons >> 1;
    }
    if (m.slashes != 0 || s->escaped_first) {
        m.quotes &= ~escaped_bytes(m.slashes, &s->escaped_first);
        s->slash = s->base + STEP_BYTES;
    }
    front |= m.colons << 1;
    s->colon_before = m.colons >> (STEP_BYTES - 1) != 0;
    s->quotes = m.quotes;
    s->events = (m.quotes & behind & ~front) | m.newlines;
}

static bool next_step(struct steps *s)
{
    if (s->end - s->base <= STEP_BYTES)
        return false;
    if (s->quotes != 0) {
        s->last_quote = s->base + STEP_BYTES - 1 - __builtin_clzll(s->quotes);
        s->quotes_before += (unsigned)__builtin_popcountll(s->quotes);
    }
    s->base += STEP_BYTES;
    load_step(s);
    return true;
}

/* Of the quotes in front of p, which is in this step. */
static inline uint64_t quotes_in_front(const struct steps *s, const char *p)
{
    size_t at = (size_t)(p - s->base);

    return at == STEP_BYTES ? s->quotes : s->quotes & ((UINT64_C(1) << at) - 1);
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

/* One line while its keys go by. */
struct line {
    const char *start;
    uint64_t quotes_before; /* of the text, in front of start */
    const char *skip;       /* events in front of it are of a map that was read */
    bool odd;               /* its shape is not ours: the careful way will read it */
};

/* p stands behind a quote; the quote that ends the string, or NULL. */
static const char *string_end(const char *p, const char *end)
{
    while ((p = memchr(p, '"', (size_t)(end - p))) != NULL) {
        const char *slash = p;

        while (slash[-1] == '\\')
            slash--;
        if ((p - slash) % 2 == 0)
            return p;
        p++;
    }
    return NULL;
}

/* The string whose opening quote is at *p; *p is put behind it. Absent when there is none. */
static struct str take_string(const char **p, const char *end)
{
    const char *start = *p + 1, *close;

    if (*p >= end || **p != '"')
        return STR_ABSENT;
    close = string_end(start, end);
    if (close == NULL)
        return STR_ABSENT;
    *p = close + 1;
    return str_from(start, (size_t)(close - start));
}

/* {"key":"value",...}: only text in it. Returns the byte behind the brace, NULL for another shape. */
static const char *quick_map(struct hit_scanner *scanner, const char *p, const char *end,
                             struct hit *hit)
{
    p++;
    if (p < end && *p == '}')
        return p + 1;
    for (;;) {
        struct str key = take_string(&p, end), value;
        int slot;

        if (key.p == NULL || p >= end || *p++ != ':')
            return NULL;
        value = take_string(&p, end);
        if (value.p == NULL || p >= end)
            return NULL;
        slot = scanner->wanted->any_param ? find_param(scanner->wanted, plain(scanner, key)) : -1;
        if (slot >= 0 && hit->value[slot].p == NULL)
            hit->value[slot] = value;
        if (*p == '}')
            return p + 1;
        if (*p++ != ',')
            return NULL;
    }
}

static bool is_params(const char *key, size_t n)
{
    return n == 6 && memcmp(key, "params", 6) == 0;
}

static bool keep_value(struct hit_scanner *scanner, struct hit *hit, const char *key, size_t n,
                       const char *value, const char *end)
{
    int slot = find_slot(scanner->wanted, key, n);
    const char *token = value;
    struct str text;

    if (slot < 0 || hit->value[slot].p != NULL)
        return true;
    if (*value == '"') {
        text = take_string(&value, end);
        hit->value[slot] = text;
        return text.p != NULL;
    }
    while (token < end && memchr(",}\n ", *token, 4) == NULL)
        token++;
    if (*value != 'n')
        hit->value[slot] = str_from(value, (size_t)(token - value));
    return token > value;
}

/* close: the closing quote of a key, with a colon behind. */
static void take_key(struct hit_scanner *scanner, const struct steps *s, const char *close,
                     struct line *line, struct hit *hit)
{
    uint64_t quotes = quotes_in_front(s, close);
    const char *open =
        quotes != 0 ? s->base + STEP_BYTES - 1 - __builtin_clzll(quotes) : s->last_quote;
    const char *value = close + 2;
    size_t n;

    if (open == NULL || open < line->start || value >= s->end) {
        line->odd = true;
        return;
    }
    n = (size_t)(close - open) - 1;
    if (*value == '{' && is_params(open + 1, n)) {
        line->skip = quick_map(scanner, value, s->end, hit);
        line->odd |= line->skip == NULL;
    } else if (*value == '{' || *value == '[' || *value == ' ') {
        line->odd = true;
    } else if ((scanner->wanted->lengths[(unsigned char)open[1]] >> (n & 63) & 1) != 0) {
        line->odd |= !keep_value(scanner, hit, open + 1, n, value, s->end);
    }
}

/* An object from end to end, as far as can be told without looking at every byte. */
static bool is_whole(const struct line *line, const char *end, uint64_t quotes)
{
    return !line->odd && end - line->start > 2 && line->start[0] == '{' && line->start[1] == '"' &&
           end[-1] == '}' && end > line->skip && (quotes - line->quotes_before) % 2 == 0;
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

static void keep(struct hit_scanner *scanner, struct hit *hit, struct str key, struct str value)
{
    int slot = find_slot(scanner->wanted, key.p, key.n);

    if (slot >= 0 && hit->value[slot].p == NULL)
        hit->value[slot] = value;
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
            keep(scanner, hit, field.key, field.value);
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

static void end_line(struct hit_scanner *scanner, const struct steps *s, struct line *line,
                     const char *end, struct hit *hit, hit_fn *each, void *arg)
{
    uint64_t quotes = s->quotes_before + (unsigned)__builtin_popcountll(quotes_in_front(s, end));

    hit->line = str_from(line->start, (size_t)(end - line->start));
    if (hit->line.n > 0 && is_whole(line, end, quotes)) {
        deliver(scanner, hit, s->slash > line->start, each, arg);
    } else if (hit->line.n > 0) {
        forget(scanner, hit);
        if (careful_line(scanner, hit->line, hit))
            deliver(scanner, hit, true, each, arg);
        else
            scanner->unusable++;
    }
    forget(scanner, hit);
    *line = (struct line){ .start = end + 1, .quotes_before = quotes };
}

void hit_scan(struct hit_scanner *scanner, struct str text, hit_fn *each, void *arg)
{
    struct steps s = { .base = text.p, .end = text.p + text.n };
    struct line line = { .start = text.p };
    struct hit hit = { .line = text };

    if (text.n == 0)
        return;
    forget(scanner, &hit);
    load_step(&s);
    do {
        while (s.events != 0) {
            const char *p = s.base + __builtin_ctzll(s.events);

            s.events &= s.events - 1;
            if (*p == '\n')
                end_line(scanner, &s, &line, p, &hit, each, arg);
            else if (p >= line.skip)
                take_key(scanner, &s, p, &line, &hit);
        }
    } while (next_step(&s));
    if (line.start < s.end)
        end_line(scanner, &s, &line, s.end, &hit, each, arg);
}
