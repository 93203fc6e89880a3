/*
 * findings.c - damage and gaps in words. See findings.h for the contract.
 */
#include "cli/findings.h"

#include <inttypes.h>
#include <limits.h>

#include "base/log.h"

#define SENTENCE_BYTES (PATH_MAX + 512)

void findings_add_damage(struct buf *b, const struct scan_damage *damage)
{
    buf_addf(b, "%s@%" PRIu64 ": %s", damage->path, damage->offset, damage->sentence);
    if (damage->lost_bytes > 0)
        buf_addf(b, " (%" PRIu64 " %s lost)", damage->lost_bytes,
                 damage->lost_bytes == 1 ? "byte" : "bytes");
}

static void add_id(struct buf *b, const struct scan_gap *gap, uint64_t seq)
{
    buf_addf(b, "%s-%u-%" PRIu64, gap->instance, gap->worker, seq);
}

void findings_add_gap(struct buf *b, const struct scan_gap *gap)
{
    bool one = gap->first_seq == gap->last_seq;

    buf_add_str(b, one ? STR("record ") : STR("records "));
    add_id(b, gap, gap->first_seq);
    if (!one) {
        buf_add_lit(b, " to ");
        add_id(b, gap, gap->last_seq);
    }
    buf_add_str(b, one ? STR(" is missing") : STR(" are missing"));
}

int findings_say_damage(void *arg, const struct scan_damage *damage)
{
    char memory[SENTENCE_BYTES];
    struct buf b = buf_over(memory, sizeof memory);

    (void)arg;
    findings_add_damage(&b, damage);
    log_notice("%.*s", (int)b.n, b.p);
    return 0;
}

int findings_say_gap(void *arg, const struct scan_gap *gap)
{
    char memory[SENTENCE_BYTES];
    struct buf b = buf_over(memory, sizeof memory);

    (void)arg;
    findings_add_gap(&b, gap);
    log_notice("%.*s", (int)b.n, b.p);
    return 0;
}
