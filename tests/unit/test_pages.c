/*
 * test_pages.c - the operator's own small files: loaded, refused, and served behind every endpoint.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "server/pages.h"
#include "support/edge.h"
#include "support/tmp_dir.h"

static void write_file(const char *path, size_t bytes)
{
    FILE *f = fopen(path, "w");

    cr_assert_not_null(f);
    for (size_t i = 0; i < bytes; i++)
        fputc('a', f);
    fclose(f);
}

static struct pages *load_one(char *path, char *file, struct err *e)
{
    struct config_page page = { path, file };
    const struct config config = { .pages = &page, .pages_count = 1 };

    err_clear(e);
    return pages_load(&config, e);
}

Test(pages, type_follows_the_suffix)
{
    static const struct {
        const char *name, *type;
    } rows[] = {
        { "a.html", "text/html; charset=utf-8" },
        { "a.css", "text/css; charset=utf-8" },
        { "a.js", "text/javascript; charset=utf-8" },
        { "a.txt", "text/plain; charset=utf-8" },
        { "a.json", "application/json" },
        { "a.svg", "image/svg+xml" },
        { "a.png", "image/png" },
        { "a.ico", "image/vnd.microsoft.icon" },
        { "a.html.exe", NULL },
        { "html", NULL },
        { "a", NULL },
    };
    struct tmp_dir dir = tmp_dir_make();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char file[TMP_PATH_BYTES], path[] = "/a";
        struct pages *pages;
        struct err e;

        tmp_dir_path(&dir, file, rows[i].name);
        write_file(file, 3);
        pages = load_one(path, file, &e);
        cr_expect_eq(pages != NULL, rows[i].type != NULL, "%s: %s", rows[i].name, e.text);
        if (pages != NULL)
            cr_expect(str_eq(pages_find(pages, STR("/a"))->type, str_of(rows[i].type)), "%s",
                      rows[i].name);
        else
            cr_expect_not_null(strstr(e.text, rows[i].name));
        pages_free(pages);
    }
    tmp_dir_remove(&dir);
}

Test(pages, missing_and_too_large_files_are_refused_with_their_path)
{
    struct tmp_dir dir = tmp_dir_make();
    char file[TMP_PATH_BYTES], path[] = "/a";
    struct pages *pages;
    struct err e;

    tmp_dir_path(&dir, file, "page.txt");
    cr_expect_null(load_one(path, file, &e));
    cr_expect_not_null(strstr(e.text, file));

    write_file(file, PAGES_FILE_BYTES_MAX);
    pages = load_one(path, file, &e);
    cr_expect_not_null(pages, "%s", e.text);
    pages_free(pages);

    write_file(file, PAGES_FILE_BYTES_MAX + 1);
    cr_expect_null(load_one(path, file, &e));
    cr_expect_not_null(strstr(e.text, file));
    tmp_dir_remove(&dir);
}

Test(pages, served_as_they_are_and_never_instead_of_an_endpoint)
{
    static const struct {
        const char *request_line;
        int status;
    } rows[] = {
        { "GET /", 200 },      { "HEAD /", 200 },     { "GET /?a=b", 200 },     { "POST /", 405 },
        { "GET /b.gif", 200 }, { "GET /b.txt", 404 }, { "GET /../etc/a", 404 }, { "GET //", 404 },
    };
    static char root[] = "/", pixel[] = "/b.gif";
    struct tmp_dir dir = tmp_dir_make();
    char file[TMP_PATH_BYTES];
    struct config_page list[] = { { root, file }, { pixel, file } };
    struct edge edge;
    struct err e;

    tmp_dir_path(&dir, file, "a.txt");
    write_file(file, PAGES_FILE_BYTES_MAX);
    edge_open(&edge);
    edge.config.pages = list;
    edge.config.pages_count = 2;
    edge.snapshot.pages = pages_load(&edge.config, &e);
    cr_assert_not_null(edge.snapshot.pages);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        edge_ask(&edge, rows[i].request_line, "");
        cr_expect_eq(edge_status(&edge), rows[i].status, "%s: %d", rows[i].request_line,
                     edge_status(&edge));
    }
    edge_ask(&edge, "GET /", "");
    cr_expect_eq(edge_body(&edge).n, PAGES_FILE_BYTES_MAX);
    cr_expect(str_eq(edge_line(&edge, "Content-Type:", 0),
                     STR("Content-Type: text/plain; charset=utf-8")));
    edge_ask(&edge, "GET /b.gif", "");
    cr_expect(str_eq(edge_line(&edge, "Content-Type:", 0), STR("Content-Type: image/gif")));

    pages_free(edge.snapshot.pages);
    edge_close(&edge);
    tmp_dir_remove(&dir);
}
