/*
 * ep_admin.c - /metrics, /healthz and /readyz, on the admin listener only.
 *
 * healthz says that the process answers; readyz that it can keep hits now. They run on the main
 * thread and may touch the disk: no hit waits for them.
 */
#include "server/admin_view.h"
#include "server/answer.h"

void ep_metrics(struct exchange *x)
{
    struct buf body = buf_over(x->context->memory, ANSWER_BYTES_MAX - ANSWER_HEAD_BYTES_MAX);

    metrics_add_text(&body, x->context->server, x->context->snapshot->geo);
    answer(x, 200, STR("text/plain; version=0.0.4; charset=utf-8"),
           STR("Cache-Control: no-store\r\n"), buf_str(&body));
}

void ep_healthz(struct exchange *x)
{
    answer_text(x, 200, STR_ABSENT, "ok");
}

void ep_readyz(struct exchange *x)
{
    const struct admin_view *server = x->context->server;
    struct err e;

    if (atomic_load_explicit(server->draining, memory_order_acquire))
        answer_text(x, 503, STR(ANSWER_RETRY_AFTER), "draining");
    else if (store_probe(server->store, &e) != 0)
        answer_text(x, 503, STR(ANSWER_RETRY_AFTER), e.text);
    else
        answer_text(x, 200, STR_ABSENT, "ok");
}
