/*
 * ledger.c - see ledger.h.
 */
#include "crash/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void grow(struct ledger *l, size_t want)
{
    size_t room = l->room == 0 ? 65536 : l->room;

    while (room < want)
        room *= 2;
    if (room == l->room)
        return;
    l->state = realloc(l->state, room);
    l->found = realloc(l->found, room);
    if (l->state == NULL || l->found == NULL) {
        fputs("ledger: out of memory\n", stderr);
        abort();
    }
    memset(l->state + l->room, LEDGER_UNSENT, room - l->room);
    memset(l->found + l->room, 0, room - l->room);
    l->room = room;
}

uint64_t ledger_next(struct ledger *l)
{
    grow(l, l->count + 1);
    l->state[l->count] = LEDGER_SENT;
    return l->count++;
}

void ledger_answer(struct ledger *l, uint64_t number, bool acked)
{
    l->state[number] = acked ? LEDGER_ACKED : LEDGER_REFUSED;
}

void ledger_found(struct ledger *l, uint64_t number)
{
    if (number >=
        (uint64_t)1 << 32) /* a damaged number: counted at the end of the table as invented */
        number = l->count;
    grow(l, (size_t)number + 1);
    if (l->found[number] < 255)
        l->found[number]++;
}

void ledger_reset(struct ledger *l)
{
    if (l->room > 0) {
        memset(l->state, LEDGER_UNSENT, l->room);
        memset(l->found, 0, l->room);
    }
    l->count = 0;
}

struct ledger_verdict ledger_judge(const struct ledger *l)
{
    struct ledger_verdict v = { .first_bad = UINT64_MAX };

    for (size_t i = 0; i < l->room; i++) {
        enum ledger_state state = l->state[i];
        unsigned found = l->found[i];
        uint64_t bad = v.lost + v.doubled + v.revived + v.invented;

        v.sent += state != LEDGER_UNSENT;
        v.acked += state == LEDGER_ACKED;
        v.refused += state == LEDGER_REFUSED;
        v.unanswered += state == LEDGER_SENT;
        v.stored += found;
        v.lost += state == LEDGER_ACKED && found == 0;
        v.doubled += found > 1;
        v.revived += state == LEDGER_REFUSED && found > 0;
        v.invented += state == LEDGER_UNSENT && found > 0;
        if (v.first_bad == UINT64_MAX && v.lost + v.doubled + v.revived + v.invented != bad)
            v.first_bad = i;
    }
    return v;
}
