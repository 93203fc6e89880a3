/*
 * geo_entry.c - one entry of a MaxMind DB file, whatever its schema. See geo_entry.h.
 *
 * Called by geo.c for entries that are not in its cache. A key of another vendor's schema is a row
 * in `keys`. Always true, for any bytes: nothing outside the data section is read, a pointer is
 * followed once, at most STEPS_MAX values are looked at, and the recursion is as deep as `keys` is
 * nested.
 */
#include "geo_entry.h"

#define STEPS_MAX     4096 /* a full entry in eight languages has about 300 values */
#define MICRO         1000000ll
#define LAT_MAX_MICRO (90 * MICRO)
#define LON_MAX_MICRO (180 * MICRO)

/* ---- the schemas ----------------------------------------------------------------------------- */

enum scope { NONE, TOP, COUNTRY, SUBDIVISION, REGION_NAMES, CITY, CITY_NAMES, LOCATION };

/* Names that mean the network only in an entry that has its number: ranks up to WEAK_ORG. */
#define WEAK_ORG 2

/* Where a key is, what it is, how good it is (the highest rank wins), and what is inside it. */
static const struct key {
    const char *name;
    enum scope scope;
    enum geo_field field;
    unsigned rank; /* 0: only a way to what is inside */
    enum scope inner;
} keys[] = {
    /* nested: GeoIP2 and GeoLite2 */
    { "country", TOP, GEO_COUNTRY, 1, COUNTRY }, /* flat schemas: the code itself */
    { "iso_code", COUNTRY, GEO_COUNTRY, 3, NONE },
    { "subdivisions", TOP, GEO_REGION, 0, SUBDIVISION },
    { "iso_code", SUBDIVISION, GEO_REGION, 7, NONE },
    { "names", SUBDIVISION, GEO_REGION, 0, REGION_NAMES },
    { "en", REGION_NAMES, GEO_REGION, 6, NONE },
    { "city", TOP, GEO_CITY, 1, CITY },
    { "names", CITY, GEO_CITY, 0, CITY_NAMES },
    { "en", CITY_NAMES, GEO_CITY, 2, NONE },
    { "location", TOP, GEO_LAT, 0, LOCATION },
    { "latitude", LOCATION, GEO_LAT, 3, NONE },
    { "longitude", LOCATION, GEO_LON, 3, NONE },
    { "time_zone", LOCATION, GEO_TZ, 3, NONE },
    { "autonomous_system_number", TOP, GEO_ASN, 2, NONE },
    { "autonomous_system_organization", TOP, GEO_AS_ORG, 5, NONE },
    /* flat: DB-IP Lite, IPinfo, IPLocate and the like */
    { "country_code", TOP, GEO_COUNTRY, 2, NONE },
    { "region_code", TOP, GEO_REGION, 5, NONE },
    { "region", TOP, GEO_REGION, 4, NONE },
    { "state", TOP, GEO_REGION, 3, NONE },
    { "state1", TOP, GEO_REGION, 2, NONE },
    { "subdivision", TOP, GEO_REGION, 1, NONE },
    { "latitude", TOP, GEO_LAT, 2, NONE },
    { "lat", TOP, GEO_LAT, 1, NONE },
    { "longitude", TOP, GEO_LON, 2, NONE },
    { "lon", TOP, GEO_LON, 1, NONE },
    { "lng", TOP, GEO_LON, 1, NONE },
    { "timezone", TOP, GEO_TZ, 2, NONE },
    { "time_zone", TOP, GEO_TZ, 1, NONE },
    { "asn", TOP, GEO_ASN, 1, NONE },
    { "as_organization", TOP, GEO_AS_ORG, 4, NONE },
    { "as_name", TOP, GEO_AS_ORG, 3, NONE },
    { "org", TOP, GEO_AS_ORG, 2, NONE },
    { "name", TOP, GEO_AS_ORG, 1, NONE },
};

static const struct key *find_key(enum scope scope, struct str name)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].scope == scope && str_eq(name, str_of(keys[i].name)))
            return &keys[i];
    }
    return NULL;
}

/* ---- the format ------------------------------------------------------------------------------ */

enum type {
    EXTENDED = 0,
    POINTER = 1,
    STRING = 2,
    DOUBLE = 3,
    UINT16 = 5,
    UINT32 = 6,
    MAP = 7,
    INT32 = 8,
    UINT64 = 9,
    ARRAY = 11,
    BOOLEAN = 14,
    FLOAT = 15,
};

struct reader {
    struct str data;
    unsigned steps_left;
    struct geo_entry *entry;
};

struct item {
    unsigned type;
    size_t size;  /* bytes of a plain value, members of a map or array */
    size_t value; /* where that starts; for a pointer, where it points */
    size_t
        next; /* what comes behind a plain value or pointer; the first member of a map or array */
};

/* n bytes at `at` as a big-endian number; the caller has checked that they are there. */
static uint64_t big_endian(struct str data, size_t at, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        value = value << 8 | (unsigned char)data.p[at + i];
    return value;
}

static bool has(const struct reader *r, size_t at, size_t n)
{
    return at <= r->data.n && n <= r->data.n - at;
}

static bool read_pointer(const struct reader *r, unsigned control, size_t at, struct item *item)
{
    static const size_t base[] = { 0, 2048, 526336, 0 };
    unsigned kind = control >> 3 & 3;
    size_t n = kind + 1;

    if (!has(r, at, n))
        return false;
    item->value = (size_t)big_endian(r->data, at, n) + base[kind];
    if (kind < 3)
        item->value += (size_t)(control & 7) << 8 * n;
    item->next = at + n;
    return true;
}

/* The item's size, which its control byte holds up to 28 and otherwise announces. */
static bool read_size(const struct reader *r, unsigned control, size_t *at, size_t *size)
{
    static const size_t base[] = { 29, 285, 65821 };
    size_t n;

    *size = control & 31;
    if (*size < 29)
        return true;
    n = *size - 28;
    if (!has(r, *at, n))
        return false;
    *size = base[n - 1] + (size_t)big_endian(r->data, *at, n);
    *at += n;
    return true;
}

static bool read_item(struct reader *r, size_t at, struct item *item)
{
    unsigned control;

    if (r->steps_left == 0 || !has(r, at, 1))
        return false;
    r->steps_left--;
    control = (unsigned char)r->data.p[at++];
    item->type = control >> 5;
    if (item->type == POINTER)
        return read_pointer(r, control, at, item);
    if (item->type == EXTENDED) {
        if (!has(r, at, 1))
            return false;
        item->type = 7u + (unsigned char)r->data.p[at++];
    }
    if (!read_size(r, control, &at, &item->size))
        return false;
    item->value = item->next = at;
    if (item->type == MAP || item->type == ARRAY || item->type == BOOLEAN)
        return true;
    item->next += item->size;
    return has(r, at, item->size);
}

/* What an item is or points to; a pointer to a pointer is not allowed by the format. */
static bool resolve(struct reader *r, const struct item *item, struct item *out)
{
    *out = *item;
    if (item->type != POINTER)
        return true;
    return read_item(r, item->value, out) && out->type != POINTER;
}

/* Behind the item with everything in it; without recursion, as deep as it may be. */
static bool skip(struct reader *r, struct item item, size_t *at)
{
    size_t pending = 0;

    for (;;) {
        if (item.type == MAP)
            pending += 2 * item.size;
        else if (item.type == ARRAY)
            pending += item.size;
        *at = item.next;
        if (pending == 0)
            return true;
        pending--;
        if (!read_item(r, *at, &item))
            return false;
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

static double as_double(uint64_t bits, size_t size)
{
    double value = 0;

    if (size == 8) {
        memcpy(&value, &bits, sizeof value);
    } else if (size == 4) {
        uint32_t half = (uint32_t)bits;
        float single;

        memcpy(&single, &half, sizeof single);
        value = (double)single;
    }
    return value;
}

/* "-52.5196" in millionths. Not strtod(): that reads what the locale says. */
static bool parse_degrees(struct str s, int64_t *micro)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    struct str fraction = str_from(s.p + negative, s.n - negative);
    struct str whole = str_cut(&fraction, '.');
    uint64_t degrees, value = 0, unit = (uint64_t)MICRO;

    if (!str_to_u64(whole, 180, &degrees))
        return false;
    for (size_t i = 0; i < fraction.n; i++) {
        if (fraction.p[i] < '0' || fraction.p[i] > '9')
            return false;
        unit /= 10;
        value += unit * (uint64_t)(fraction.p[i] - '0');
    }
    *micro = (int64_t)degrees * MICRO + (int64_t)value;
    if (negative)
        *micro = -*micro;
    return true;
}

static bool to_degrees(struct str bytes, const struct item *item, int64_t max, int64_t *micro)
{
    if (item->type == STRING) {
        if (!parse_degrees(bytes, micro))
            return false;
    } else if (item->type == DOUBLE || item->type == FLOAT) {
        double degrees = item->size > 8 ? 0 : as_double(big_endian(bytes, 0, bytes.n), bytes.n);

        if (!(degrees >= -180.0 && degrees <= 180.0)) /* NaN too */
            return false;
        *micro = (int64_t)(degrees * MICRO + (degrees < 0 ? -0.5 : 0.5));
    } else {
        return false;
    }
    return *micro >= -max && *micro <= max;
}

static bool to_asn(struct str bytes, const struct item *item, int64_t *number)
{
    uint64_t value = 0;

    if (item->type == STRING) {
        if (str_starts(bytes, STR("AS")))
            bytes = str_from(bytes.p + 2, bytes.n - 2);
        if (!str_to_u64(bytes, UINT32_MAX, &value))
            return false;
    } else if ((item->type == UINT16 || item->type == UINT32 || item->type == UINT64 ||
                item->type == INT32) &&
               bytes.n <= 8) {
        value = big_endian(bytes, 0, bytes.n);
    }
    *number = (int64_t)value;
    return value > 0 && value <= UINT32_MAX;
}

static bool is_country_code(struct str s)
{
    return s.n == 2 && s.p[0] >= 'A' && s.p[0] <= 'Z' && s.p[1] >= 'A' && s.p[1] <= 'Z';
}

static void take_value(struct reader *r, const struct key *key, const struct item *item)
{
    struct geo_value *known = &r->entry->field[key->field];
    struct geo_value value = { .rank = key->rank };
    bool good;

    if (key->rank <= known->rank || item->type == MAP || item->type == ARRAY ||
        item->type == BOOLEAN)
        return;
    value.text = str_from(r->data.p + item->value, item->size);
    switch (key->field) {
    case GEO_LAT:
        good = to_degrees(value.text, item, LAT_MAX_MICRO, &value.number);
        break;
    case GEO_LON:
        good = to_degrees(value.text, item, LON_MAX_MICRO, &value.number);
        break;
    case GEO_ASN:
        good = to_asn(value.text, item, &value.number);
        break;
    case GEO_COUNTRY:
        good = item->type == STRING && is_country_code(value.text);
        break;
    default: /* "-" is how flat files say that they do not know */
        good = item->type == STRING && value.text.n > 0 && !str_eq(value.text, STR("-"));
    }
    if (good)
        *known = value;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static bool read_map(struct reader *r, const struct item *map, enum scope scope);

/* A map behind a known key, or the first map of an array: the largest subdivision comes first. */
static bool read_inside(struct reader *r, struct item item, enum scope scope)
{
    struct item first;

    if (item.type == ARRAY && item.size > 0) {
        if (!read_item(r, item.next, &first) || !resolve(r, &first, &item))
            return false;
    }
    return item.type != MAP || read_map(r, &item, scope);
}

static bool read_member(struct reader *r, enum scope scope, size_t *at)
{
    struct item name, item, value;
    const struct key *key;

    if (!read_item(r, *at, &item) || !resolve(r, &item, &name) || name.type != STRING)
        return false;
    if (!read_item(r, item.next, &item))
        return false;
    key = find_key(scope, str_from(r->data.p + name.value, name.size));
    if (key != NULL) {
        if (!resolve(r, &item, &value))
            return false;
        take_value(r, key, &value);
        if (key->inner != NONE && !read_inside(r, value, key->inner))
            return false;
    }
    return skip(r, item, at);
}

static bool read_map(struct reader *r, const struct item *map, enum scope scope)
{
    size_t at = map->next;

    for (size_t i = 0; i < map->size; i++) {
        if (!read_member(r, scope, &at))
            return false;
    }
    return true;
}

void geo_entry_read(struct geo_entry *entry, struct str data, size_t offset)
{
    struct reader r = { .data = data, .steps_left = STEPS_MAX };
    struct item top;

    memset(entry, 0, sizeof *entry);
    r.entry = entry;
    if (!read_item(&r, offset, &top) || top.type != MAP || !read_map(&r, &top, TOP))
        memset(entry, 0, sizeof *entry);
    if (entry->field[GEO_AS_ORG].rank <= WEAK_ORG && entry->field[GEO_ASN].rank == 0)
        entry->field[GEO_AS_ORG].rank = 0;
}
