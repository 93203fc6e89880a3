/*
 * query.h - what every reading command is asked: which data, which time, which records.
 */
#ifndef CRUMB_CLI_QUERY_H
#define CRUMB_CLI_QUERY_H

#include <limits.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/filter.h"
#include "cli/opts.h"
#include "model/config.h"

struct query {
    struct config *config; /* of -c; NULL without it */
    char data[PATH_MAX];
    int64_t since_ms; /* INT64_MIN when not asked */
    int64_t until_ms; /* INT64_MAX when not asked */
    struct filter *filter;
};

/*
 * From --data or -c, --since, --until, --tz, --site and --where. derived: conditions may be on what reports work out
 * of a record (cli/filter.h). query_free afterwards, always.
 */
enum ending query_begin(struct query *q, const struct opts *opts, bool derived, struct err *e);
void query_free(struct query *q);

/*
 * The data folder's name: --data, else the one in the -c file, else ./data, else /var/lib/crumb (if
 * it is there), else ./data. Whether it is there is query_check_data's question.
 */
int query_data(char path[PATH_MAX], const struct opts *opts, struct err *e);

/* Is it a data folder? The sentence says what is wrong and how to name another. */
int query_check_data(const char *path, struct err *e);

#endif
