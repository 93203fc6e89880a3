/*
 * ledger.h - what an outside observer knows about each hit that it sent.
 *
 * Hits are numbered from 0. A hit is SENT once its first byte may have left, ACKED at the first
 * byte of a 2xx answer, REFUSED when any other answer came; one that stays SENT is unanswered.
 * Some must never be stored, whatever the answer: hits of visitors who opted out (answered with
 * 2xx) and of unknown sites (refused). After a run the stored records are held against it:
 * sent = acked + refused + unanswered.
 */
#ifndef CRUMB_TESTS_LEDGER_H
#define CRUMB_TESTS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ledger_state { LEDGER_UNSENT, LEDGER_SENT, LEDGER_ACKED, LEDGER_REFUSED };

struct ledger {
    uint8_t *state; /* by hit number */
    uint8_t *never; /* must not be stored */
    uint8_t *found; /* how often it is stored, up to 255 */
    size_t count;   /* numbers given out */
    size_t room;
};

/* A new number, already SENT. keep: it may be stored. */
uint64_t ledger_next(struct ledger *l, bool keep);
void ledger_answer(struct ledger *l, uint64_t number, bool acked);
void ledger_found(struct ledger *l, uint64_t number);
void ledger_forget_found(struct ledger *l); /* before reading back again */
void ledger_reset(struct ledger *l);
void ledger_free(struct ledger *l);

struct ledger_verdict {
    uint64_t sent, acked, refused, unanswered;
    uint64_t opted_out; /* of those acked: not to be stored */
    uint64_t stored;
    uint64_t lost;      /* acked, to be stored, and not stored */
    uint64_t doubled;   /* stored more than once */
    uint64_t revived;   /* refused or opted out, and yet stored */
    uint64_t invented;  /* stored and never sent */
    uint64_t first_bad; /* a number to look for, UINT64_MAX if all is well */
};

struct ledger_verdict ledger_judge(const struct ledger *l);

/* lost, doubled, revived or invented. */
uint64_t ledger_wrongs(const struct ledger_verdict *v);

/* One line with all numbers. */
void ledger_print(const struct ledger_verdict *v, const char *who);

#endif
