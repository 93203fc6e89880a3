/*
 * ep_pixel.c - GET /b.gif: a hit out of a query string, answered with a transparent pixel.
 *
 * HEAD is answered like GET and changes nothing: nothing is counted, kept or set.
 */
#include "model/facts.h"
#include "server/answer.h"
#include "server/collect.h"
#include "server/pixel.h"

/*
 * GIF89a, 1 x 1, two colours of which the first is transparent; the smallest that every browser
 * takes: 43 bytes.
 */
static const unsigned char pixel[] = {
    'G',  'I',  'F',  '8',  '9',  'a',                          /* signature and version */
    0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00,                   /* 1 x 1, a table of two colours */
    0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF,                         /* black, white */
    0x21, 0xF9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00,             /* colour 0 is transparent */
    0x2C, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, /* the image: all of it */
    0x02, 0x02, 0x44, 0x01, 0x00,                               /* one pixel of colour 0, LZW */
    0x3B,                                                       /* the end */
};
_Static_assert(sizeof pixel == 43, "the pixel has 43 bytes");

void pixel_answer(struct exchange *x, const struct buf *headers)
{
    answer(x, 200, STR("image/gif"), buf_str(headers), str_from((const char *)pixel, sizeof pixel));
}

/* The query's e= tells a page view from a named event. */
static void read_event(struct event *event, struct exchange *x)
{
    struct buf memory = buf_over(x->context->memory, CONTEXT_MEMORY_BYTES);

    facts_from_query(&event->facts, x->request->query, &memory);
    event->kind = facts_kind(&event->facts);
}

void ep_pixel(struct exchange *x)
{
    char memory[sizeof PIXEL_HEADERS + COLLECT_COOKIES_BYTES_MAX];
    struct buf headers = buf_over(memory, sizeof memory);
    enum collect_verdict verdict;
    struct event event;

    buf_add_lit(&headers, PIXEL_HEADERS);
    if (x->request->method == HTTP_HEAD) {
        pixel_answer(x, &headers);
        return;
    }
    read_event(&event, x);
    verdict = collect(x, &event, &headers);
    if (verdict == COLLECT_ACCEPTED || verdict == COLLECT_OPTED_OUT)
        pixel_answer(x, &headers);
    else
        collect_answer_refused(x, verdict);
}
