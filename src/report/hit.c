/*
 * hit.c - the line scanner of the reports. See hit.h for the contract.
 *
 * Called by every scanning thread for every block of text. Always true: no byte outside the text is
 * read; a value handed out is free of JSON escapes; a line that the quick way does not understand is
 * read again by the careful way, so that both give the same fields.
 */
#include "hit.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/json.h"

#define SCRATCH_BYTES (256 * 1024)
#define MINUTE_BYTES  17 /* "2026-11-23T14:05:" */

/* ---- which fields ------------------------------------------------------------------------------ */

void hit_wanted_begin(struct hit_wanted *wanted)
{
    memset(wanted, 0, sizeof *wanted);
}

/* By the two bytes in front of a key's closing quote: `ry` of "country", `"v` of "v". */
static inline unsigned tail_hash(const void *tail)
{
    uint16_t two;

    memcpy(&two, tail, sizeof two);
    return (uint16_t)(two * 0x9E3Bu) >> 8;
}

static unsigned key_hash(struct str key)
{
    const char one[2] = { '"', key.p[0] };

    return tail_hash(key.n == 1 ? one : key.p + key.n - 2);
}

static int find_slot(const struct hit_wanted *wanted, struct str key)
{
    if (key.n == 0)
        return -1;
    for (unsigned h = key_hash(key); wanted->table[h] != 0; h = (h + 1) & 255u) {
        if (str_eq(wanted->names[wanted->table[h] - 1], key))
            return wanted->table[h] - 1;
    }
    return -1;
}

/* The 8 bytes in front of p, of which only `room` can be read; zeroes before them. */
static inline uint64_t bytes_before(const char *p, size_t room)
{
    char bytes[8] = { 0 };
    uint64_t word;

    if (room >= sizeof bytes)
        memcpy(bytes, p - sizeof bytes, sizeof bytes);
    else if (room > 0)
        memcpy(bytes + sizeof bytes - room, p - room, room);
    memcpy(&word, bytes, sizeof word);
    return word;
}

static struct hit_tail tail_of(struct str name)
{
    char text[8] = { 0 }, ones[8] = { 0 };
    size_t n = name.n < 7 ? name.n + 1 : 8;
    struct hit_tail tail;

    memset(ones + 8 - n, 0xFF, n);
    if (name.n >= 8)
        memcpy(text, name.p + name.n - 8, 8);
    else {
        memcpy(text + 8 - name.n, name.p, name.n);
        text[7 - name.n] = '"';
    }
    memcpy(&tail.bytes, text, 8);
    memcpy(&tail.mask, ones, 8);
    return tail;
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
    slot = is_param ? find_param(wanted, field) : find_slot(wanted, field);
    if (slot >= 0)
        return slot;
    if (wanted->count == HIT_SLOTS || field.n == 0)
        return -1;
    slot = (int)wanted->count++;
    wanted->names[slot] = field;
    wanted->is_param[slot] = is_param;
    wanted->any_param |= is_param;
    if (!is_param) {
        unsigned h = key_hash(field);

        while (wanted->table[h] != 0)
            h = (h + 1) & 255u;
        wanted->table[h] = (signed char)(slot + 1);
        wanted->tail[slot] = tail_of(field);
    }
    return slot;
}

int hit_scanner_begin(struct hit_scanner *scanner, const struct hit_wanted *wanted)
{
    memset(scanner, 0, sizeof *scanner);
    scanner->wanted = wanted;
    scanner->ts_slot = find_slot(wanted, STR("ts"));
    scanner->mark = marks_ways()[0];
    scanner->marks = malloc(sizeof *scanner->marks);
    scanner->memory = malloc(SCRATCH_BYTES);
    scanner->scratch = buf_over(scanner->memory, scanner->memory == NULL ? 0 : SCRATCH_BYTES);
    return scanner->memory == NULL || scanner->marks == NULL ? -1 : 0;
}

void hit_scanner_end(struct hit_scanner *scanner)
{
    free(scanner->memory);
    free(scanner->marks);
    scanner->memory = NULL;
    scanner->marks = NULL;
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

/* "2026-11-23T14:05:09.123Z", as we write it; anything else the slow way. Lines are nearly in order of time. */
static bool parse_time(struct hit_scanner *scanner, struct str s, int64_t *ms)
{
    unsigned bad = 0, second, milli;

    if (s.n != DATE_RFC3339_BYTES || s.p[19] != '.' || s.p[23] != 'Z')
        return date_parse(s, ms);
    second = digits(s.p + 17, 2, &bad);
    milli = digits(s.p + 20, 3, &bad);
    if (bad || second > 59 || memcmp(s.p, scanner->minute_text, MINUTE_BYTES) != 0) {
        if (!date_parse(s, ms))
            return false;
        memcpy(scanner->minute_text, s.p, MINUTE_BYTES);
        scanner->minute_ms = *ms - (int64_t)second * DATE_SECOND_MS - milli;
        return true;
    }
    *ms = scanner->minute_ms + (int64_t)second * DATE_SECOND_MS + milli;
    return true;
}

/* ---- the quick way --------------------------------------------------------------------------------- */

/* One line while its keys go by. Places are those of marks. */
struct line {
    size_t start;
    size_t skip; /* keys in front of it are of a map that was read */
    bool odd;    /* its shape is not ours: the careful way will read it */
};

/* First bytes of values that are no text, number or word, or of what is not written our way. */
static const unsigned char odd_values[256] = {
    ['{'] = 1, ['['] = 1, [' '] = 1, ['\t'] = 1, ['\r'] = 1, ['\n'] = 1
};
static const unsigned char line_ends[256] = { ['\n'] = 1 };

/*
 * Leaves only line ends, and keys that may be wanted by the two bytes before their closing quote: a
 * table and no branch, as nobody can guess which of the next keys that will be. Places too near to
 * a border to look around are left to take_key.
 */
static size_t sieve(const struct hit_wanted *wanted, struct marks *marks)
{
    const unsigned char *text = (const unsigned char *)marks->text;
    uint16_t *place = marks->place;
    size_t kept = 0, end = marks->count, i;

    while (kept < end && place[kept] < 2)
        kept++;
    while (end > kept && place[end - 1] + 2u >= marks->n)
        end--;
    for (i = kept; i < end; i++) {
        const unsigned char *p = text + place[i];

        place[kept] = place[i];
        kept += (wanted->table[tail_hash(p - 2)] | odd_values[p[2]] | line_ends[*p]) != 0;
    }
    while (i < marks->count)
        place[kept++] = place[i++];
    return kept;
}

/* Text in quotes, the first of which is at *at; *at is put behind it. Absent when there is none. */
static struct str take_string(struct hit_scanner *scanner, size_t *at)
{
    const struct marks *marks = scanner->marks;
    size_t start = *at + 1, close;
    bool slashes;
    struct str raw;

    if (start >= marks->n || marks->text[*at] != '"')
        return STR_ABSENT;
    close = marks_next_quote(marks, start, &slashes);
    if (close == SIZE_MAX)
        return STR_ABSENT;
    *at = close + 1;
    raw = str_from(marks->text + start, close - start);
    return slashes ? plain(scanner, raw) : raw;
}

/* {"key":"value",...}: only text in it. Returns the place behind the brace, 0 for another shape. */
static size_t quick_map(struct hit_scanner *scanner, size_t at, struct hit *hit)
{
    const struct marks *marks = scanner->marks;

    at++;
    if (at < marks->n && marks->text[at] == '}')
        return at + 1;
    for (;;) {
        struct str key = take_string(scanner, &at), value;
        int slot;

        if (key.p == NULL || at >= marks->n || marks->text[at++] != ':')
            return 0;
        value = take_string(scanner, &at);
        if (value.p == NULL || at >= marks->n)
            return 0;
        slot = scanner->wanted->any_param ? find_param(scanner->wanted, key) : -1;
        if (slot >= 0 && hit->value[slot].p == NULL)
            hit->value[slot] = value;
        if (marks->text[at] == '}')
            return at + 1;
        if (marks->text[at++] != ',')
            return 0;
    }
}

/* Does the quote at `close` end the key "params"? */
static bool is_params(const struct marks *marks, size_t close)
{
    return close >= 8 && memcmp(marks->text + close - 7, "\"params", 7) == 0 &&
           marks->text[close - 8] != '\\';
}

/* The slot of the key that the quote at `close` ends. A quote with no backslash before it is where a key begins. */
static inline int slot_at(const struct hit_wanted *wanted, const struct marks *marks, size_t close)
{
    const char *p = marks->text + close;
    uint64_t bytes = bytes_before(p, close);

    if (close < 2)
        return -1;
    for (unsigned h = tail_hash(p - 2); wanted->table[h] != 0; h = (h + 1) & 255u) {
        int slot = wanted->table[h] - 1;
        size_t n = wanted->names[slot].n;

        if (((bytes ^ wanted->tail[slot].bytes) & wanted->tail[slot].mask) != 0 || close < n + 2)
            continue;
        if (n < 8 || (p[-(ptrdiff_t)n - 1] == '"' && memcmp(p - n, wanted->names[slot].p, n) == 0))
            return p[-(ptrdiff_t)n - 2] == '\\' ? -1 : slot;
    }
    return -1;
}

/* A number or a word; null is none. */
static void take_token(const struct marks *marks, size_t at, struct line *line, struct str *value)
{
    size_t start = at;

    while (at < marks->n && memchr(",}\n ", marks->text[at], 4) == NULL)
        at++;
    line->odd |= at == start;
    if (marks->text[start] != 'n')
        *value = str_from(marks->text + start, at - start);
}

/* The value at `at` is no text. */
static void take_other(struct hit_scanner *scanner, size_t at, struct line *line, struct hit *hit)
{
    const struct marks *marks = scanner->marks;
    int slot;

    if (at < marks->n && marks->text[at] == '{' && is_params(marks, at - 2)) {
        line->skip = quick_map(scanner, at, hit);
        line->odd |= line->skip == 0;
    } else if (at >= marks->n || odd_values[(unsigned char)marks->text[at]]) {
        line->odd = true;
    } else if ((slot = slot_at(scanner->wanted, marks, at - 2)) >= 0 &&
               hit->value[slot].p == NULL) {
        take_token(marks, at, line, &hit->value[slot]);
    }
}

/* close: a quote with a colon behind. */
static inline void take_key(struct hit_scanner *scanner, size_t close, struct line *line,
                            struct hit *hit)
{
    size_t at = close + 2;
    int slot;

    if (at >= scanner->marks->n || scanner->marks->text[at] != '"') {
        take_other(scanner, at, line, hit);
        return;
    }
    slot = slot_at(scanner->wanted, scanner->marks, close);
    if (slot >= 0 && hit->value[slot].p == NULL) {
        hit->value[slot] = take_string(scanner, &at);
        line->odd |= hit->value[slot].p == NULL;
    }
}

/* An object from end to end, as far as can be told without looking at every byte. */
static bool is_whole(const struct marks *marks, const struct line *line, size_t end)
{
    const char *p = marks->text + line->start;

    return !line->odd && end - line->start > 2 && p[0] == '{' && p[1] == '"' &&
           marks->text[end - 1] == '}' && end > line->skip &&
           marks_outside(marks, line->start) == marks_outside(marks, end);
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
            hit->value[slot] = plain(scanner, field.value);
    }
}

static void keep(struct hit_scanner *scanner, struct hit *hit, struct str key, struct str value)
{
    int slot = find_slot(scanner->wanted, key);

    if (slot >= 0 && hit->value[slot].p == NULL)
        hit->value[slot] = plain(scanner, value);
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

static void deliver(struct hit_scanner *scanner, struct hit *hit, hit_fn *each, void *arg)
{
    if (scanner->ts_slot < 0 || hit->value[scanner->ts_slot].p == NULL ||
        !parse_time(scanner, hit->value[scanner->ts_slot], &hit->ts_ms))
        scanner->unusable++;
    else
        each(arg, hit);
}

static void deliver_carefully(struct hit_scanner *scanner, struct hit *hit, hit_fn *each, void *arg)
{
    forget(scanner, hit);
    if (careful_line(scanner, hit->line, hit))
        deliver(scanner, hit, each, arg);
    else
        scanner->unusable++;
}

static void end_line(struct hit_scanner *scanner, struct line *line, size_t end, struct hit *hit,
                     hit_fn *each, void *arg)
{
    hit->line = str_from(scanner->marks->text + line->start, end - line->start);
    if (is_whole(scanner->marks, line, end))
        deliver(scanner, hit, each, arg);
    else if (hit->line.n > 0)
        deliver_carefully(scanner, hit, each, arg);
    forget(scanner, hit);
    *line = (struct line){ .start = end + 1 };
}

/* The first line, which has no place among the marks. Returns how many bytes it takes. */
static size_t scan_long_line(struct hit_scanner *scanner, struct str text, hit_fn *each, void *arg)
{
    struct hit hit = { .line = str_cut(&text, '\n') };

    deliver_carefully(scanner, &hit, each, arg);
    return hit.line.n + 1;
}

/* The whole lines among the first bytes. Returns how many bytes they take. */
static size_t scan_some(struct hit_scanner *scanner, struct str text, hit_fn *each, void *arg)
{
    struct marks *marks = scanner->marks;
    struct line line = { 0 };
    struct hit hit;
    size_t count;

    forget(scanner, &hit);
    scanner->mark(marks, text.p, text.n < MARKS_BYTES ? text.n : MARKS_BYTES);
    count = sieve(scanner->wanted, marks);
    for (size_t i = 0; i < count; i++) {
        size_t at = marks->place[i];

        if (text.p[at] == '\n')
            end_line(scanner, &line, at, &hit, each, arg);
        else if (at >= line.skip)
            take_key(scanner, at, &line, &hit);
    }
    if (marks->n == text.n && line.start < text.n)
        end_line(scanner, &line, text.n, &hit, each, arg);
    return line.start;
}

void hit_scan(struct hit_scanner *scanner, struct str text, hit_fn *each, void *arg)
{
    while (text.n > 0) {
        size_t n = scan_some(scanner, text, each, arg);

        if (n == 0)
            n = scan_long_line(scanner, text, each, arg);
        text = n < text.n ? str_from(text.p + n, text.n - n) : STR("");
    }
}
