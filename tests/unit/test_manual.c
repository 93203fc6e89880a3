#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "cli/opts.h"
#include "model/codec.h"
#include "server/metrics.h"
#include "store/store.h"

/* The page with every run of white space as one space, from malloc. Tests run in the project's
 * folder. */
static char *page(const char *path)
{
    char *text, *to;
    size_t n;
    struct err e = { 0 };

    cr_assert_eq(fs_read_all(path, 1 << 20, &text, &n, &e), 0, "%s", e.text);
    to = text;
    for (const char *p = text; *p != '\0'; p++) {
        bool space = isspace((unsigned char)*p);

        if (!space || (to > text && to[-1] != ' '))
            *to++ = space ? ' ' : *p;
    }
    *to = '\0';
    return text;
}

static void expect_named(const char *text, const char *before, const char *name, const char *after)
{
    char wanted[512];

    snprintf(wanted, sizeof wanted, "%s%s%s", before, name, after);
    cr_expect_not_null(strstr(text, wanted), "\"%s\" is missing", wanted);
}

Test(manual, crumb_1_names_every_command_and_option)
{
    char *text = page("man/crumb.1");
    size_t count;
    const struct command *command = commands(&count);

    for (size_t i = 0; i < count; i++)
        expect_named(text, ".It Cm ", command[i].name, " ");
    for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
        const struct opt_row *row = opt_row(opt);
        char letter[2] = { row->letter, '\0' };

        expect_named(text, "Fl -", row->name, " ");
        if (row->letter != 0)
            expect_named(text, ".It Fl ", letter, " ");
    }
    free(text);
}

/* The sentences begin a line of their own in the page, and so with a capital. */
Test(manual, crumb_hits_5_has_every_field_with_its_sentence)
{
    static const char *const types[] = {
        [CODEC_INTEGER] = "integer",  [CODEC_NUMBER] = "number",
        [CODEC_STRING] = "string",    [CODEC_BOOLEAN] = "boolean",
        [CODEC_TIMESTAMP] = "string", [CODEC_MAP] = "object of strings",
    };
    char *text = page("man/crumb-hits.5");
    size_t count;
    const struct codec_field *fields = codec_fields(&count);

    for (size_t i = 0; i < count; i++) {
        char item[512];

        snprintf(item, sizeof item, "%s Pq %s %c%s", fields[i].name, types[fields[i].type],
                 toupper((unsigned char)fields[i].sentence[0]), fields[i].sentence + 1);
        expect_named(text, ".It Va ", item, ". ");
    }
    free(text);
}

Test(manual, crumbd_8_names_every_metric)
{
    static const char *const names[] = {
#define METRIC_NAME(field, name, labels, help) name,
        METRICS_COUNTERS(METRIC_NAME)
#undef METRIC_NAME
#define STORE_NAME(name, help) "crumb_store_" #name "_total",
            STORE_COUNTERS(STORE_NAME)
#undef STORE_NAME
    };
    static const char *const labels[] = {
#define METRIC_LABELS(field, name, labels, help) labels,
        METRICS_COUNTERS(METRIC_LABELS)
#undef METRIC_LABELS
    };
    char *text = page("man/crumbd.8");

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        expect_named(text, ".It Va ", names[i], "");
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        struct str rest = str_of(labels[i]), value;
        char reason[64];

        str_cut(&rest, '"');
        value = str_cut(&rest, '"');
        if (value.p == NULL)
            continue;
        snprintf(reason, sizeof reason, "%.*s", STR_ARG(value));
        expect_named(text, ".Cm ", reason, " ");
    }
    free(text);
}
