/*
 * test_reports.c - the table of reports keeps its promises: names are unique, sorted by what there is,
 * and explained in crumb-report(7).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "report/report.h"

static bool has_measure(const struct report_row *row, const char *name)
{
    for (int m = 0; m < REPORT_MEASURES_MAX && row->measures[m].name != NULL; m++) {
        if (strcmp(row->measures[m].name, name) == 0)
            return true;
    }
    return false;
}

Test(reports, rows_are_unique_and_sorted_by_a_column)
{
    size_t count;
    const struct report_row *rows = report_rows(&count);

    for (size_t i = 0; i < count; i++) {
        bool by_key = rows[i].keys[0] != NULL && strcmp(rows[i].keys[0], rows[i].sort) == 0;

        cr_expect(by_key || has_measure(&rows[i], rows[i].sort), "%s", rows[i].name);
        cr_expect_eq(report_row(rows[i].name), &rows[i], "%s", rows[i].name);
    }
    cr_expect_null(report_row("nothing"));
}

Test(reports, keys_of_reports_are_fields)
{
    static const enum report_fold by_fields[] = { FOLD_HITS, FOLD_VIEWS, FOLD_EVENTS, FOLD_BANNERS,
                                                  FOLD_BOTS };
    size_t count;
    const struct report_row *rows = report_rows(&count);

    for (size_t i = 0; i < count; i++) {
        for (size_t f = 0; f < sizeof by_fields / sizeof by_fields[0]; f++) {
            for (int k = 0;
                 rows[i].fold == by_fields[f] && k < REPORT_KEYS_MAX && rows[i].keys[k] != NULL;
                 k++)
                cr_expect(report_is_field(rows[i].keys[k]), "%s: %s", rows[i].name,
                          rows[i].keys[k]);
        }
    }
    cr_expect(!report_is_field("nothing") && !report_is_field("params.") &&
              !report_is_field("params"));
}

Test(reports, crumb_report_7_explains_every_report_and_derived_field)
{
    char *page;
    size_t n, count;
    const struct report_row *rows = report_rows(&count);
    const struct report_facet *facets;
    struct err e = { 0 };
    char word[64];

    cr_assert_eq(fs_read_all("man/crumb-report.7", 1 << 20, &page, &n, &e), 0, "%s", e.text);
    for (size_t i = 0; i < count; i++) {
        char *it = page;
        bool found = false;

        while (!found && (it = strstr(it, "\n.It ")) != NULL) {
            char *end = strchr(++it, '\n'), *at;

            snprintf(word, sizeof word, " %s", rows[i].name);
            at = strstr(it, word);
            found = at != NULL && at < end && strchr(" \n", at[strlen(word)]) != NULL;
        }
        cr_expect(found, "%s is missing", rows[i].name);
    }
    facets = report_facets(&count);
    for (size_t i = 0; i < count; i++) {
        snprintf(word, sizeof word, " %s", facets[i].name);
        cr_expect_not_null(strstr(page, word), "%s is missing", facets[i].name);
    }
    free(page);
}
