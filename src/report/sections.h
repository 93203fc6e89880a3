/*
 * sections.h - which area of a site a path is in, by the config. Private to the report layer.
 *
 * Thread: made by one, read by any.
 */
#ifndef CRUMB_SRC_REPORT_SECTIONS_H
#define CRUMB_SRC_REPORT_SECTIONS_H

#include "base/str.h"
#include "model/config.h"

struct sections;

/* Borrows the texts of the config. NULL when out of memory. */
struct sections *sections_new(const struct config_section *config, unsigned count);
void sections_free(struct sections *sections);

/* The name of the area; absent when the path is in none. */
struct str sections_find(const struct sections *sections, struct str path, struct str site);

#endif
