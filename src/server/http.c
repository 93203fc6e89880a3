/*
 * http.c - the request reader. See http.h for the contract, http_parts.h for the rules;
 * conn_read.c feeds it.
 *
 * Goes line by line through the bytes as they arrive, judges each line when it is complete, and
 * what has come of one at once when it cannot become good. http_head.c says what a line may be;
 * http_second.c then reads the finished header (and a chunked message as a whole) once more.
 */
#include "http_parts.h"

#define CHUNK_SIZE_DIGITS_MAX 8
#define CHUNK_LINE_BYTES_MAX  256
#define CHUNK_FRAMING_MAX     16384 /* of one message: sizes, extensions, line ends, trailers */
#define LEADING_BYTES_MAX     2
#define BEGUN_FIELD_BYTES_MAX                                                                      \
    128 /* longer ones are judged when they are whole: once for each byte */

enum stage {
    STAGE_REQUEST_LINE,
    STAGE_FIELDS,
    STAGE_BODY,
    STAGE_CHUNK_SIZE,
    STAGE_CHUNK_DATA,
    STAGE_TRAILERS,
};

/* ---- bodies ---------------------------------------------------------------------------------- */

static struct str cut_spaces(struct str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_from(s.p + 1, s.n - 1);
    return s;
}

/* How long the quoted string is that s starts with (5.6.4 of RFC 9110), or 0. */
static size_t quoted_bytes(struct str s)
{
    if (s.n == 0 || s.p[0] != '"')
        return 0;
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '"')
            return i + 1;
        if (s.p[i] == '\\')
            i++;
    }
    return 0;
}

/* Any number of ";name", ";name=token", ";name=\"text\"" (7.1.1), which we then ignore. */
static bool are_chunk_extensions(struct str s)
{
    if (!http_is_text(s.p, s.n))
        return false;
    while (s.n > 0) {
        size_t n;

        s = cut_spaces(s);
        if (s.n == 0 || s.p[0] != ';')
            return false;
        s = cut_spaces(str_from(s.p + 1, s.n - 1));
        n = http_token_bytes(s);
        if (n == 0)
            return false;
        s = str_from(s.p + n, s.n - n);
        if (cut_spaces(s).n == 0 || cut_spaces(s).p[0] != '=')
            continue;
        s = cut_spaces(s);
        s = cut_spaces(str_from(s.p + 1, s.n - 1));
        n = http_token_bytes(s) + quoted_bytes(s); /* one of them is 0 */
        if (n == 0)
            return false;
        s = str_from(s.p + n, s.n - n);
    }
    return true;
}

/* H12: the size at the start of a chunk, and what may follow it on the line. */
static enum fault read_chunk_size(struct http_parser *p, const struct http_limits *limits,
                                  struct str line)
{
    uint64_t size = 0;
    size_t n = 0;

    while (n < line.n && str_hex_digit(line.p[n]) >= 0) {
        size = size << 4 | (unsigned)str_hex_digit(line.p[n]);
        if (++n > CHUNK_SIZE_DIGITS_MAX)
            return FAULT_CHUNK;
    }
    if (n == 0 || !are_chunk_extensions(str_from(line.p + n, line.n - n)))
        return FAULT_CHUNK;
    if (size > limits->body_bytes - p->body_bytes)
        return FAULT_BODY_TOO_LARGE;
    p->body_bytes += (uint32_t)size;
    p->chunk_left = (uint32_t)size;
    p->stage = size == 0 ? STAGE_TRAILERS : STAGE_CHUNK_DATA;
    return FAULT_NONE;
}

/* Chunk data and its CRLF have no lines; returns true when they are all there. */
static bool skip_chunk_data(struct http_parser *p, const char *data, size_t n, enum fault *fault)
{
    size_t left = n - p->line;
    size_t take = left < p->chunk_left ? left : p->chunk_left;
    bool cr, lf;

    p->line += (uint32_t)take;
    p->chunk_left -= (uint32_t)take;
    p->searched = p->line;
    left -= take;
    cr = left < 1 || data[p->line] == '\r';
    lf = left < 2 || data[p->line + 1] == '\n';
    if (!cr || !lf)
        *fault = FAULT_CHUNK;
    if (!cr || !lf || left < 2 || p->chunk_left > 0)
        return false;
    p->line += 2;
    p->searched = p->line;
    p->framing += 2;
    p->stage = STAGE_CHUNK_SIZE;
    return true;
}

static enum fault end_of_head(struct http_parser *p, const struct http_limits *limits,
                              const char *data)
{
    enum fault fault = http_check_host(p, data);

    if (fault != FAULT_NONE)
        return fault;
    if (p->has_length && p->chunked)
        return FAULT_LENGTH_AND_CODING;
    if (p->repeats[HTTP_HEADER_CONTENT_TYPE] > 0)
        return FAULT_TYPE_COUNT;
    p->body = p->line;
    if (!http_second_agrees_on_head(p, data))
        return FAULT_SECOND_OPINION;
    if (p->body_bytes > limits->body_bytes)
        return FAULT_BODY_TOO_LARGE;
    p->stage = p->chunked ? STAGE_CHUNK_SIZE : STAGE_BODY;
    p->in_body = true;
    return http_check_expect(p, data);
}

/* ---- line by line ---------------------------------------------------------------------------- */

/* H1: the next line without its CRLF; absent when it is not there yet, or when *fault is set. */
static struct str next_line(struct http_parser *p, const char *data, size_t n, enum fault *fault)
{
    const char *lf = memchr(data + p->searched, '\n', n - p->searched);
    size_t start = p->line;
    size_t end;

    if (lf == NULL)
        return STR_ABSENT;
    end = (size_t)(lf - data);
    if (end == start || data[end - 1] != '\r') {
        *fault = FAULT_LINE_END;
        return STR_ABSENT;
    }
    p->line = (uint32_t)end + 1;
    p->searched = p->line;
    return str_from(data + start, end - 1 - start);
}

/* A CR in the middle of a line is worth its own sentence. */
static enum fault check_for_cr(struct str line, enum fault found)
{
    if (found != FAULT_NONE && memchr(line.p, '\r', line.n) != NULL)
        return FAULT_LINE_END;
    return found;
}

/* What can be said about a line before it is complete, so that rubbish is refused at once. */
static enum fault check_unfinished(struct http_parser *p, const char *data, size_t n)
{
    const char *from = data + p->searched;
    size_t left = n - p->searched;
    bool cr_last = left > 0 && from[left - 1] == '\r';
    size_t text = left - (cr_last ? 1 : 0);
    bool in_fields = p->stage == STAGE_FIELDS || p->stage == STAGE_TRAILERS;
    bool in_request_line = p->stage == STAGE_REQUEST_LINE;
    bool fine = in_request_line ? http_is_printable(from, text) : http_is_text(from, text);

    p->searched += (uint32_t)text; /* the CR is looked at again: is an LF behind it? */
    if (fine && in_fields && p->searched - p->line <= BEGUN_FIELD_BYTES_MAX)
        return http_check_begun_field(str_from(data + p->line, p->searched - p->line));
    if (fine)
        return FAULT_NONE;
    if (memchr(from, '\r', text) != NULL)
        return FAULT_LINE_END;
    return in_request_line ? FAULT_NOT_PRINTABLE : FAULT_CONTROL;
}

/* H14, asked when more bytes are needed: can they still make a request within the limits? */
static enum fault check_limits(const struct http_parser *p, const struct http_limits *limits,
                               size_t n)
{
    switch (p->stage) {
    case STAGE_REQUEST_LINE:
        return n - p->start >= limits->header_bytes ? FAULT_LINE_TOO_LONG : FAULT_NONE;
    case STAGE_FIELDS:
        return n - p->start >= limits->header_bytes ? FAULT_HEADER_TOO_LARGE : FAULT_NONE;
    case STAGE_CHUNK_SIZE:
        return n - p->line > CHUNK_LINE_BYTES_MAX ? FAULT_CHUNK : FAULT_NONE;
    case STAGE_TRAILERS:
        return p->framing + (n - p->line) > CHUNK_FRAMING_MAX ? FAULT_HEADER_TOO_LARGE : FAULT_NONE;
    default:
        return FAULT_NONE;
    }
}

/* The same for a line that is complete. */
static enum fault count_line(struct http_parser *p, const struct http_limits *limits,
                             enum stage stage, size_t line_bytes)
{
    switch (stage) {
    case STAGE_REQUEST_LINE:
        return p->line - p->start > limits->header_bytes ? FAULT_LINE_TOO_LONG : FAULT_NONE;
    case STAGE_FIELDS:
        if (p->line - p->start > limits->header_bytes ||
            (line_bytes > 0 && ++p->fields_count > limits->headers))
            return FAULT_HEADER_TOO_LARGE;
        return FAULT_NONE;
    case STAGE_CHUNK_SIZE:
        if (line_bytes > CHUNK_LINE_BYTES_MAX)
            return FAULT_CHUNK;
        p->framing += (uint32_t)line_bytes + 2;
        return p->framing > CHUNK_FRAMING_MAX ? FAULT_BODY_TOO_LARGE : FAULT_NONE;
    case STAGE_TRAILERS:
        p->framing += (uint32_t)line_bytes + 2;
        if (p->framing > CHUNK_FRAMING_MAX ||
            (line_bytes > 0 && ++p->fields_count > limits->headers))
            return FAULT_HEADER_TOO_LARGE;
        return FAULT_NONE;
    default:
        return FAULT_NONE;
    }
}

static enum fault read_line(struct http_parser *p, const struct http_limits *limits,
                            const char *data, struct str line)
{
    enum stage stage = (enum stage)p->stage;
    enum fault fault = count_line(p, limits, stage, line.n);

    if (fault != FAULT_NONE)
        return fault;
    switch (stage) {
    case STAGE_REQUEST_LINE:
        if (line.n == 0 && p->start == 0) { /* H3 */
            p->start = p->line;
            return FAULT_NONE;
        }
        p->stage = STAGE_FIELDS;
        p->fields = p->line;
        return check_for_cr(line, http_read_request_line(p, data, line));
    case STAGE_FIELDS:
        if (line.n == 0)
            return end_of_head(p, limits, data);
        return check_for_cr(line, http_read_field(p, data, line));
    case STAGE_CHUNK_SIZE:
        return read_chunk_size(p, limits, line);
    default: /* STAGE_TRAILERS; the others are not read by lines */
        if (line.n == 0)
            p->end = p->line;
        return line.n == 0 ? FAULT_NONE : check_for_cr(line, http_read_trailer(line));
    }
}

/* ---- the request ----------------------------------------------------------------------------- */

static const struct {
    uint16_t status;
    const char *sentence;
} faults[] = { [FAULT_NONE] = { 0, "" },
#define FAULT_ROW(id, status, sentence) [FAULT_##id] = { status, sentence },
               FAULTS(FAULT_ROW)
#undef FAULT_ROW
};

static enum http_result refuse(struct http_parser *p, enum fault fault)
{
    p->status = faults[fault].status;
    p->sentence = faults[fault].sentence;
    return HTTP_BAD;
}

/* All parts are slices of data from here on. */
static void fill_request(const struct http_parser *p, const char *data,
                         struct http_request *request)
{
    request->method = http_known_methods[p->method].method;
    request->target = str_from(data + p->target.at, p->target.n);
    request->path = p->path.n == 0 ? STR("/") : str_from(data + p->path.at, p->path.n);
    request->query = http_at(data, p->query);
    for (size_t i = 0; i < HTTP_HEADERS_COUNT; i++)
        request->header[i] = http_at(data, p->header[i]);
    memcpy(request->header_repeats, p->repeats, sizeof request->header_repeats);
    if (p->authority.at != 0)
        request->header[HTTP_HEADER_HOST] = http_at(data, p->authority);
    request->fields = str_from(data + p->fields, p->body - p->fields);
    request->body = str_from(data + p->body, p->body_bytes);
    request->version_minor = p->version_minor;
    request->keep_alive = p->keep_alive;
}

static enum http_result complete(struct http_parser *p, char *data, struct http_request *request)
{
    if (p->chunked && !http_second_agrees_on_message(p, data))
        return refuse(p, FAULT_SECOND_OPINION);
    fill_request(p, data, request);
    return HTTP_COMPLETE;
}

static enum http_result need_more(struct http_parser *p, const struct http_limits *limits,
                                  const char *data, size_t n)
{
    enum fault fault = FAULT_NONE;

    if (p->stage != STAGE_BODY && p->stage != STAGE_CHUNK_DATA)
        fault = check_unfinished(p, data, n);
    if (fault == FAULT_NONE)
        fault = check_limits(p, limits, n);
    return fault == FAULT_NONE ? HTTP_INCOMPLETE : refuse(p, fault);
}

enum http_result http_parse(struct http_parser *p, const struct http_limits *limits, char *data,
                            size_t n, struct http_request *request)
{
    enum fault fault = FAULT_NONE;

    while (p->end == 0) {
        if (p->stage == STAGE_BODY) {
            if (n - p->body < p->body_bytes)
                return HTTP_INCOMPLETE;
            p->end = p->body + p->body_bytes;
        } else if (p->stage == STAGE_CHUNK_DATA) {
            if (!skip_chunk_data(p, data, n, &fault))
                return fault == FAULT_NONE ? HTTP_INCOMPLETE : refuse(p, fault);
        } else {
            struct str line = next_line(p, data, n, &fault);

            if (line.p == NULL && fault == FAULT_NONE)
                return need_more(p, limits, data, n);
            if (fault == FAULT_NONE)
                fault = read_line(p, limits, data, line);
            if (fault != FAULT_NONE)
                return refuse(p, fault);
        }
    }
    return complete(p, data, request);
}

struct str http_header_next(const struct http_request *request, enum http_header which, unsigned n)
{
    struct str rest = request->fields;
    struct str line;
    unsigned seen = 0;

    if (n == 0)
        return request->header[which];
    if (n > request->header_repeats[which])
        return STR_ABSENT;
    while ((line = str_cut(&rest, '\n')).p != NULL) {
        struct str value = line;
        struct str name = str_cut(&value, ':');

        if (value.p == NULL || http_name_of(name.p, name.n) != which || seen++ < n)
            continue;
        value.n--; /* the CR */
        return str_trim(value);
    }
    return STR_ABSENT;
}

size_t http_head_bytes_max(const struct http_limits *limits)
{
    return LEADING_BYTES_MAX + limits->header_bytes;
}

size_t http_message_bytes_max(const struct http_limits *limits)
{
    return http_head_bytes_max(limits) + limits->body_bytes + CHUNK_FRAMING_MAX +
           CHUNK_LINE_BYTES_MAX;
}
