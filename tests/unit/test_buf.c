/* test_buf.c - bounded writing. */
#include <criterion/criterion.h>

#include "base/buf.h"

Test(buf, nothing_is_written_past_the_end_or_after_the_first_refusal)
{
    char memory[8] = "????????";
    struct buf b = buf_over(memory, 4);

    buf_add_lit(&b, "abc");
    buf_add_lit(&b, "de");
    cr_expect(b.full);
    buf_add_char(&b, 'x'); /* would fit, but the line is already incomplete */
    cr_expect(str_eq(buf_str(&b), STR("abc")));
    cr_expect_arr_eq(memory + 3, "?????", 5);
}

Test(buf, rewinding_makes_a_full_buffer_usable_again)
{
    char memory[4];
    struct buf b = buf_over(memory, sizeof memory);

    buf_add_lit(&b, "ab");
    buf_add_lit(&b, "cdef");
    buf_rewind(&b, 2);
    buf_add_lit(&b, "cd");
    cr_expect_not(b.full);
    cr_expect(str_eq(buf_str(&b), STR("abcd")));
}

Test(buf, numbers_are_decimal_over_their_whole_range)
{
    char memory[128];
    struct buf b = buf_over(memory, sizeof memory);

    buf_add_u64(&b, 0);
    buf_add_char(&b, ' ');
    buf_add_u64(&b, UINT64_MAX);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, INT64_MIN);
    buf_add_char(&b, ' ');
    buf_add_u64_padded(&b, 42, 5);
    buf_add_char(&b, ' ');
    buf_add_u64_padded(&b, 123456, 3);
    cr_expect(str_eq(buf_str(&b), STR("0 18446744073709551615 -9223372036854775808 00042 123456")));
}

Test(buf, formatted_text_that_does_not_fit_leaves_no_part_behind)
{
    char memory[8];
    struct buf b = buf_over(memory, sizeof memory);

    buf_addf(&b, "%s", "1234");
    buf_addf(&b, "%d", 567890);
    cr_expect(b.full);
    cr_expect(str_eq(buf_str(&b), STR("1234")));
}
