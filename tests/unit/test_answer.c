/*
 * test_answer.c - answers to the byte.
 */
#include <criterion/criterion.h>

#include "base/date.h"
#include "server/answer.h"

#define DATE "Date: Mon, 23 Nov 2026 14:05:09 GMT\r\n"

static const struct row {
    int status;
    enum http_method method;
    unsigned version_minor;
    bool close;
    const char *type, *extra, *body;
    const char *bytes;
} rows[] = {
    { 200, HTTP_GET, 1, false, "image/gif", "Cache-Control: no-store\r\n", "GIF",
      "HTTP/1.1 200 OK\r\n" DATE "Content-Type: image/gif\r\nContent-Length: 3\r\n"
      "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\nGIF" },
    { 200, HTTP_GET, 1, true, "image/gif", "", "GIF",
      "HTTP/1.1 200 OK\r\n" DATE "Connection: close\r\nContent-Type: image/gif\r\n"
      "Content-Length: 3\r\nX-Content-Type-Options: nosniff\r\n\r\nGIF" },
    { 200, HTTP_GET, 0, false, "image/gif", "", "GIF",
      "HTTP/1.1 200 OK\r\n" DATE "Connection: keep-alive\r\nContent-Type: image/gif\r\n"
      "Content-Length: 3\r\nX-Content-Type-Options: nosniff\r\n\r\nGIF" },
    { 200, HTTP_GET, 0, true, "image/gif", "", "GIF",
      "HTTP/1.1 200 OK\r\n" DATE "Connection: close\r\nContent-Type: image/gif\r\n"
      "Content-Length: 3\r\nX-Content-Type-Options: nosniff\r\n\r\nGIF" },
    /* the length that GET would have, and no body */
    { 200, HTTP_HEAD, 1, false, "image/gif", "", "GIF",
      "HTTP/1.1 200 OK\r\n" DATE "Content-Type: image/gif\r\nContent-Length: 3\r\n"
      "X-Content-Type-Options: nosniff\r\n\r\n" },
    { 204, HTTP_GET, 1, false, NULL, "", "",
      "HTTP/1.1 204 No Content\r\n" DATE "X-Content-Type-Options: nosniff\r\n\r\n" },
    { 303, HTTP_POST, 1, false, NULL, "Location: /\r\n", "",
      "HTTP/1.1 303 See Other\r\n" DATE "Content-Length: 0\r\n"
      "X-Content-Type-Options: nosniff\r\nLocation: /\r\n\r\n" },
};

Test(answer, bytes)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct context context = { .http_date = "Mon, 23 Nov 2026 14:05:09 GMT" };
        struct http_request request = { .method = row->method,
                                        .version_minor = (uint8_t)row->version_minor };
        char memory[ANSWER_BYTES_MAX];
        struct buf out = buf_over(memory, sizeof memory);
        struct exchange x = {
            .request = &request, .context = &context, .out = &out, .close = row->close
        };

        answer(&x, row->status, str_of(row->type), str_of(row->extra), str_of(row->body));
        cr_expect(str_eq(buf_str(&out), str_of(row->bytes)), "row %zu:\n%.*s", i,
                  STR_ARG(buf_str(&out)));
    }
}

Test(answer, error_closes_and_says_why)
{
    char memory[ANSWER_ERROR_BYTES_MAX];
    struct buf out = buf_over(memory, sizeof memory);

    answer_error(&out, 400, "Mon, 23 Nov 2026 14:05:09 GMT", "a line does not end in CRLF");
    cr_expect(
        str_eq(buf_str(&out), STR("HTTP/1.1 400 Bad Request\r\n" DATE
                                  "Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                  "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                                  "Content-Length: 28\r\n\r\na line does not end in CRLF\n")));
}

/* Promise 1: a browser whose hit was taken back is told to come again. */
Test(answer, error_503_says_when_to_come_again)
{
    char memory[ANSWER_ERROR_BYTES_MAX];
    struct buf out = buf_over(memory, sizeof memory);

    answer_error(&out, 503, "Mon, 23 Nov 2026 14:05:09 GMT", "x");
    cr_expect(memmem(out.p, out.n, "\r\n" ANSWER_RETRY_AFTER, sizeof ANSWER_RETRY_AFTER + 1) !=
              NULL);
}

Test(answer, error_fits_whatever_the_sentence)
{
    static const int statuses[] = { 400, 403, 404, 405, 408, 411, 413, 414,
                                    415, 417, 431, 500, 501, 503, 505 };
    char sentence[2000], memory[ANSWER_ERROR_BYTES_MAX];

    memset(sentence, 'x', sizeof sentence);
    sentence[sizeof sentence - 1] = '\0';
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct buf out = buf_over(memory, sizeof memory);

        answer_error(&out, statuses[i], "Mon, 23 Nov 2026 14:05:09 GMT", sentence);
        cr_expect(!out.full, "%d", statuses[i]);
        cr_expect_eq(out.p[out.n - 1], '\n', "%d", statuses[i]);
    }
}
