/*
 * cells.c - the cells of a table. See cells.h for the contract.
 */
#include "cells.h"

#include <stdlib.h>

int table_make_cells(struct report_table *table, size_t rows, struct err *e)
{
    table->rows_count = rows;
    table->cells = calloc(rows * table->columns_count + 1, sizeof *table->cells);
    return table->cells == NULL ? err_set(e, ERR_MEMORY, "out of memory") : 0;
}

struct report_cell *table_cell(struct report_table *table, size_t row, unsigned column)
{
    return &table->cells[row * table->columns_count + column];
}

void cell_count(struct report_cell *cell, uint64_t count)
{
    cell->known = true;
    cell->count = count;
}

void cell_number(struct report_cell *cell, double number, bool known)
{
    cell->known = known;
    cell->number = known ? number : 0;
}

int cell_text(struct report_cell *cell, struct str text)
{
    char *copy = str_dup(text.p == NULL ? STR("") : text);

    if (copy == NULL)
        return -1;
    cell->known = true;
    cell->text = str_from(copy, text.n);
    return 0;
}

void cell_change(struct report_cell *cell, uint64_t now, uint64_t before)
{
    cell_number(cell, before == 0 ? 0 : (double)now / (double)before - 1, before != 0);
}

void table_free_cells(struct report_table *table)
{
    for (size_t i = 0; i < table->rows_count * table->columns_count; i++)
        free((void *)(uintptr_t)table->cells[i].text.p);
    free(table->cells);
    table->cells = NULL;
    table->rows_count = 0;
}
