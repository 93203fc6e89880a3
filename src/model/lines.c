/*
 * lines.c - reads the lists that classify. See lines.h for the contract.
 */
#include "model/lines.h"

#include <stdlib.h>

#include "base/fs.h"

#define FILE_BYTES_MAX (16u * 1024 * 1024)

int lines_open(struct lines *lines, const char *path, struct err *e)
{
    size_t n;

    *lines = (struct lines){ .path = path };
    if (fs_read_all(path, FILE_BYTES_MAX, &lines->text, &n, e) != 0)
        return -1;
    lines->rest = str_from(lines->text, n);
    return 0;
}

void lines_close(struct lines *lines)
{
    free(lines->text);
    lines->text = NULL;
}

bool lines_next(struct lines *lines, struct str *line)
{
    while ((*line = str_cut(&lines->rest, '\n')).p != NULL) {
        lines->number++;
        if (line->n > 0 && line->p[line->n - 1] == '\r')
            line->n--;
        if (str_trim(*line).n > 0 && line->p[0] != '#')
            return true;
    }
    return false;
}

int lines_columns(const struct lines *lines, struct str line, struct str *columns, unsigned count,
                  struct err *e)
{
    unsigned found = 0;
    struct str part;

    while ((part = str_cut(&line, '\t')).p != NULL) {
        if (found == count || part.n == 0)
            found = count;
        else
            columns[found] = part;
        found++;
    }
    if (found == count)
        return 0;
    return err_set(e, ERR_INPUT, "%s:%u: not %u columns with a tab between", lines->path,
                   lines->number, count);
}
