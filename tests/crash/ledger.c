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
    l->never = realloc(l->never, room);
    l->found = realloc(l->found, room);
    if (l->state == NULL || l->never == NULL || l->found == NULL) {
        fputs("ledger: out of memory\n", stderr);
        abort();
    }
    memset(l->state + l->room, LEDGER_UNSENT, room - l->room);
    memset(l->never + l->room, 0, room - l->room);
    memset(l->found + l->room, 0, room - l->room);
    l->room = room;
}

uint64_t ledger_next(struct ledger *l, bool keep)
{
    grow(l, l->count + 1);
    l->state[l->count] = LEDGER_SENT;
    l->never[l->count] = !keep;
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
        memset(l->never, 0, l->room);
        memset(l->found, 0, l->room);
    }
    l->count = 0;
}

void ledger_free(struct ledger *l)
{
    free(l->state);
    free(l->never);
    free(l->found);
    memset(l, 0, sizeof *l);
}

void ledger_forget_found(struct ledger *l)
{
    if (l->room > 0)
        memset(l->found, 0, l->room);
}

uint64_t ledger_wrongs(const struct ledger_verdict *v)
{
    return v->lost + v->doubled + v->revived + v->invented;
}

struct ledger_verdict ledger_judge(const struct ledger *l)
{
    struct ledger_verdict v = { .first_bad = UINT64_MAX };

    for (size_t i = 0; i < l->room; i++) {
        enum ledger_state state = l->state[i];
        bool never = l->never[i];
        unsigned found = l->found[i];
        uint64_t wrongs = ledger_wrongs(&v);

        v.sent += state != LEDGER_UNSENT;
        v.acked += state == LEDGER_ACKED;
        v.opted_out += state == LEDGER_ACKED && never;
        v.refused += state == LEDGER_REFUSED;
        v.unanswered += state == LEDGER_SENT;
        v.stored += found;
        v.lost += state == LEDGER_ACKED && !never && found == 0;
        v.doubled += found > 1;
        v.revived += (state == LEDGER_REFUSED || never) && found > 0;
        v.invented += state == LEDGER_UNSENT && found > 0;
        if (v.first_bad == UINT64_MAX && ledger_wrongs(&v) != wrongs)
            v.first_bad = i;
    }
    return v;
}

void ledger_print(const struct ledger_verdict *v, const char *who)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "sent", v->sent },         { "acked", v->acked },           { "opted out", v->opted_out },
        { "refused", v->refused },   { "unanswered", v->unanswered }, { "stored", v->stored },
        { "lost", v->lost },         { "doubled", v->doubled },       { "revived", v->revived },
        { "invented", v->invented },
    };

    printf("%s:", who);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        printf(" %s %llu", rows[i].name, (unsigned long long)rows[i].value);
    if (v->first_bad != UINT64_MAX)
        printf(", the first wrong one is hit %llu", (unsigned long long)v->first_bad);
    printf("\n");
}
