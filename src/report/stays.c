/*
 * stays.c - see stays.h for the contract.
 *
 * Called by fold.c for every visitor of the walk.
 */
#include "stays.h"

#include <stdlib.h>

struct stays *stays_new(int64_t since_ms, int64_t until_ms, int64_t idle_ms)
{
    struct stays *stays = calloc(1, sizeof *stays);

    if (stays == NULL)
        return NULL;
    stays->since_ms = since_ms;
    stays->until_ms = until_ms;
    stays->idle_ms = idle_ms;
    return stays;
}

void stays_free(struct stays *stays)
{
    if (stays == NULL)
        return;
    set_free(&stays->visitors);
    set_free(&stays->fresh);
    free(stays->duration);
    free(stays->open);
    free(stays);
}

static bool keep_duration(struct stays *stays, int64_t ms)
{
    if (stays->durations == stays->durations_cap) {
        size_t cap = stays->durations_cap == 0 ? 1024 : stays->durations_cap * 2;
        uint32_t *duration = realloc(stays->duration, cap * sizeof *duration);

        if (duration == NULL)
            return false;
        stays->duration = duration;
        stays->durations_cap = cap;
    }
    stays->duration[stays->durations++] = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
    return true;
}

static bool keep_open(struct stays *stays, const struct summary_session *session)
{
    if (stays->open_count == stays->open_cap) {
        size_t cap = stays->open_cap == 0 ? 256 : stays->open_cap * 2;
        struct summary_session *open = realloc(stays->open, cap * sizeof *open);

        if (open == NULL)
            return false;
        stays->open = open;
        stays->open_cap = cap;
    }
    stays->open[stays->open_count++] = *session;
    return true;
}

static bool add_session(struct stays *stays, const struct touch *touches, size_t count)
{
    struct summary_session session = { .visitor = touches[0].visitor,
                                       .first_ms = touches[0].ts_ms,
                                       .last_ms = touches[count - 1].ts_ms };

    for (size_t i = 0; i < count; i++)
        session.views += (touches[i].flags & TOUCH_VIEW) != 0;
    if (summary_is_open(&session, stays->since_ms, stays->until_ms, stays->idle_ms))
        return keep_open(stays, &session);
    stays->sessions++;
    stays->views += session.views;
    stays->bounces += session.views == 1;
    return session.last_ms == session.first_ms ||
           keep_duration(stays, session.last_ms - session.first_ms);
}

static bool add_member(struct set *set, uint64_t visitor)
{
    return set_append(set, visitor) == 0 && set_limit(set, SUMMARY_EXACT, SET_BITS) == 0;
}

void stays_add(struct stays *stays, const struct touch *touches, size_t count, bool is_new)
{
    bool kept = add_member(&stays->visitors, touches[0].visitor) &&
                (!is_new || add_member(&stays->fresh, touches[0].visitor));

    for (size_t at = 0, n; kept && at < count; at += n) {
        n = visit_length(touches + at, count - at, stays->idle_ms);
        kept = add_session(stays, touches + at, n);
    }
    stays->failed |= !kept;
}
