/*
 * test_sections.c - the areas of sites: whole segments, the longest, the site's own, the order of the config.
 */
#include <criterion/criterion.h>

#include "../../src/report/sections.h"

/* The config owns its texts and is not const. */
#define TEXT(literal) ((char[]){ literal })

static char *help_paths[] = { TEXT("/help"), TEXT("/docs/api") };
static char *docs_paths[] = { TEXT("/docs") };
static char *shop_paths[] = { TEXT("/help") };
static char *rest_paths[] = { TEXT("/") };

static const struct config_section areas[] = {
    { TEXT("Rest of blog"), TEXT("blog"), rest_paths, 1 },
    { TEXT("Help"), NULL, help_paths, 2 },
    { TEXT("Documents"), NULL, docs_paths, 1 },
    { TEXT("Shop help"), TEXT("shop"), shop_paths, 1 },
    { TEXT("Too late"), NULL, docs_paths, 1 },
};

Test(sections, find_the_area_of_a_path)
{
    static const struct {
        const char *path, *site, *name; /* NULL: none */
    } rows[] = {
        { "/help", "x", "Help" },
        { "/help/", "x", "Help" },
        { "/help/a", "x", "Help" },
        { "/helpers", "x", NULL },
        { "/hel", "x", NULL },
        { "/help", "shop", "Shop help" },
        { "/docs", "x", "Documents" },
        { "/docs/api", "x", "Help" },
        { "/docs/api2", "x", "Documents" },
        { "/HELP", "x", NULL },
        { "/", "x", NULL },
        { "/", "blog", "Rest of blog" },
        { "/anything/else", "blog", "Rest of blog" },
        { "/help", "blog", "Help" },
        { "", "blog", NULL },
    };
    struct sections *sections = sections_new(areas, sizeof areas / sizeof areas[0]);

    cr_assert_not_null(sections);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str name = sections_find(sections, str_of(rows[i].path), str_of(rows[i].site));

        if (rows[i].name == NULL)
            cr_expect_null(name.p, "%s of %s: %.*s", rows[i].path, rows[i].site, STR_ARG(name));
        else
            cr_expect(str_eq(name, str_of(rows[i].name)), "%s of %s: %.*s", rows[i].path,
                      rows[i].site, STR_ARG(name));
    }
    cr_expect_null(sections_find(sections, STR_ABSENT, STR_ABSENT).p);
    sections_free(sections);
}

Test(sections, without_a_config_there_are_none)
{
    struct sections *sections = sections_new(NULL, 0);

    cr_assert_null(sections_find(sections, STR("/help"), STR("shop")).p);
    sections_free(sections);
}
