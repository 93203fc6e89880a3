/*
 * ep_page.c - the operator's own small files, and GET of one of them. See pages.h for the contract.
 *
 * snapshot.c loads them; route.c asks for them behind every endpoint, so that a page can never take
 * the place of one. What must be true: a path is only ever compared, never used as a file's name.
 */
#include "server/pages.h"

#include <assert.h>
#include <stdlib.h>

#include "base/fs.h"
#include "server/answer.h"

#define PAGE_HEADERS "Cache-Control: no-cache\r\n"

_Static_assert(PAGES_FILE_BYTES_MAX + ANSWER_HEAD_BYTES_MAX + sizeof PAGE_HEADERS <=
                   ANSWER_BYTES_MAX,
               "the largest page fits into one answer");

struct pages {
    size_t count;
    struct page_file files[];
};

static const struct {
    struct str suffix, type;
} types[] = {
#define TYPE(suffix, type)                                                                         \
    {                                                                                              \
        { suffix, sizeof(suffix) - 1 },                                                            \
        {                                                                                          \
            type, sizeof(type) - 1                                                                 \
        }                                                                                          \
    }
    TYPE(".html", "text/html; charset=utf-8"),
    TYPE(".css", "text/css; charset=utf-8"),
    TYPE(".js", "text/javascript; charset=utf-8"),
    TYPE(".txt", "text/plain; charset=utf-8"),
    TYPE(".json", "application/json"),
    TYPE(".svg", "image/svg+xml"),
    TYPE(".png", "image/png"),
    TYPE(".ico", "image/vnd.microsoft.icon"),
};

static struct str type_of(struct str file)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct str suffix = types[i].suffix;

        if (file.n > suffix.n && str_eq(str_from(file.p + file.n - suffix.n, suffix.n), suffix))
            return types[i].type;
    }
    return STR_ABSENT;
}

static int load_file(struct page_file *file, const struct config_page *page, struct err *e)
{
    char *text;
    size_t n;

    file->path = str_of(page->path);
    file->type = type_of(str_of(page->file));
    if (file->type.p == NULL)
        return err_set(e, ERR_INPUT,
                       "%s: pages are .html, .css, .js, .txt, .json, .svg, .png "
                       "or .ico files",
                       page->file);
    if (fs_read_all(page->file, PAGES_FILE_BYTES_MAX, &text, &n, e) != 0)
        return -1;
    file->body = str_from(text, n);
    return 0;
}

struct pages *pages_load(const struct config *config, struct err *e)
{
    struct pages *pages = calloc(1, sizeof *pages + config->pages_count * sizeof pages->files[0]);

    if (pages == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    for (unsigned i = 0; i < config->pages_count; i++) {
        if (load_file(&pages->files[i], &config->pages[i], e) != 0) {
            pages_free(pages);
            return NULL;
        }
        pages->count++;
    }
    return pages;
}

void pages_free(struct pages *pages)
{
    for (size_t i = 0; pages != NULL && i < pages->count; i++)
        free((char *)(uintptr_t)pages->files[i].body.p);
    free(pages);
}

const struct page_file *pages_find(const struct pages *pages, struct str path)
{
    for (size_t i = 0; pages != NULL && i < pages->count; i++) {
        if (str_eq(pages->files[i].path, path))
            return &pages->files[i];
    }
    return NULL;
}

void ep_page(struct exchange *x)
{
    const struct page_file *file = pages_find(x->context->snapshot->pages, x->request->path);

    assert(file != NULL); /* route.c has looked */
    answer(x, 200, file->type, STR(PAGE_HEADERS), file->body);
}
