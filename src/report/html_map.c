/*
 * html_map.c - the world by countries. See html.h.
 *
 * world.tsv has a row for each country: code, name, outline; an outline may be missing (too small to draw)
 * and a code too (disputed). Five shades by the square root of the share of the largest, so that the many
 * small ones differ.
 */
#include <math.h>
#include <stdlib.h>

#include "html.h"
#include "model/lines.h"
#include "model/share.h"

#define SHADES 5

struct country {
    struct str code, name, outline;
};

struct html_map {
    struct lines file;
    struct country *countries;
    size_t count, cap;
};

static int add_country(struct html_map *map, struct str line, struct err *e)
{
    struct country country = { .code = str_cut(&line, '\t'),
                               .name = str_cut(&line, '\t'),
                               .outline = line };

    if ((country.code.n != 0 && country.code.n != 2) || country.outline.p == NULL)
        return err_set(e, ERR_INPUT,
                       "%s:%u: not a country's code, name and outline with tabs between",
                       map->file.path, map->file.number);
    if (map->count == map->cap) {
        size_t cap = map->cap == 0 ? 256 : map->cap * 2;
        struct country *countries = realloc(map->countries, cap * sizeof *countries);

        if (countries == NULL)
            return err_set(e, ERR_MEMORY, "out of memory");
        map->countries = countries;
        map->cap = cap;
    }
    map->countries[map->count++] = country;
    return 0;
}

struct html_map *html_map_load(const char *share_dir, struct err *e)
{
    struct html_map *map = calloc(1, sizeof *map);
    char path[SHARE_PATH_BYTES];
    struct str line;

    if (map == NULL) {
        err_set(e, ERR_MEMORY, "out of memory");
        return NULL;
    }
    if (share_find(path, share_dir, "world.tsv", NULL, "make install puts it into share/crumb",
                   e) != 0 ||
        lines_open(&map->file, path, e) != 0) {
        html_map_free(map);
        return NULL;
    }
    while (lines_next(&map->file, &line)) {
        if (add_country(map, line, e) != 0) {
            html_map_free(map);
            return NULL;
        }
    }
    return map;
}

void html_map_free(struct html_map *map)
{
    if (map == NULL)
        return;
    lines_close(&map->file);
    free(map->countries);
    free(map);
}

struct str html_country(const struct html_map *map, struct str code)
{
    for (size_t i = 0; code.n > 0 && i < map->count; i++) {
        if (str_eq(map->countries[i].code, code))
            return map->countries[i].name;
    }
    return STR_ABSENT;
}

/* The row of a country, or rows_count. */
static size_t find_row(const struct report_table *table, struct str code)
{
    size_t r = 0;

    while (r < table->rows_count && !str_eq(table->cells[r * table->columns_count].text, code))
        r++;
    return code.n == 0 ? table->rows_count : r;
}

static unsigned shade_of(uint64_t value, uint64_t largest)
{
    double share = largest == 0 ? 0 : sqrt((double)value / (double)largest);

    return value == 0 ? 0 : 1 + (unsigned)(share * (SHADES - 1) + 0.5);
}

static void add_country_path(struct text *text, const struct country *country,
                             const struct report_table *table, uint64_t largest)
{
    size_t r = find_row(table, country->code);
    bool known = r < table->rows_count;
    const struct report_cell *cell =
        known ? &table->cells[r * table->columns_count + table->bar_column] : NULL;

    text_addf(text, "<path class=\"m%u\" d=\"", known ? shade_of(cell->count, largest) : 0);
    text_add_html(text, country->outline);
    text_add_lit(text, "\"><title>");
    text_add_html(text, country->name);
    text_add_lit(text, ": ");
    if (known)
        out_add_value(text, &table->columns[table->bar_column], cell);
    else
        text_add_lit(text, "0");
    text_add_lit(text, "</title></path>\n");
}

void html_add_map(struct text *text, const struct html_map *map, const struct report_table *table)
{
    uint64_t largest = 0;

    if (table->bar_column >= table->columns_count)
        return;
    for (size_t r = 0; r < table->rows_count; r++) {
        uint64_t value = table->cells[r * table->columns_count + table->bar_column].count;

        largest = value > largest ? value : largest;
    }
    text_addf(text,
              "<svg class=\"map\" viewBox=\"0 0 1000 430\" role=\"img\" aria-label=\"World map: %s "
              "by country; "
              "the table below has the figures\">\n",
              table->columns[table->bar_column].title);
    for (size_t i = 0; i < map->count; i++) {
        if (map->countries[i].outline.n > 0)
            add_country_path(text, &map->countries[i], table, largest);
    }
    text_add_lit(text, "</svg>\n");
}
