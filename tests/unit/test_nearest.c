#include <criterion/criterion.h>

#include "cli/nearest.h"

static const char *const names[] = { "country",    "region",       "utm_source",
                                     "utm_medium", "utm_campaign", "utm_term",
                                     "ua",         "url",          "v",
                                     "ref",        "ref_host" };

static const char *suggest(const char *word, char text[NEAREST_TEXT_BYTES])
{
    struct nearest n;

    nearest_begin(&n, str_of(word));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        nearest_offer(&n, names[i]);
    return nearest_text(&n, "", text);
}

Test(nearest, names_within_a_few_typing_errors_are_offered_best_first)
{
    static const struct {
        const char *word, *text;
    } rows[] = {
        { "contry", "; did you mean country?" },
        { "conutry", "; did you mean country?" },
        { "countryy", "; did you mean country?" },
        { "regoin", "; did you mean region?" },
        { "country_code", "; did you mean country?" },
        { "utm", "; did you mean utm_source, utm_medium or utm_campaign?" },
        { "refhost", "; did you mean ref_host or ref?" },
        { "ur", "; did you mean ua or url?" },
        { "zebra", "" },
        { "", "" },
        { "a_word_that_is_much_longer_than_any_name_that_there_could_be", "" },
    };
    char text[NEAREST_TEXT_BYTES];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_str_eq(suggest(rows[i].word, text), rows[i].text, "%s: %s", rows[i].word, text);
}

Test(nearest, prefix_stands_before_each_name)
{
    struct nearest n;
    char text[NEAREST_TEXT_BYTES];

    nearest_begin(&n, STR("sicne"));
    nearest_offer(&n, "since");
    cr_expect_str_eq(nearest_text(&n, "--", text), "; did you mean --since?");
}

Test(nearest, a_better_name_offered_late_pushes_the_worst_out)
{
    struct nearest n;

    nearest_begin(&n, STR("abcdefghi"));
    nearest_offer(&n, "abcdefxyz");
    nearest_offer(&n, "abcdefgxy");
    nearest_offer(&n, "abcdefghx");
    nearest_offer(&n, "abcdefghij");
    nearest_offer(&n, "abcdefghi");
    cr_expect_eq(n.count, 3);
    cr_expect_str_eq(n.names[0], "abcdefghi");
    cr_expect_str_eq(n.names[1], "abcdefghx");
    cr_expect_str_eq(n.names[2], "abcdefghij");
}
