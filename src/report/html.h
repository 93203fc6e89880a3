/*
 * html.h - the pictures of the HTML page, as SVG that needs no script and no style attribute. Private to
 * the report layer.
 */
#ifndef CRUMB_SRC_REPORT_HTML_H
#define CRUMB_SRC_REPORT_HTML_H

#include "report/out.h"

/* Views and visitors over time; report.js lets one zoom into it. */
void html_add_timeline(struct text *text, const struct report_table *table);

/* Pages on the left, their next pages on the right, bands as thick as steps are many. */
void html_add_flow(struct text *text, const struct report_table *table);

/* Countries by their names and outlines, from world.tsv. NULL and e when it cannot be read. */
struct html_map;
struct html_map *html_map_load(const char *share_dir, struct err *e);
void html_map_free(struct html_map *map);

/* Shaded by the table's sorted column. */
void html_add_map(struct text *text, const struct html_map *map, const struct report_table *table);

/* "Germany" for "DE"; absent when there is no such code. */
struct str html_country(const struct html_map *map, struct str code);

#endif
