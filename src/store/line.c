/*
 * line.c - ts and id of a line. See line.h for the contract.
 *
 * Our own encoder writes both at the start, so they are looked for there first; a line with another
 * order is scanned.
 */
#include "line.h"

#include "base/date.h"
#include "base/json.h"

static const struct str TS_LEAD = { "{\"v\":1,\"ts\":\"", 13 };
static const struct str ID_LEAD = { "\",\"id\":\"", 8 };

struct str line_ts_text(struct str line)
{
    struct json_field field;

    if (line.n > TS_LEAD.n + DATE_RFC3339_BYTES && memcmp(line.p, TS_LEAD.p, TS_LEAD.n) == 0 &&
        line.p[TS_LEAD.n + DATE_RFC3339_BYTES] == '"')
        return str_from(line.p + TS_LEAD.n, DATE_RFC3339_BYTES);
    if (json_find(line, STR("ts"), &field) && field.type == JSON_STRING &&
        field.value.n == DATE_RFC3339_BYTES)
        return field.value;
    return STR_ABSENT;
}

bool line_ts_ms(struct str line, int64_t *ms)
{
    struct str text = line_ts_text(line);

    return text.p != NULL && date_parse(text, ms);
}

static struct str id_text(struct str line)
{
    size_t at = TS_LEAD.n + DATE_RFC3339_BYTES;
    struct json_field field;

    if (line.n > at + ID_LEAD.n && memcmp(line.p, TS_LEAD.p, TS_LEAD.n) == 0 &&
        memcmp(line.p + at, ID_LEAD.p, ID_LEAD.n) == 0) {
        size_t start = at + ID_LEAD.n, end = str_find(line, '"', start);

        return str_from(line.p + start, end - start);
    }
    if (json_find(line, STR("id"), &field) && field.type == JSON_STRING)
        return field.value;
    return STR_ABSENT;
}

bool line_id(struct str line, struct segment_id *writer, uint64_t *seq)
{
    struct str rest = id_text(line);
    struct str instance, worker;
    uint64_t number;

    instance = str_cut(&rest, '-');
    worker = str_cut(&rest, '-');
    if (instance.n != INSTANCE_BYTES || rest.p == NULL ||
        !str_to_u64(worker, UINT32_MAX, &number) || !str_to_u64(rest, UINT64_MAX, seq))
        return false;
    memcpy(writer->instance, instance.p, INSTANCE_BYTES);
    writer->worker = (uint32_t)number;
    return true;
}

bool line_seq(struct str line, const struct segment_id *writer, uint64_t *seq)
{
    struct segment_id named;

    return line_id(line, &named, seq) && named.worker == writer->worker &&
           memcmp(named.instance, writer->instance, INSTANCE_BYTES) == 0;
}
