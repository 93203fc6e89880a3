/*
 * json.c - JSON strings out, our own flat objects in. See json.h for the contract (RFC 8259).
 *
 * Both directions are on hot paths (one string per field of every hit, one scan per stored line),
 * so each has a fast loop over bytes that need nothing done and leaves it only at the others.
 */
#include "base/json.h"

#include "base/utf8.h"

#define DEPTH_MAX 64

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/*
 * Do eight bytes stand for themselves in a string: ASCII without control characters, DEL, '"' and '\\'? A
 * byte that does not sets the top bit of a byte in `odd` (and may set that of the next one too).
 */
static bool eight_are_plain(const char *p)
{
    uint64_t eight, odd;

    memcpy(&eight, p, sizeof eight);
    odd = eight | (eight - EACH_BYTE(0x20)) | (eight + EACH_BYTE(0x01));
    odd |= (eight ^ EACH_BYTE((unsigned)'"')) - EACH_BYTE(0x01);
    odd |= (eight ^ EACH_BYTE((unsigned)'\\')) - EACH_BYTE(0x01);
    return (odd & EACH_BYTE(0x80)) == 0;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

/* How many bytes at the start stand for themselves. */
static size_t plain_bytes(struct str s)
{
    size_t n = 0;

    while (s.n - n >= 8 && eight_are_plain(s.p + n))
        n += 8;
    if (n > 0 && s.n - n < 8 && eight_are_plain(s.p + s.n - 8))
        return s.n; /* the last ones, looked at together with some before them */
    while (n < s.n && is_plain((unsigned char)s.p[n]))
        n++;
    return n;
}

static void add_unicode_escape(struct buf *b, uint32_t point)
{
    static const char digits[] = "0123456789abcdef";
    const char escaped[] = { '\\',
                             'u',
                             digits[point >> 12 & 15],
                             digits[point >> 8 & 15],
                             digits[point >> 4 & 15],
                             digits[point & 15] };

    buf_add(b, escaped, sizeof escaped);
}

static void add_special(struct buf *b, uint32_t point)
{
    switch (point) {
    case '"':
        buf_add_lit(b, "\\\"");
        break;
    case '\\':
        buf_add_lit(b, "\\\\");
        break;
    case '\n':
        buf_add_lit(b, "\\n");
        break;
    case '\r':
        buf_add_lit(b, "\\r");
        break;
    case '\t':
        buf_add_lit(b, "\\t");
        break;
    default:
        add_unicode_escape(b, point);
    }
}

void json_add_escaped(struct buf *b, struct str s)
{
    uint32_t point;
    bool valid;

    while (s.n > 0) {
        size_t run = plain_bytes(s);

        buf_add(b, s.p, run);
        s.p += run;
        s.n -= run;
        if (s.n == 0)
            break;
        run = utf8_next(s, &point, &valid);
        if (!valid)
            buf_add_lit(b, "\xEF\xBF\xBD");
        else if (point < 0x20 || point == '"' || point == '\\' || (point >= 0x7F && point <= 0x9F))
            add_special(b, point);
        else
            buf_add(b, s.p, run);
        s.p += run;
        s.n -= run;
    }
}

void json_add_string(struct buf *b, struct str s)
{
    buf_add_char(b, '"');
    json_add_escaped(b, s);
    buf_add_char(b, '"');
}

static void skip_space(struct json_scan *scan)
{
    while (scan->p < scan->end &&
           (*scan->p == ' ' || *scan->p == '\t' || *scan->p == '\n' || *scan->p == '\r'))
        scan->p++;
}

void json_scan_begin(struct json_scan *scan, struct str line)
{
    scan->p = line.p;
    scan->end = line.p + line.n;
    scan->first = true;
    scan->done = false;
}

/* p stands behind the opening quote; returns the closing one, or NULL. */
static const char *string_end(const char *p, const char *end)
{
    while (p < end) {
        if (*p == '"')
            return p;
        if ((unsigned char)*p < 0x20)
            return NULL;
        p += *p == '\\' ? 2 : 1;
    }
    return NULL;
}

static bool take_string(struct json_scan *scan, struct str *out)
{
    const char *close;

    if (scan->p >= scan->end || *scan->p != '"')
        return false;
    close = string_end(scan->p + 1, scan->end);
    if (close == NULL)
        return false;
    *out = str_from(scan->p + 1, (size_t)(close - scan->p - 1));
    scan->p = close + 1;
    return true;
}

/* A nested object or array is returned whole: only strings and brackets are looked at. */
static bool take_nested(struct json_scan *scan, struct str *out)
{
    const char *start = scan->p;
    char open[DEPTH_MAX];
    size_t depth = 0;

    for (const char *p = start; p < scan->end; p++) {
        if (*p == '"') {
            p = string_end(p + 1, scan->end);
            if (p == NULL)
                return false;
        } else if (*p == '{' || *p == '[') {
            if (depth == DEPTH_MAX)
                return false;
            open[depth++] = *p;
        } else if (*p == '}' || *p == ']') {
            if (open[--depth] != (*p == '}' ? '{' : '['))
                return false;
            if (depth == 0) {
                scan->p = p + 1;
                *out = str_from(start, (size_t)(scan->p - start));
                return true;
            }
        }
    }
    return false;
}

static bool take_digits(const char **p, const char *end)
{
    const char *start = *p;

    while (*p < end && **p >= '0' && **p <= '9')
        (*p)++;
    return *p > start;
}

static bool take_number(struct json_scan *scan, struct str *out)
{
    const char *start = scan->p, *p = start, *end = scan->end;
    bool leading_zero;

    if (p < end && *p == '-')
        p++;
    leading_zero = p < end && *p == '0';
    if (leading_zero)
        p++;
    else if (!take_digits(&p, end))
        return false;
    if (p < end && *p == '.') {
        p++;
        if (!take_digits(&p, end))
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (!take_digits(&p, end))
            return false;
    }
    scan->p = p;
    *out = str_from(start, (size_t)(p - start));
    return true;
}

static bool take_word(struct json_scan *scan, struct str word, struct str *out)
{
    if (!str_starts(str_from(scan->p, (size_t)(scan->end - scan->p)), word))
        return false;
    *out = str_from(scan->p, word.n);
    scan->p += word.n;
    return true;
}

static bool take_value(struct json_scan *scan, struct json_field *field)
{
    if (scan->p >= scan->end)
        return false;
    switch (*scan->p) {
    case '"':
        field->type = JSON_STRING;
        return take_string(scan, &field->value);
    case '{':
        field->type = JSON_OBJECT;
        return take_nested(scan, &field->value);
    case '[':
        field->type = JSON_ARRAY;
        return take_nested(scan, &field->value);
    case 't':
        field->type = JSON_TRUE;
        return take_word(scan, STR("true"), &field->value);
    case 'f':
        field->type = JSON_FALSE;
        return take_word(scan, STR("false"), &field->value);
    case 'n':
        field->type = JSON_NULL;
        return take_word(scan, STR("null"), &field->value);
    default:
        field->type = JSON_NUMBER;
        return take_number(scan, &field->value);
    }
}

/* The opening brace, a comma or the closing brace. 1: a field follows, 0: the object has ended. */
static int take_separator(struct json_scan *scan)
{
    bool first = scan->first;
    char c;

    skip_space(scan);
    if (scan->p >= scan->end)
        return -1;
    c = *scan->p++;
    if (first) {
        if (c != '{')
            return -1;
        scan->first = false;
        skip_space(scan);
        if (scan->p >= scan->end)
            return -1;
        if (*scan->p != '}')
            return 1;
        c = *scan->p++;
    }
    if (c == ',') {
        skip_space(scan);
        return 1;
    }
    if (c != '}')
        return -1;
    skip_space(scan);
    scan->done = true;
    return scan->p == scan->end ? 0 : -1;
}

int json_scan_next(struct json_scan *scan, struct json_field *field)
{
    int more = scan->done ? 0 : take_separator(scan);

    if (more <= 0)
        return more;
    if (!take_string(scan, &field->key))
        return -1;
    skip_space(scan);
    if (scan->p >= scan->end || *scan->p++ != ':')
        return -1;
    skip_space(scan);
    return take_value(scan, field) ? 1 : -1;
}

bool json_find(struct str line, struct str key, struct json_field *field)
{
    struct json_scan scan;

    json_scan_begin(&scan, line);
    while (json_scan_next(&scan, field) == 1) {
        if (str_eq(field->key, key))
            return true;
    }
    return false;
}

static bool hex4(struct str raw, size_t at, uint32_t *unit)
{
    *unit = 0;
    if (raw.n < 4 || at > raw.n - 4)
        return false;
    for (size_t i = at; i < at + 4; i++) {
        unsigned char c = (unsigned char)raw.p[i];
        uint32_t digit;

        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20u) - 'a' + 10;
        else
            return false;
        *unit = *unit << 4 | digit;
    }
    return true;
}

static void add_point(struct buf *b, uint32_t point)
{
    char out[4];
    size_t n;

    if (point < 0x80) {
        out[0] = (char)point;
        n = 1;
    } else if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        n = 2;
    } else if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        n = 3;
    } else {
        out[0] = (char)(0xF0 | point >> 18);
        out[1] = (char)(0x80 | (point >> 12 & 0x3F));
        out[2] = (char)(0x80 | (point >> 6 & 0x3F));
        out[3] = (char)(0x80 | (point & 0x3F));
        n = 4;
    }
    buf_add(b, out, n);
}

/* raw.p[at] is the first digit behind "\u". Returns how many bytes of raw it took, or 0. */
static size_t add_escaped_point(struct buf *b, struct str raw, size_t at)
{
    uint32_t unit, low;

    if (!hex4(raw, at, &unit))
        return 0;
    if (unit >= 0xD800 && unit <= 0xDBFF && at + 6 <= raw.n && raw.p[at + 4] == '\\' &&
        raw.p[at + 5] == 'u' && hex4(raw, at + 6, &low) && low >= 0xDC00 && low <= 0xDFFF) {
        add_point(b, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
        return 10;
    }
    add_point(b, unit >= 0xD800 && unit <= 0xDFFF ? 0xFFFD : unit);
    return 4;
}

bool json_unescape(struct buf *b, struct str raw)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    size_t at = 0;

    while (at < raw.n) {
        size_t slash = str_find(raw, '\\', at);
        const char *name;

        buf_add(b, raw.p + at, slash - at);
        if (slash == raw.n)
            break;
        at = slash + 1;
        if (at == raw.n || raw.p[at] == '\0')
            return false;
        if (raw.p[at] == 'u') {
            size_t n = add_escaped_point(b, raw, at + 1);

            if (n == 0)
                return false;
            at += 1 + n;
            continue;
        }
        name = strchr(names, raw.p[at]);
        if (name == NULL)
            return false;
        buf_add_char(b, values[name - names]);
        at++;
    }
    return true;
}
