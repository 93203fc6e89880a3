/* test_err.c - sentences and codes. */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/err.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

Test(err, the_code_follows_from_errno_and_the_sentence_says_both)
{
    static const struct {
        int sys_errno;
        enum err_code code;
    } rows[] = {
        { ENOSPC, ERR_FULL },  { EDQUOT, ERR_FULL },   { EACCES, ERR_DENIED },
        { EROFS, ERR_DENIED }, { EPERM, ERR_DENIED },  { ENOENT, ERR_MISSING },
        { EIO, ERR_SYSTEM },   { ENOMEM, ERR_MEMORY },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e;

        errno = rows[i].sys_errno;
        cr_expect_eq(err_sys(&e, "cannot open %s", "x"), -1);
        cr_expect_eq(e.code, rows[i].code, "row %zu", i);
        cr_expect_eq(e.sys_errno, rows[i].sys_errno, "row %zu", i);
        cr_expect_eq(strncmp(e.text, "cannot open x: ", 15), 0, "%s", e.text);
    }
}

Test(err, an_overlong_sentence_is_cut_and_nobody_need_care)
{
    struct err e;

    errno = EIO;
    err_sys(&e, "%01000d", 1);
    cr_expect_eq(strlen(e.text), sizeof e.text - 1);
    cr_expect_eq(err_set(NULL, ERR_INPUT, "ignored"), -1);
    err_clear(NULL);
}
