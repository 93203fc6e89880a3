/*
 * cells.h - the cells of a table: made, filled, freed. Private to the report layer.
 */
#ifndef CRUMB_SRC_REPORT_CELLS_H
#define CRUMB_SRC_REPORT_CELLS_H

#include "report/report.h"

/* Of the columns that the table has; nothing in them is known yet. */
int table_make_cells(struct report_table *table, size_t rows, struct err *e);
void table_free_cells(struct report_table *table);
struct report_cell *table_cell(struct report_table *table, size_t row, unsigned column);

void cell_count(struct report_cell *cell, uint64_t count);
void cell_number(struct report_cell *cell, double number, bool known);
int cell_text(struct report_cell *cell, struct str text); /* a copy; -1: out of memory */

/* (now - before) / before: unknown when there was nothing before. */
void cell_change(struct report_cell *cell, uint64_t now, uint64_t before);

#endif
