/*
 * test_cookie.c - the attributes of our cookies in every situation.
 */
#include <criterion/criterion.h>

#include "server/cookie.h"

typedef void add_fn(struct buf *b, const struct cookie_scope *scope);

static void add_id(struct buf *b, const struct cookie_scope *scope)
{
    cookie_add_id(b, scope, STR("VALUE"));
}

static const struct row {
    add_fn *add;
    bool https, partitioned;
    const char *domain;
    const char *lines;
} rows[] = {
    { add_id, false, false, NULL,
      "Set-Cookie: crumb_id=VALUE; Max-Age=34128000; Path=/; HttpOnly; SameSite=Lax\r\n" },
    { add_id, true, false, NULL,
      "Set-Cookie: crumb_id=VALUE; Max-Age=34128000; Path=/; HttpOnly; Secure; SameSite=None\r\n" },
    { add_id, true, true, NULL,
      "Set-Cookie: crumb_id=VALUE; Max-Age=34128000; Path=/; HttpOnly; Secure; SameSite=None; "
      "Partitioned\r\n" },
    /* Partitioned needs Secure, which needs https */
    { add_id, false, true, NULL,
      "Set-Cookie: crumb_id=VALUE; Max-Age=34128000; Path=/; HttpOnly; SameSite=Lax\r\n" },
    { add_id, true, false, "shop.example",
      "Set-Cookie: crumb_id=VALUE; Max-Age=34128000; Path=/; Domain=shop.example; HttpOnly; "
      "Secure; "
      "SameSite=None\r\n" },
    { cookie_add_id_end, false, false, NULL,
      "Set-Cookie: crumb_id=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax\r\n" },
    { cookie_add_id_end, true, false, "shop.example",
      "Set-Cookie: crumb_id=; Max-Age=0; Path=/; Domain=shop.example; HttpOnly; Secure; "
      "SameSite=None\r\n" },
    /* partitioned now, but it may have been set before it was */
    { cookie_add_id_end, true, true, NULL,
      "Set-Cookie: crumb_id=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=None\r\n"
      "Set-Cookie: crumb_id=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=None; "
      "Partitioned\r\n" },
    { cookie_add_optout, false, false, NULL,
      "Set-Cookie: crumb_optout=1; Max-Age=34560000; Path=/; SameSite=Lax\r\n" },
    { cookie_add_optout, true, true, "shop.example",
      "Set-Cookie: crumb_optout=1; Max-Age=34560000; Path=/; Domain=shop.example; Secure; "
      "SameSite=None\r\n" },
    { cookie_add_optout_end, true, true, NULL,
      "Set-Cookie: crumb_optout=; Max-Age=0; Path=/; Secure; SameSite=None\r\n" },
};

Test(cookie, attributes)
{
    static char id[] = "crumb_id", optout[] = "crumb_optout";

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct config_cookies names = { id, optout, rows[i].partitioned };
        const struct cookie_scope scope = { &names, rows[i].domain, rows[i].https };
        char memory[1024];
        struct buf b = buf_over(memory, sizeof memory);

        rows[i].add(&b, &scope);
        cr_expect(str_eq(buf_str(&b), str_of(rows[i].lines)), "row %zu:\n%.*s", i,
                  STR_ARG(buf_str(&b)));
    }
}

Test(cookie, line_that_does_not_fit_leaves_no_half)
{
    static char id[] = "crumb_id", optout[] = "crumb_optout";
    const struct config_cookies names = { id, optout, false };
    const struct cookie_scope scope = { &names, NULL, false };
    char memory[100];

    for (size_t cap = 0; cap < sizeof memory; cap++) {
        struct buf b = buf_over(memory, cap);

        cookie_add_optout(&b, &scope);
        cr_expect(!b.full);
        cr_expect(b.n == 0 || (b.n == strlen(rows[8].lines) && cap >= b.n), "cap %zu: %zu", cap,
                  b.n);
    }
}
