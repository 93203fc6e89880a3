/*
 * ledger.h - what an outside observer knows about each hit that it sent.
 *
 * Hits are numbered from 0. A hit is SENT once its first byte may have left, ACKED at the first
 * byte of a 2xx answer, REFUSED when any other answer came; one that stays SENT is unanswered.
 * After a run the stored records are held against it.
 */
#ifndef CRUMB_TESTS_LEDGER_H
#define CRUMB_TESTS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ledger_state { LEDGER_UNSENT, LEDGER_SENT, LEDGER_ACKED, LEDGER_REFUSED };

struct ledger {
    uint8_t *state; /* by hit number */
    uint8_t *found; /* how often it is stored, up to 255 */
    size_t count;   /* numbers given out */
    size_t room;
};

uint64_t ledger_next(struct ledger *l); /* a new number, already SENT */
void ledger_answer(struct ledger *l, uint64_t number, bool acked);
void ledger_found(struct ledger *l, uint64_t number);
void ledger_reset(struct ledger *l);

struct ledger_verdict {
    uint64_t sent, acked, refused, unanswered;
    uint64_t stored;
    uint64_t lost;      /* acked and not stored */
    uint64_t doubled;   /* stored more than once */
    uint64_t revived;   /* refused and yet stored */
    uint64_t invented;  /* stored and never sent */
    uint64_t first_bad; /* a number to look for, UINT64_MAX if all is well */
};

struct ledger_verdict ledger_judge(const struct ledger *l);

#endif
