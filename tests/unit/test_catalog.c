/*
 * test_catalog.c - names: written and read back, and everything that only resembles one is left
 * alone.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "../../src/store/catalog.h"
#include "../../src/store/line.h"
#include "support/data_dir.h"

static const struct segment_id sample = { "1ab2cd3ef4gh", 3, 17, 1795529109000 };

Test(catalog, names_are_read_back)
{
    catalog_path path;
    struct segment_id id;

    catalog_segment_path(path, "/d", &sample);
    cr_expect_str_eq(path, "/d/spool/20261124T140509Z-1ab2cd3ef4gh-3-17.seg");
    cr_expect(catalog_parse_segment(catalog_base_name(path), &id));
    cr_expect(catalog_same_segment(&id, &sample));
    catalog_sealed_path(path, "/d", &sample);
    cr_expect_str_eq(path,
                     "/d/hits/dt=2026-11-24/hour=14/20261124T140509Z-1ab2cd3ef4gh-3-17.ndjson.gz");
    cr_expect(catalog_parse_sealed(catalog_base_name(path), &id));
    cr_expect(catalog_same_segment(&id, &sample));
}

Test(catalog, what_only_resembles_a_name_is_not_ours)
{
    static const char *const names[] = {
        "",
        ".seg",
        "20261124T140509Z-1ab2cd3ef4gh-3-17.se",
        "20261124T140509Z-1ab2cd3ef4gh-3-17.seg~",
        "20261124T140509Z-1ab2cd3ef4gh-3-17.SEG",
        "20261324T140509Z-1ab2cd3ef4gh-3-17.seg",
        "20261124T146509Z-1ab2cd3ef4gh-3-17.seg",
        "20261124 140509Z-1ab2cd3ef4gh-3-17.seg",
        "20261124T140509Z-1ab2cd3ef4g-3-17.seg",
        "20261124T140509Z-1ab2cd3ef4ghi-3-17.seg",
        "20261124T140509Z-1ab2cd3ef4gh-03-17.seg",
        "20261124T140509Z-1ab2cd3ef4gh-3-017.seg",
        "20261124T140509Z-1ab2cd3ef4gh-3--17.seg",
        "20261124T140509Z-1ab2cd3ef4gh-3-17-1.seg",
        "20261124T140509Z-1ab2cd3ef4gh-3-4294967296.seg",
        "20261124T140509Z-1ab2cd3ef4gh-3-.seg",
        "20261124T140509Z-1ab2cd3ef4gh-3.seg",
    };
    struct segment_id id;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_expect(!catalog_parse_segment(names[i], &id), "%s", names[i]);
    cr_expect(!catalog_parse_sealed("20261124T140509Z-1ab2cd3ef4gh-3-17.seg", &id));
    cr_expect(!catalog_is_spare("spare-.free") && !catalog_is_spare("spare-1.freed"));
    cr_expect(catalog_is_spare("spare-1.free"));
}

Test(catalog, a_long_data_folder_is_refused_not_cut)
{
    char name[CATALOG_PATH_BYTES + 1];

    memset(name, 'x', sizeof name);
    name[CATALOG_PATH_BYTES - CATALOG_NAME_BYTES] = '\0';
    cr_expect(catalog_check(name, NULL) == 0);
    name[CATALOG_PATH_BYTES - CATALOG_NAME_BYTES] = 'x';
    name[CATALOG_PATH_BYTES - CATALOG_NAME_BYTES + 1] = '\0';
    cr_expect(catalog_check(name, NULL) != 0);
}

Test(catalog, a_segment_that_is_sealed_is_listed_once_and_sealed)
{
    struct catalog catalog = { .count = 0 };

    data_dir_make();
    data_dir_shell("mkdir -p $D/spool $D/hits/dt=2026-11-24/hour=14 $D/hits/other && cd $D &&"
                   " touch spool/20261124T140509Z-1ab2cd3ef4gh-3-17.seg spool/note.txt"
                   " spool/spare-3.free spool/20261124T140510Z-1ab2cd3ef4gh-3-18.seg"
                   " hits/dt=2026-11-24/hour=14/20261124T140509Z-1ab2cd3ef4gh-3-17.ndjson.gz"
                   " hits/dt=2026-11-24/hour=14/20261124T140509Z-1ab2cd3ef4gh-3-17.idx"
                   " hits/dt=2026-11-24/hour=14/20261124T130509Z-1ab2cd3ef4gh-3-16.ndjson.gz"
                   " hits/dt=2026-11-24/note hits/dt=2026-99-99");
    cr_assert(catalog_add_spool(&catalog, data_dir, NULL) == 0);
    cr_assert(catalog_add_hits(&catalog, data_dir, INT64_MIN, INT64_MAX, NULL) == 0);
    catalog_sort(&catalog);
    cr_expect(catalog.count == 2, "%zu", catalog.count);
    cr_expect(catalog.entry[0].id.number == 17 && !catalog.entry[0].in_spool);
    cr_expect(catalog.entry[1].id.number == 18 && catalog.entry[1].in_spool);
    cr_expect(catalog.foreign_files == 5, "%d", (int)catalog.foreign_files);
    catalog_free(&catalog);
    data_dir_remove();
}

static const struct id_row {
    const char *line;
    bool valid;
    uint64_t seq;
} id_rows[] = {
    { "{\"v\":1,\"ts\":\"2026-11-23T14:05:09.123Z\",\"id\":\"1ab2cd3ef4gh-3-42\",\"a\":1}", true,
      42 },
    { "{\"id\":\"1ab2cd3ef4gh-3-7\"}", true, 7 },
    { "{\"id\":\"1ab2cd3ef4gh-4-7\"}", false, 0 },
    { "{\"id\":\"xab2cd3ef4gh-3-7\"}", false, 0 },
    { "{\"id\":\"1ab2cd3ef4gh-3-\"}", false, 0 },
    { "{\"id\":7}", false, 0 },
    { "{\"v\":1,\"ts\":\"2026-11-23T14:05:09.123Z\",\"id\":\"1ab2cd3ef4gh", false, 0 },
    { "", false, 0 },
};

Test(line, id_is_read_wherever_it_stands)
{
    for (size_t i = 0; i < sizeof id_rows / sizeof id_rows[0]; i++) {
        uint64_t seq = 0;
        bool valid = line_seq(str_of(id_rows[i].line), &sample, &seq);

        cr_expect(valid == id_rows[i].valid, "%s", id_rows[i].line);
        cr_expect(!valid || seq == id_rows[i].seq, "%s", id_rows[i].line);
    }
}
