/*
 * rollup.c - names, and what makes a rollup valid. See rollup.h for the contract.
 */
#include "rollup.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/date.h"
#include "base/fs.h"
#include "base/hash.h"
#include "pack.h"
#include "zone.h"

#define SEED_BYTES 8

const char *rollup_level_name(int level)
{
    static const char *const names[ROLLUP_LEVELS] = { "hour", "day", "month", "year" };

    return names[level];
}

int rollup_path_of(rollup_path path, const char *data_dir, const char *name, const char *file,
                   struct err *e)
{
    int n = file == NULL
                ? snprintf(path, ROLLUP_PATH_BYTES, "%s/rollup/%s", data_dir, name)
                : snprintf(path, ROLLUP_PATH_BYTES, "%s/rollup/%s/%s", data_dir, name, file);

    if (n >= ROLLUP_PATH_BYTES)
        return err_set(e, ERR_INPUT, "the name of the data folder is too long");
    return 0;
}

void rollup_file_name(char name[ROLLUP_LABEL_BYTES], enum rollup_level level, int64_t begin_ms)
{
    struct zone zone = { 0 };
    struct date d = date_of_ms(level == ROLLUP_HOUR ? begin_ms : zone_local_ms(&zone, begin_ms));
    struct buf b = buf_over(name, ROLLUP_LABEL_BYTES - 1);

    buf_add_u64_padded(&b, (uint64_t)d.year, 4);
    if (level != ROLLUP_YEAR)
        buf_addf(&b, "-%02d", d.month);
    if (level == ROLLUP_DAY || level == ROLLUP_HOUR)
        buf_addf(&b, "-%02d", d.day);
    if (level == ROLLUP_HOUR)
        buf_addf(&b, "T%02d", d.hour);
    buf_add_lit(&b, ".sum");
    name[b.n] = '\0';
}

/* ---- what makes one valid --------------------------------------------------------------------------------- */

int rollup_read_seed(const char *data_dir, uint64_t *seed, struct err *e)
{
    rollup_path path;
    char *text = NULL;
    size_t n;
    int r = rollup_path_of(path, data_dir, "seed", NULL, e);

    if (r == 0)
        r = fs_read_all(path, 64, &text, &n, e);
    if (r == 0 && (n != 2 * SEED_BYTES + 1 ||
                   !crypto_read_hex(str_from(text, 2 * SEED_BYTES), seed, SEED_BYTES)))
        r = err_set(e, ERR_MISSING, "%s holds no number", path);
    free(text);
    return r;
}

int rollup_fingerprint(uint64_t *fingerprint, uint64_t seed, const struct report_spec *spec,
                       struct err *e)
{
    struct pack pack = { 0 };
    size_t count;
    const struct report_row *const *rows = summary_rows(&count);
    uint64_t lists;

    if (facet_lists_fingerprint(&lists, spec, e) != 0)
        return -1;
    pack_number(&pack, ROLLUP_VERSION);
    pack_u64(&pack, seed);
    pack_signed(&pack, spec->idle_ms);
    pack_u64(&pack, lists);
    for (size_t i = 0; i < count; i++) {
        pack_text(&pack, str_of(rows[i]->name));
        pack_number(&pack, rows[i]->fold);
        for (unsigned k = 0; k < REPORT_KEYS_MAX && rows[i]->keys[k] != NULL; k++)
            pack_text(&pack, str_of(rows[i]->keys[k]));
    }
    if (!pack.failed)
        *fingerprint = hash64(str_from((const char *)pack.p, pack.n), 0);
    pack_free(&pack);
    return pack.failed ? err_set(e, ERR_MEMORY, "out of memory") : 0;
}

size_t rollup_hour_at(const struct hours *hours, int64_t ms)
{
    size_t low = 0, high = hours->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (hours->hour[middle].begin_ms < ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool rollup_source(const struct hours *hours, size_t from, int64_t until_ms, uint64_t *source)
{
    uint64_t numbers[3] = { 0 };

    for (size_t i = from; i < hours->count && hours->hour[i].begin_ms < until_ms; i++) {
        if (hours->hour[i].live)
            return false;
        numbers[1] = (uint64_t)hours->hour[i].begin_ms;
        numbers[2] = hours->hour[i].source;
        numbers[0] = hash64(str_from((const char *)numbers, sizeof numbers), 0);
    }
    *source = numbers[0];
    return true;
}
