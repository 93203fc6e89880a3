/* test_ip.c - addresses as values. */
#include <criterion/criterion.h>

#include "base/ip.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

Test(ip, text_that_is_no_address_is_refused_and_the_rest_prints_in_one_form)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } rows[] = {
        { "1.2.3.4", "1.2.3.4" },
        { "255.255.255.255", "255.255.255.255" },
        { "::1", "::1" },
        { "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
        { "::ffff:1.2.3.4", "1.2.3.4" },
        { "::FFFF:102:304", "1.2.3.4" },
        { "1.2.3", NULL },
        { "1.2.3.4.5", NULL },
        { "256.1.1.1", NULL },
        { "01.2.3.4", NULL },
        { "0x7f.1", NULL },
        { "127.1", NULL },
        { "1.2.3.4 ", NULL },
        { " 1.2.3.4", NULL },
        { "1.2.3.4:80", NULL },
        { "[::1]", NULL },
        { "fe80::1%eth0", NULL },
        { ":::", NULL },
        { "", NULL },
        { "localhost", NULL },
        { "1:2:3:4:5:6:7:8:9", NULL },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char memory[64];
        struct buf b = buf_over(memory, sizeof memory);
        struct ip ip;
        bool good = ip_parse(str_of(rows[i].in), &ip);

        cr_expect_eq(good, rows[i].out != NULL, "%s", rows[i].in);
        if (!good || rows[i].out == NULL)
            continue;
        ip_add(&b, &ip);
        cr_expect(str_eq(buf_str(&b), str_of(rows[i].out)), "%s: %.*s", rows[i].in,
                  STR_ARG(buf_str(&b)));
    }
    cr_expect_not(ip_parse(str_from("1.2.3.4\0", 8), &(struct ip){ 0 }));
}

Test(ip, networks_hold_their_own_and_nothing_else)
{
    static const struct {
        const char *net, *ip;
        int holds; /* -1: no network */
    } rows[] = {
        { "10.0.0.0/8", "10.255.1.2", 1 },
        { "10.0.0.0/8", "11.0.0.0", 0 },
        { "192.168.1.128/25", "192.168.1.200", 1 },
        { "192.168.1.128/25", "192.168.1.127", 0 },
        { "0.0.0.0/0", "9.9.9.9", 1 },
        { "0.0.0.0/0", "::1", 0 },
        { "::/0", "::1", 1 },
        { "::/0", "1.2.3.4", 0 },
        { "::1", "::1", 1 },
        { "::1/128", "::2", 0 },
        { "2001:db8::/33", "2001:db8:7fff::1", 1 },
        { "2001:db8::/33", "2001:db8:8000::1", 0 },
        { "127.0.0.1", "::ffff:127.0.0.1", 1 },
        { "10.0.0.1/8", "10.0.0.1", -1 },
        { "10.0.0.0/33", "10.0.0.1", -1 },
        { "10.0.0.0/", "10.0.0.1", -1 },
        { "10.0.0.0/-1", "10.0.0.1", -1 },
        { "/8", "10.0.0.1", -1 },
        { "", "10.0.0.1", -1 },
        { "::1/129", "::1", -1 },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ip_net net;
        struct ip ip;
        bool good = ip_net_parse(str_of(rows[i].net), &net);

        cr_assert(ip_parse(str_of(rows[i].ip), &ip));
        cr_expect_eq(good, rows[i].holds >= 0, "%s", rows[i].net);
        if (good)
            cr_expect_eq(ip_net_contains(&net, &ip), rows[i].holds == 1, "%s in %s", rows[i].ip,
                         rows[i].net);
    }
}

Test(ip, masking_keeps_exactly_the_bits_asked_for)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "203.0.113.77", "203.0.113.0" },
        { "2001:db8:1234:5678:9abc::1", "2001:db8:1234::" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char memory[64];
        struct buf b = buf_over(memory, sizeof memory);
        struct ip ip, masked;

        cr_assert(ip_parse(str_of(rows[i].in), &ip));
        masked = ip_masked(&ip, 24, 48);
        ip_add(&b, &masked);
        cr_expect(str_eq(buf_str(&b), str_of(rows[i].out)), "%.*s", STR_ARG(buf_str(&b)));
    }
}
