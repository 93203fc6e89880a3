/* test_units.c - durations and sizes. */
#include <criterion/criterion.h>

#include "base/units.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

Test(units, durations_need_a_known_unit)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        { "10m", 600000 },
        { "24h", 86400000 },
        { "7d", 604800000 },
        { "250ms", 250 },
        { "0", 0 },
        { "0s", 0 },
        { "10", -1 },
        { "10 m", -1 },
        { "m", -1 },
        { "", -1 },
        { "-1s", -1 },
        { "1.5h", -1 },
        { "10M", -1 },
        { "10min", -1 },
        { "1y", -1 },
        { "106751991168d", -1 },
        { "99999999999999999999s", -1 },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = -1;
        bool good = units_parse_duration_ms(str_of(rows[i].text), &ms);

        cr_expect_eq(good, rows[i].ms >= 0, "%s", rows[i].text);
        cr_expect_eq(ms, rows[i].ms, "%s", rows[i].text);
    }
}

Test(units, sizes_are_binary_and_never_overflow)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t bytes;
    } rows[] = {
        { "256MiB", true, 268435456 },
        { "16KiB", true, 16384 },
        { "1TiB", true, 1ull << 40 },
        { "43B", true, 43 },
        { "1MB", false, 0 },
        { "1k", false, 0 },
        { "9007199254740992KiB", false, 0 },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t bytes = 0;

        cr_expect_eq(units_parse_size_bytes(str_of(rows[i].text), &bytes), rows[i].good, "%s",
                     rows[i].text);
        cr_expect_eq(bytes, rows[i].bytes, "%s", rows[i].text);
    }
}

Test(units, what_is_written_reads_back)
{
    static const uint64_t values[] = { 0,     1,       999,      1000,      1024,     60000,
                                       90000, 3600000, 86400000, 268435456, 268435457 };

    for (size_t i = 0; i < COUNT(values); i++) {
        char memory[64];
        struct buf b = buf_over(memory, sizeof memory);
        int64_t ms;
        uint64_t bytes;

        units_add_duration_ms(&b, (int64_t)values[i]);
        cr_expect(units_parse_duration_ms(buf_str(&b), &ms) && (uint64_t)ms == values[i]);
        buf_rewind(&b, 0);
        units_add_size_bytes(&b, values[i]);
        cr_expect(units_parse_size_bytes(buf_str(&b), &bytes) && bytes == values[i]);
    }
}
