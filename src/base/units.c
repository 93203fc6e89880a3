/*
 * units.c - durations and sizes. See units.h for the contract; a new unit is a row here.
 */
#include "base/units.h"

struct unit {
    struct str name;
    uint64_t factor;
};

/* Largest first: the writer takes the first that divides. */
static const struct unit durations[] = {
    { { "d", 1 }, 86400000 }, { { "h", 1 }, 3600000 }, { { "m", 1 }, 60000 },
    { { "s", 1 }, 1000 },     { { "ms", 2 }, 1 },
};
static const struct unit sizes[] = {
    { { "TiB", 3 }, 1ull << 40 },
    { { "GiB", 3 }, 1ull << 30 },
    { { "MiB", 3 }, 1ull << 20 },
    { { "KiB", 3 }, 1ull << 10 },
    { { "B", 1 }, 1 },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool parse(struct str s, const struct unit *units, size_t count, uint64_t *out)
{
    size_t digits = 0;
    uint64_t number;
    struct str unit;

    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    if (!str_to_u64(str_from(s.p, digits), INT64_MAX, &number))
        return false;
    unit = str_from(s.p + digits, s.n - digits);
    if (unit.n == 0) {
        *out = 0;
        return number == 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(unit, units[i].name))
            continue;
        if (number > INT64_MAX / units[i].factor)
            return false;
        *out = number * units[i].factor;
        return true;
    }
    return false;
}

static void add(struct buf *b, uint64_t value, const struct unit *units, size_t count)
{
    size_t i = 0;

    while (i + 1 < count && (value == 0 || value % units[i].factor != 0))
        i++;
    buf_add_u64(b, value / units[i].factor);
    buf_add_str(b, units[i].name);
}

bool units_parse_duration_ms(struct str s, int64_t *ms)
{
    uint64_t value;

    if (!parse(s, durations, COUNT(durations), &value))
        return false;
    *ms = (int64_t)value;
    return true;
}

bool units_parse_size_bytes(struct str s, uint64_t *bytes)
{
    return parse(s, sizes, COUNT(sizes), bytes);
}

void units_add_duration_ms(struct buf *b, int64_t ms)
{
    add(b, (uint64_t)ms, durations, COUNT(durations));
}

void units_add_size_bytes(struct buf *b, uint64_t bytes)
{
    add(b, bytes, sizes, COUNT(sizes));
}
