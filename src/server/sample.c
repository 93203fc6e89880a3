/*
 * sample.c - see sample.h for the contract. Called by the endpoints that judge hits one by one.
 */
#include "server/sample.h"

#include "base/date.h"
#include "base/json.h"
#include "base/utf8.h"
#include "model/redact.h"
#include "server/collect.h"
#include "store/rejects.h"

void sample_keep(const struct exchange *x, const char *reason, struct str sample)
{
    struct rejects *rejects = x->context->rejects;
    char memory[SAMPLE_BYTES_MAX + 64];
    struct buf line, safe = buf_over(memory, sizeof memory);
    char *p;

    if (rejects == NULL || collect_is_opted_out(x, NULL))
        return;
    p = rejects_reserve(rejects);
    if (p == NULL)
        return;
    redact_add_text(&safe, utf8_cut(sample, SAMPLE_BYTES_MAX));
    line = buf_over(p, REJECTS_LINE_BYTES);
    buf_add_lit(&line, "{\"ts\":\"");
    date_add_rfc3339(&line, x->context->now_ms);
    buf_add_lit(&line, "\",\"reason\":");
    json_add_string(&line, str_of(reason));
    buf_add_lit(&line, ",\"origin\":");
    json_add_string(&line, utf8_cut(x->request->header[HTTP_HEADER_ORIGIN], 128));
    buf_add_lit(&line, ",\"event\":");
    json_add_string(&line, buf_str(&safe));
    buf_add_lit(&line, "}\n");
    if (!line.full && !safe.full)
        rejects_accept(rejects, line.n);
}
