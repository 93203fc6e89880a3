/* geo: what the files say, from every schema; and whatever is wrong with a file, nothing breaks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/utf8.h"
#include "model/geo.h"
#include "support/tmp_dir.h"

static struct tmp_dir folder;
static struct geo_cache *cache;

/* Tests are run from the top of the tree; see the Makefile. */
static void setup(void)
{
    char command[256];

    folder = tmp_dir_make();
    snprintf(command, sizeof command, "perl tests/support/make-mmdb.pl %s", folder.path);
    cr_assert_eq(system(command), 0);
    cache = geo_cache_new();
    cr_assert_not_null(cache);
}

static void teardown(void)
{
    geo_cache_free(cache);
    tmp_dir_remove(&folder);
}

TestSuite(geo, .init = setup, .fini = teardown, .timeout = 120);

/* Names of files in the folder, separated by spaces. */
static struct geo_set *open_set(const char *names, struct err *e)
{
    char memory[GEO_DATABASES_MAX + 1][TMP_PATH_BYTES];
    char *paths[GEO_DATABASES_MAX + 1];
    struct str rest = str_of(names), name;
    unsigned count = 0;

    while (names[0] != '\0' && (name = str_cut(&rest, ' ')).p != NULL) {
        char file[64];

        snprintf(file, sizeof file, "%.*s.mmdb", STR_ARG(name));
        tmp_dir_path(&folder, memory[count], file);
        paths[count] = memory[count];
        count++;
    }
    return geo_open(paths, count, NULL, e);
}

static struct str look_up(const struct geo_set *set, const char *address)
{
    struct ip ip = { .family = 0 };

    cr_assert(address[0] == '\0' || ip_parse(str_of(address), &ip));
    return geo_lookup(set, cache, &ip);
}

static void expect_found(const struct geo_set *set, const char *address, const char *want)
{
    struct str got = look_up(set, address);

    if (want == NULL)
        cr_expect(got.p == NULL, "%s: %.*s", address, STR_ARG(got));
    else
        cr_expect(str_eq(got, str_of(want)), "%s: %.*s\ninstead of %s", address, STR_ARG(got),
                  want);
}

#define BERLIN                                                                                     \
    "\"country\":\"DE\",\"region\":\"BE\",\"city\":\"Berlin\",\"lat\":52.5196,\"lon\":13.4069,"    \
    "\"tz\":\"Europe/Berlin\""

Test(geo, fields_of_every_schema)
{
    static const struct {
        const char *databases, *address, *want;
    } rows[] = {
        { "city", "192.0.2.1", BERLIN },
        { "city", "::ffff:192.0.2.1", BERLIN },
        { "city", "2001:db8:1::77", BERLIN },
        { "city", "192.0.2.128", NULL },
        { "city", "2001:db8:2::", NULL },
        { "city", "", NULL },
        { "city", "198.51.100.7",
          "\"country\":\"NZ\",\"region\":\"Wellington Region\",\"city\":\"Wh\xC4\x81nganui "
          "\\\"x\\\"\\\\\\n\",\"lat\":-41.2866,\"lon\":174.7756" },
        { "country", "192.0.2.1", "\"country\":\"AT\"" },
        { "country", "203.0.113.1", NULL }, /* only registered there */
        { "asn", "192.0.2.1", "\"asn\":64500,\"as_org\":\"Example \\\"Net\\\"\"" },
        { "asn", "2001:db8:ffff::", "\"asn\":4294967295,\"as_org\":\"Largest\"" },
        { "flat", "192.0.2.1",
          "\"country\":\"DE\",\"region\":\"Berlin\",\"city\":\"Mitte\",\"lat\":52.5,\"lon\":13.25,"
          "\"tz\":\"Europe/Berlin\"" },
        { "flat", "192.0.2.200",
          "\"country\":\"DE\",\"region\":\"HE\",\"lat\":50.1109,\"lon\":8.6821" },
        { "flat", "198.51.100.1", "\"country\":\"NZ\",\"asn\":64501,\"as_org\":\"Kiwi\"" },
        { "flat", "203.0.113.1", NULL }, /* nothing there is what it should be */
        { "flat", "2001:db8::1",
          "\"country\":\"FR\",\"region\":\"Bretagne\",\"asn\":64502,\"as_org\":\"FR-NET\"" },
        { "ipv4", "192.0.2.1", "\"country\":\"DE\"" },
        { "ipv4", "::ffff:192.0.2.1", "\"country\":\"DE\"" },
        { "ipv4", "2001:db8::1", NULL },
        { "ipv6", "2001:db8::1", "\"country\":\"DE\"" },
        { "ipv6", "192.0.2.1", NULL },
        /* the first file that knows a field wins */
        { "city country asn", "192.0.2.1",
          BERLIN ",\"asn\":64500,\"as_org\":\"Example \\\"Net\\\"\"" },
        { "country city", "192.0.2.1",
          "\"country\":\"AT\",\"region\":\"BE\",\"city\":\"Berlin\",\"lat\":52.5196,\"lon\":13."
          "4069,"
          "\"tz\":\"Europe/Berlin\"" },
        { "city country asn", "192.0.2.128",
          "\"country\":\"AT\",\"asn\":64500,\"as_org\":\"Example \\\"Net\\\"\"" },
        { "ipv4 ipv6", "2001:db8::1", "\"country\":\"DE\"" },
        { "", "192.0.2.1", NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = { 0 };
        struct geo_set *set = open_set(rows[i].databases, &e);

        cr_assert_not_null(set, "%s", e.text);
        for (int twice = 0; twice < 2; twice++) /* read, then from the cache */
            expect_found(set, rows[i].address, rows[i].want);
        geo_close(set);
    }
}

Test(geo, another_set_is_not_answered_from_the_old_cache)
{
    struct geo_set *city = open_set("city", NULL), *country = open_set("country", NULL);

    for (int i = 0; i < 3; i++) {
        expect_found(city, "192.0.2.1", BERLIN);
        expect_found(country, "192.0.2.1", "\"country\":\"AT\"");
    }
    geo_close(city);
    geo_close(country);
}

Test(geo, fields_beyond_their_limits_are_cut)
{
    struct geo_set *set = open_set("long", NULL);

    cr_assert_not_null(set);
    for (int twice = 0; twice < 2; twice++) {
        static char object[GEO_JSON_BYTES_MAX + 2];
        struct buf b = buf_over(object, sizeof object);
        struct str got = look_up(set, "192.0.2.1");
        struct json_field f;

        cr_assert(got.n > 500 && got.n <= GEO_JSON_BYTES_MAX, "%zu bytes", got.n);
        cr_assert(utf8_valid(got));
        buf_addf(&b, "{%.*s}", STR_ARG(got));
        cr_assert(json_find(buf_str(&b), STR("city"), &f));
        cr_expect_eq(f.value.n, 128);
        cr_assert(json_find(buf_str(&b), STR("as_org"), &f));
        cr_expect_eq(f.value.n, 256);
    }
    geo_close(set);
}

Test(geo, describes_what_is_open)
{
    struct geo_set *none = geo_open(NULL, 0, NULL, NULL), *two = open_set("city asn", NULL);
    const char *text;

    cr_expect_str_eq(geo_describe(none), "none");
    text = geo_describe(two);
    cr_expect_eq(strncmp(text, "Test-City 20", 12), 0, "%s", text);
    cr_expect_not_null(strstr(text, ", Test-ASN 20"), "%s", text);
    cr_expect_not(geo_changed(none));
    geo_close(none);
    geo_close(two);
    geo_close(NULL);
}

Test(geo, bad_file_is_told_with_its_path_and_the_others_serve)
{
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        { "", "not a geo database" },
        { "garbage", "not a geo database" },
        { "\xAB\xCD\xEF"
          "MaxMind.com",
          "not a geo database" },
        { NULL, "No such file" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = { 0 };
        char path[TMP_PATH_BYTES];
        struct geo_set *set;

        tmp_dir_path(&folder, path, "bad.mmdb");
        if (rows[i].text != NULL)
            tmp_dir_write(&folder, "bad.mmdb", rows[i].text);
        else
            unlink(path);
        set = open_set("bad city", &e);
        cr_assert_not_null(set);
        cr_expect_not_null(strstr(e.text, path), "%s", e.text);
        cr_expect_not_null(strstr(e.text, rows[i].sentence), "%s", e.text);
        expect_found(set, "2001:db8:1::1", BERLIN);
        cr_expect_not(geo_changed(set), "a bad file is not tried again before it changes");
        geo_close(set);
    }
}

Test(geo, a_file_that_breaks_keeps_its_old_database_until_it_is_good_again)
{
    char path[TMP_PATH_BYTES], good[TMP_PATH_BYTES];
    char *paths[1] = { path };
    struct geo_set *set, *next;
    struct err e;

    tmp_dir_path(&folder, path, "changing.mmdb");
    tmp_dir_path(&folder, good, "city.mmdb");
    set = geo_open(paths, 1, NULL, &e);
    cr_assert_not_null(set);
    cr_expect_eq(e.code, ERR_MISSING);
    expect_found(set, "2001:db8:1::1", NULL);

    cr_assert_eq(link(good, path), 0); /* it appears */
    cr_expect(geo_changed(set));
    next = geo_open(paths, 1, set, &e);
    geo_close(set);
    set = next;
    cr_expect_eq(e.code, ERR_NONE);
    expect_found(set, "2001:db8:1::1", BERLIN);

    unlink(path);
    tmp_dir_write(&folder, "changing.mmdb", "garbage"); /* it breaks */
    next = geo_open(paths, 1, set, &e);
    geo_close(set);
    set = next;
    cr_expect_eq(e.code, ERR_DAMAGED);
    cr_expect_not_null(strstr(e.text, "stays in use"), "%s", e.text);
    expect_found(set, "2001:db8:1::1", BERLIN);

    next = geo_open(paths, 1, set, &e); /* and is told again when somebody asks again */
    geo_close(set);
    set = next;
    cr_expect_eq(e.code, ERR_DAMAGED);
    expect_found(set, "2001:db8:1::1", BERLIN);
    geo_close(set);
}

Test(geo, too_many_files_are_refused)
{
    struct err e = { 0 };

    cr_expect_null(open_set("city city city city city city city city city", &e));
    cr_expect_eq(e.code, ERR_INPUT);
}

/* What an operator's `cp` does: the same inode is emptied and filled anew. */
Test(geo, file_that_is_overwritten_in_place_hurts_nobody)
{
    struct geo_set *set = open_set("city", NULL);

    cr_assert_not_null(set);
    cr_expect_not(geo_changed(set));
    tmp_dir_write(&folder, "city.mmdb", "garbage");
    for (int i = 0; i < 255; i++) {
        struct ip ip = ip_of_bytes((unsigned char[]){ 192, 0, 2, (unsigned char)i }, 4);

        geo_lookup(set, cache, &ip);
    }
    expect_found(set, "2001:db8:1::1", BERLIN);
    cr_expect(geo_changed(set));
    geo_close(set);
}

Test(geo, change_is_seen_and_removal_is_none)
{
    struct geo_set *set = open_set("city country", NULL);
    char from[TMP_PATH_BYTES], to[TMP_PATH_BYTES];

    cr_assert_not_null(set);
    tmp_dir_path(&folder, from, "asn.mmdb");
    tmp_dir_path(&folder, to, "country.mmdb");
    unlink(to);
    cr_expect_not(geo_changed(set));
    cr_assert_eq(rename(from, to), 0);
    cr_expect(geo_changed(set));
    expect_found(set, "192.0.2.200", "\"country\":\"AT\"");
    geo_close(set);
}

static void look_around(const struct geo_set *set)
{
    static const char *const addresses[] = {
        "192.0.2.1",    "192.0.2.200",
        "198.51.100.1", "203.0.113.1",
        "2001:db8::1",  "2001:db8:1::1",
        "0.0.0.0",      "255.255.255.255",
        "::",           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    };

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct str got = look_up(set, addresses[i]);

        cr_assert_leq(got.n, GEO_JSON_BYTES_MAX);
        cr_assert(utf8_valid(got));
    }
}

static void try_bytes(const char *bytes, size_t n)
{
    char path[TMP_PATH_BYTES];
    char *paths[1] = { path };
    struct geo_set *set;
    FILE *f;

    tmp_dir_path(&folder, path, "damaged.mmdb");
    f = fopen(path, "wb");
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
    set = geo_open(paths, 1, NULL, NULL);
    if (set != NULL)
        look_around(set);
    geo_close(set);
}

/* libmaxminddb 1.7 forgets some memory when it refuses a file with damaged metadata. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb\n";
}

Test(geo, damaged_files_are_survived)
{
    static const char *const names[] = { "city.mmdb", "flat.mmdb", "asn.mmdb", "ipv4.mmdb" };
    unsigned seed = 4;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[TMP_PATH_BYTES], *bytes, *copy;
        size_t n;

        tmp_dir_path(&folder, path, names[i]);
        cr_assert_eq(fs_read_all(path, 1 << 20, &bytes, &n, NULL), 0);
        copy = malloc(n);
        cr_assert_not_null(copy);
        for (size_t cut = 0; cut < n; cut += 7)
            try_bytes(bytes, cut);
        for (int round = 0; round < 1500; round++) {
            memcpy(copy, bytes, n);
            for (int flips = round % 4; flips >= 0; flips--)
                copy[(size_t)rand_r(&seed) % n] = (char)rand_r(&seed);
            try_bytes(copy, n);
        }
        free(copy);
        free(bytes);
    }
}

/* ---- the real thing, against the library's own tool ------------------------------------------ */

static void country_of_mmdblookup(const char *file, const char *address, char country[3])
{
    char command[256], line[128];
    FILE *pipe;

    snprintf(command, sizeof command, "mmdblookup --file %s --ip %s country iso_code 2>/dev/null",
             file, address);
    pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    country[0] = '\0';
    while (fgets(line, sizeof line, pipe) != NULL) {
        char *quote = strchr(line, '"');

        if (quote != NULL)
            snprintf(country, 3, "%s", quote + 1);
    }
    pclose(pipe);
}

/* Once; the second call must find the file up to date and leave it alone. */
static void build_country(const char *path)
{
    struct stat first, second;

    cr_assert_eq(system("conf/setup/geo-db.sh build/tests/country.mmdb"), 0);
    cr_assert_eq(fs_stat_path(path, &first, NULL), 0);
    cr_assert_eq(system("conf/setup/geo-db.sh build/tests/country.mmdb"), 0);
    cr_assert_eq(fs_stat_path(path, &second, NULL), 0);
    cr_expect_eq(first.st_ino, second.st_ino);
}

Test(geo, agrees_with_mmdblookup_about_real_addresses)
{
    static char path[] = "build/tests/country.mmdb";
    char *paths[1] = { path };
    struct err e = { 0 };
    struct geo_set *set;
    unsigned seed = 5, known = 0;

    build_country(path);
    set = geo_open(paths, 1, NULL, &e);
    cr_assert_not_null(set, "%s", e.text);
    for (int i = 0; i < 400; i++) {
        unsigned char bytes[16] = { 0x20, 0x01 }; /* half of what is routed is in 2000::/4 */
        char address[IP_TEXT_BYTES + 1] = "", country[3], want[32];
        struct buf b = buf_over(address, sizeof address - 1);
        struct ip ip;

        for (int j = i % 3 == 0 ? 2 : 0; j < 16; j++)
            bytes[j] = (unsigned char)(rand_r(&seed) >> 8);
        ip = ip_of_bytes(bytes, i % 2 == 0 ? 4 : 16);
        ip_add(&b, &ip);
        country_of_mmdblookup(path, address, country);
        snprintf(want, sizeof want, "\"country\":\"%s\"", country);
        expect_found(set, address, country[0] == '\0' ? NULL : want);
        known += country[0] != '\0';
    }
    cr_expect_gt(known, 100, "only %u addresses are in the file", known);
    geo_close(set);
}
