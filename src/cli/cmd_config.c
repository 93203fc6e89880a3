/*
 * cmd_config.c - crumb config: is the file right, and what will apply.
 *
 * Without -c it prints what applies without a file: the defaults.
 */
#include <stdlib.h>

#include "cli/opts.h"
#include "cli/out.h"
#include "model/config.h"

#define TEXT_BYTES_FIRST 65536
#define TEXT_BYTES_MAX   ((size_t)64 << 20)

/* NULL: the sample. */
static void add_text(struct buf *b, const struct config *config)
{
    if (config != NULL)
        config_add_yaml(b, config);
    else
        config_add_sample(b);
}

static int print(struct out *out, const struct config *config, struct err *e)
{
    for (size_t cap = TEXT_BYTES_FIRST; cap <= TEXT_BYTES_MAX; cap *= 4) {
        void *memory = malloc(cap);
        struct buf b = buf_over(memory, cap);

        if (memory == NULL)
            break;
        add_text(&b, config);
        if (!b.full)
            out_add_str(out, buf_str(&b));
        free(memory);
        if (!b.full)
            return 0;
    }
    return err_set(e, ERR_MEMORY, "out of memory");
}

static enum ending print_to_stdout(const struct config *config, struct err *e)
{
    struct out out;
    int r;

    if (out_open(&out, NULL, e) != 0)
        return END_ERROR;
    r = print(&out, config, e);
    if (out_close(&out, r == 0, e) != 0)
        r = -1;
    return r == 0 ? END_FINE : END_ERROR;
}

enum ending cmd_config(const struct opts *opts, struct err *e)
{
    const char *file = opts->value[OPT_CONFIG];
    struct config *config;
    enum ending ending;

    if (opts_has(opts, OPT_SAMPLE))
        return print_to_stdout(NULL, e);
    config = file != NULL ? config_load(file, e) : config_defaults(e);
    if (config == NULL)
        return END_ERROR;
    ending = print_to_stdout(config, e);
    config_free(config);
    return ending;
}
