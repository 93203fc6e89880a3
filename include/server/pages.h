/*
 * pages.h - the operator's own small files (option `pages`), in memory and ready to be answered.
 *
 * They are read when a snapshot is loaded, so that no request ever waits for a disk, and a file that
 * is changed or lost afterwards changes nothing until the next reload. Immutable; any thread.
 */
#ifndef CRUMB_SERVER_PAGES_H
#define CRUMB_SERVER_PAGES_H

#include "base/err.h"
#include "base/str.h"
#include "model/config.h"

#define PAGES_FILE_BYTES_MAX (15 * 1024) /* what fits into one answer */

struct page_file {
    struct str path; /* borrowed from the config */
    struct str type; /* Content-Type */
    struct str body;
};

struct pages;

/* Reads every file. The config has to outlive the result. NULL and a sentence when one is missing,
 * too large or of no known type. */
struct pages *pages_load(const struct config *config, struct err *e);

/* Takes NULL. */
void pages_free(struct pages *pages);

/* The file for the path, byte for byte; NULL if there is none. pages may be NULL. */
const struct page_file *pages_find(const struct pages *pages, struct str path);

#endif
