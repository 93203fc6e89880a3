#include <criterion/criterion.h>
#include <stdio.h>

#include "cli/help.h"
#include "cli/opts.h"

#define WORDS_MAX 8

struct parsed {
    struct opts opts;
    struct err e;
    char *words[WORDS_MAX];
    int result;
};

/* command is the first word; NULL ends them. */
static void parse(struct parsed *p, const char *const *words)
{
    int n = 0;

    while (n < WORDS_MAX && words[n] != NULL) {
        p->words[n] = (char *)(uintptr_t)words[n];
        n++;
    }
    err_clear(&p->e);
    p->result = opts_parse(&p->opts, command_find(words[0], &p->e), n - 1, p->words + 1, &p->e);
}

Test(opts, every_spelling_of_a_value_is_the_same)
{
    static const char *const rows[][4] = {
        { "cat", "--config", "x.yaml" },
        { "cat", "--config=x.yaml" },
        { "cat", "-c", "x.yaml" },
        { "cat", "-cx.yaml" },
    };
    struct parsed p;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        parse(&p, rows[i]);
        cr_assert_eq(p.result, 0, "row %zu: %s", i, p.e.text);
        cr_expect_str_eq(p.opts.value[OPT_CONFIG], "x.yaml", "row %zu", i);
    }
}

Test(opts, bad_lines_are_refused_with_a_sentence)
{
    static const struct {
        const char *words[4];
        const char *sentence;
    } rows[] = {
        { { "cat", "--sicne", "1h" }, "there is no option --sicne; did you mean --since?" },
        { { "cat", "--sicne=1h" }, "there is no option --sicne; did you mean --since?" },
        { { "verify", "--wher", "a=b" }, "there is no option --wher" },
        { { "verify", "--where", "a=b" }, "verify takes no --where" },
        { { "cat", "-x" }, "there is no option -x" },
        { { "cat", "-n", "5" }, "cat takes no --lines" },
        { { "cat", "--since" }, "--since needs TIME behind it" },
        { { "cat", "--raw=1" }, "--raw takes no value" },
        { { "cat", "--site=a", "--site=b" }, "--site is given twice" },
        { { "cat", "file" }, "cat does not know what to do with file" },
        { { "cat", "--", "-c" }, "cat does not know what to do with -c" },
        { { "cat", "--=1" }, "there is no option --" },
        { { "help", "a", "b" }, "help does not know what to do with b" },
    };
    struct parsed p;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        parse(&p, rows[i].words);
        cr_expect_eq(p.result, -1, "row %zu", i);
        cr_expect_str_eq(p.e.text, rows[i].sentence, "row %zu: %s", i, p.e.text);
    }
}

Test(opts, arguments_and_options_may_be_mixed)
{
    static const char *const words[] = { "verify", "a",  "--format", "json",
                                         "-",      "--", "--data",   NULL };
    struct parsed p;

    parse(&p, words);
    cr_assert_eq(p.result, 0);
    cr_expect_str_eq(p.opts.value[OPT_FORMAT], "json");
    cr_expect_not(opts_has(&p.opts, OPT_DATA));
    cr_assert_eq(p.opts.arguments_count, 3);
    cr_expect_str_eq(p.opts.arguments[0], "a");
    cr_expect_str_eq(p.opts.arguments[1], "-");
    cr_expect_str_eq(p.opts.arguments[2], "--data");
}

Test(opts, where_keeps_all_its_values_in_order_up_to_a_limit)
{
    static char option[] = "--where", value[] = "ua=1";
    char *argv[2 * (OPTS_WHERE_MAX + 1)];
    struct opts opts;
    struct err e = { 0 };

    for (size_t i = 0; i <= OPTS_WHERE_MAX; i++) {
        argv[2 * i] = option;
        argv[2 * i + 1] = value;
    }
    cr_expect_eq(opts_parse(&opts, command_find("cat", &e), 2 * OPTS_WHERE_MAX, argv, &e), 0);
    cr_expect_eq(opts.where_count, OPTS_WHERE_MAX);
    cr_expect_str_eq(opts.where[OPTS_WHERE_MAX - 1], "ua=1");
    cr_expect_eq(opts_parse(&opts, command_find("cat", &e), 2 * OPTS_WHERE_MAX + 2, argv, &e), -1);
}

Test(opts, unknown_command_names_the_nearest)
{
    struct err e = { 0 };

    cr_expect_null(command_find("verfiy", &e));
    cr_expect_str_eq(e.text, "there is no command verfiy; did you mean verify?");
}

Test(opts, help_of_a_command_has_each_of_its_options_and_no_other)
{
    char memory[HELP_BYTES], name[64];
    size_t count;
    const struct command *command = commands(&count);

    for (size_t i = 0; i < count; i++) {
        struct buf b = buf_over(memory, sizeof memory - 1);

        help_add_command(&b, &command[i]);
        cr_assert_not(b.full);
        memory[b.n] = '\0';
        for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
            bool takes = opt == OPT_HELP || (command[i].options & OPT_BIT(opt)) != 0;
            const struct opt_row *row = opt_row(opt);

            snprintf(name, sizeof name, " --%s%s%s", row->name, row->argument == NULL ? "" : " ",
                     row->argument == NULL ? "" : row->argument);
            cr_expect_eq(strstr(memory, name) != NULL, takes, "%s %s", command[i].name, name);
        }
    }
}

Test(opts, help_fits_a_terminal)
{
    char memory[HELP_BYTES];
    struct buf b = buf_over(memory, sizeof memory);
    struct str rest, line;
    size_t count;
    const struct command *command = commands(&count);

    help_add_overview(&b);
    for (size_t i = 0; i < count; i++)
        help_add_command(&b, &command[i]);
    cr_assert_not(b.full);
    rest = buf_str(&b);
    while ((line = str_cut(&rest, '\n')).p != NULL)
        cr_expect_leq(line.n, 100, "%.*s", STR_ARG(line));
}
