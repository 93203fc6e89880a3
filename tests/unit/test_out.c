#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/out.h"

static char folder[] = "/tmp/crumb-out-XXXXXX";
static char path[64], part_path[80];
static struct out out;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(part_path, sizeof part_path, "%s.part", path);
}

static void tear_down(void)
{
    remove(path);
    remove(part_path);
    remove(folder);
}

TestSuite(out, .init = set_up, .fini = tear_down);

/* What the file holds; from malloc. */
static char *contents(size_t *n)
{
    char *text = NULL;

    cr_assert_eq(fs_read_all(path, 64 << 20, &text, n, NULL), 0);
    return text;
}

static void expect_contents(struct str wanted)
{
    size_t n;
    char *text = contents(&n);

    cr_expect(str_eq(str_from(text, n), wanted), "%s", text);
    free(text);
}

Test(out, file_appears_only_when_it_is_complete)
{
    cr_assert_eq(out_open(&out, path, NULL), 0);
    out_add_str(&out, STR("half"));
    out_flush(&out);
    cr_expect_not(fs_exists(path));
    out_add_str(&out, STR(" and half"));
    cr_expect_eq(out_close(&out, true, NULL), 0);
    expect_contents(STR("half and half"));
    cr_expect_not(fs_exists(part_path));
}

Test(out, incomplete_file_leaves_the_old_one_as_it_was)
{
    cr_assert_eq(out_open(&out, path, NULL), 0);
    out_add_str(&out, STR("old"));
    cr_assert_eq(out_close(&out, true, NULL), 0);
    cr_assert_eq(out_open(&out, path, NULL), 0);
    out_add_str(&out, STR("new"));
    cr_expect_eq(out_close(&out, false, NULL), 0);
    expect_contents(STR("old"));
    cr_expect_not(fs_exists(part_path));
}

Test(out, file_that_cannot_be_made_is_refused_by_name)
{
    struct err e = { 0 };

    cr_expect_eq(out_open(&out, "/nowhere/at/all", &e), -1);
    cr_expect_not_null(strstr(e.text, "/nowhere/at/all"), "%s", e.text);
}

Test(out, more_than_the_buffer_holds_arrives_in_order)
{
    static char block[OUT_BUFFER_BYTES + 12345];
    size_t n;
    char *text;

    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)('a' + i % 26);
    cr_assert_eq(out_open(&out, path, NULL), 0);
    for (int i = 0; i < 5; i++)
        out_add(&out, block, sizeof block);
    cr_assert_eq(out_close(&out, true, NULL), 0);
    text = contents(&n);
    cr_assert_eq(n, 5 * sizeof block);
    for (size_t i = 0; i < 5; i++)
        cr_expect_arr_eq(text + i * sizeof block, block, sizeof block);
    free(text);
}

Test(out, lines_are_kept_to_the_byte_unless_they_hold_what_a_terminal_obeys)
{
    static const struct {
        struct str line, shown;
    } rows[] = {
        { { "{\"a\":\"b\"}", 9 }, { "{\"a\":\"b\"}\n", 10 } },
        { { "K\xC3\xB6ln \xF0\x9F\x8D\xAA", 10 }, { "K\xC3\xB6ln \xF0\x9F\x8D\xAA\n", 11 } },
        { { "", 0 }, { "\n", 1 } },
        { { "\x1B[2J", 4 }, { "\\u001b[2J\n", 10 } },
        { { "a\rb\0c\x7F", 6 }, { "a\\u000db\\u0000c\\u007f\n", 22 } },
        { { "\xC2\x9B"
            "2J",
            4 },
          { "\\u009b2J\n", 9 } },
        { { "\x9B\xFF\xC3", 3 }, { "\\ufffd\\ufffd\\ufffd\n", 19 } },
    };
    static char memory[1024];
    struct buf wanted = buf_over(memory, sizeof memory);

    cr_assert_eq(out_open(&out, path, NULL), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        out_add_line(&out, rows[i].line);
        buf_add_str(&wanted, rows[i].shown);
    }
    cr_assert_eq(out_close(&out, true, NULL), 0);
    expect_contents(buf_str(&wanted));
}

/* The fast way looks at eight bytes at a time: try every place in and around such a group. */
Test(out, control_byte_is_found_wherever_it_stands)
{
    static const struct {
        struct str odd, shown;
    } rows[] = {
        { { "\x1F", 1 }, { "\\u001f", 6 } },
        { { "\0", 1 }, { "\\u0000", 6 } },
        { { "\x7F", 1 }, { "\\u007f", 6 } },
        { { "\xC2\x80", 2 }, { "\\u0080", 6 } },
        { { "\x80", 1 }, { "\\ufffd", 6 } },
        { { "\xFF", 1 }, { "\\ufffd", 6 } },
        { { "\xC3\xB6", 2 }, { "\xC3\xB6", 2 } },
        { { " ", 1 }, { " ", 1 } },
        { { "~", 1 }, { "~", 1 } },
    };
    static char memory[65536];
    struct buf wanted = buf_over(memory, sizeof memory);

    cr_assert_eq(out_open(&out, path, NULL), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t before = 0; before < 20; before++) {
            char text[64];
            struct buf line = buf_over(text, sizeof text);

            buf_add(&line, "abcdefghijklmnopqrstuvwxyz", before);
            buf_add_str(&line, rows[i].odd);
            buf_add(&line, "abcdefghijklmnopqrstuvwxyz", 20 - before);
            out_add_line(&out, buf_str(&line));
            buf_add(&wanted, "abcdefghijklmnopqrstuvwxyz", before);
            buf_add_str(&wanted, rows[i].shown);
            buf_add(&wanted, "abcdefghijklmnopqrstuvwxyz", 20 - before);
            buf_add_lit(&wanted, "\n");
        }
    }
    cr_assert_not(wanted.full);
    cr_assert_eq(out_close(&out, true, NULL), 0);
    expect_contents(buf_str(&wanted));
}

Test(out, long_text_is_escaped_without_splitting_a_character)
{
    static char text[9999], wanted[9999 * 6 + 2];
    size_t n = 0;

    for (size_t i = 0; i + 3 <= sizeof text; i += 3)
        memcpy(text + i, "\x1B\xC3\xB6", 3);
    wanted[n++] = '"';
    for (size_t i = 0; i + 3 <= sizeof text; i += 3) {
        memcpy(wanted + n, "\\u001b\xC3\xB6", 8);
        n += 8;
    }
    wanted[n++] = '"';
    cr_assert_eq(out_open(&out, path, NULL), 0);
    out_add_json(&out, str_from(text, sizeof text));
    cr_assert_eq(out_close(&out, true, NULL), 0);
    expect_contents(str_from(wanted, n));
}

Test(out, people_see_control_bytes_as_numbers)
{
    cr_assert_eq(out_open(&out, path, NULL), 0);
    out_add_printable(&out, STR("da\x1Bta\n"));
    cr_assert_eq(out_close(&out, true, NULL), 0);
    expect_contents(STR("da\\x1bta\\x0a"));
}

/* Runs the rest of a test with standard output as a pipe whose reader is gone already. */
static void lose_the_reader(void)
{
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    cr_assert_eq(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    close(ends[1]);
    signal(SIGPIPE, SIG_IGN);
}

Test(out, reader_that_went_away_ends_it_quietly)
{
    struct err e = { 0 };

    lose_the_reader();
    cr_assert_eq(out_open(&out, NULL, &e), 0);
    cr_expect_not(out_stopped(&out));
    out_add_str(&out, STR("nobody reads this"));
    out_flush(&out);
    cr_expect(out_stopped(&out));
    cr_expect_eq(out_close(&out, true, &e), 0);
    cr_expect_eq(e.code, ERR_NONE);
}

Test(out, waiting_notices_that_the_reader_went_away)
{
    lose_the_reader();
    cr_assert_eq(out_open(&out, NULL, NULL), 0);
    out_wait(&out, 10000);
    cr_expect(out_stopped(&out));
    out_close(&out, true, NULL);
}

Test(out, full_disk_is_an_error)
{
    struct err e = { 0 };
    int full = open("/dev/full", O_WRONLY);

    cr_assert_geq(full, 0);
    cr_assert_eq(dup2(full, STDOUT_FILENO), STDOUT_FILENO);
    close(full);
    cr_assert_eq(out_open(&out, NULL, &e), 0);
    out_add_str(&out, STR("lost"));
    cr_expect_eq(out_close(&out, true, &e), -1);
    cr_expect_eq(e.code, ERR_FULL);
}

Test(out, pipe_that_does_not_block_gets_every_byte)
{
    static char block[OUT_BUFFER_BYTES];
    int ends[2], status;
    pid_t reader;

    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    reader = fork();
    if (reader == 0) {
        size_t total = 0;
        ssize_t n;

        close(ends[1]);
        fcntl(ends[0], F_SETFL, 0);
        while ((n = read(ends[0], block, 1000)) > 0)
            total += (size_t)n;
        _exit(total == 8 * sizeof block ? 0 : 1);
    }
    cr_assert_eq(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    close(ends[1]);
    close(ends[0]);
    cr_assert_eq(out_open(&out, NULL, NULL), 0);
    for (int i = 0; i < 8; i++)
        out_add(&out, block, sizeof block);
    cr_expect_eq(out_close(&out, true, NULL), 0);
    close(STDOUT_FILENO);
    cr_assert_eq(waitpid(reader, &status, 0), reader);
    cr_expect_eq(status, 0);
}
