/*
 * spool.c - one worker's segments and batches. See store/spool.h for the contract, README.md for
 * the rules that readers follow.
 *
 * Lines are framed in memory; a batch is one write. A batch is for one segment, and a segment for
 * one hour. With `power` there is a short queue of batches: at most one is with the sync thread,
 * those behind it wait, the last one is being filled.
 *
 * What must always be true:
 *  - kept_end of a segment is behind its last kept record. What a failed write left behind it is
 * cut off, or the segment is given up with kept_end as its end. Either way it is never sealed.
 *  - Sequence numbers are given out by reserve and taken back only together with all later ones.
 *  - A segment's header is written together with its first batch, so a segment without one never
 * had an acknowledged record.
 *  - After a failed sync or a torn write that could not be cut off, a file is never written or
 * synced again. With `power` its batch moves to a new segment with the same numbers: that one's first
 * number makes the old copies void (README.md, V7).
 */
#include "store/spool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/date.h"
#include "parts.h"
#include "segment.h"

#define BATCH_BYTES       (4u << 20) /* memory is touched only as far as it is used */
#define BATCHES_POWER     4
#define STATES            256 /* decided batches that are remembered */
#define RETRY_MS          100
#define TELL_AGAIN_MS     10000 /* a disk that is full and free ten times a second is told less often */
#define MOVES_MAX         2     /* new segments that a batch is tried in after a failed sync */
#define CHUNK_FIRST_BYTES (256u << 10)
#define CHUNK_MIN_BYTES   (64u << 10)
#define CHUNK_MAX_BYTES   (4u << 20)
#define HEADROOM_BYTES    (256u << 10)
#define EARLY_ROLL_BYTES  (128u << 10) /* on a full disk, so much is worth a file of its own */

struct segment {
    struct seal_job *job; /* its identity, and its way to the sealer */
    catalog_path path;
    struct fs_file file;
    uint32_t salt, seed;
    bool begun;        /* the header was written */
    bool cut;          /* give the unused room back when it is closed */
    uint64_t kept_end; /* behind the last kept record */
    uint64_t next;     /* where the next record goes: behind those that are only in memory, too */
    uint64_t reserved; /* the disk has room up to here */
    int64_t first_mono_ms; /* when its first record was accepted */
    unsigned batches;      /* that are for it and undecided */
};

struct batch {
    unsigned char *data;
    size_t used;
    uint64_t number, first_seq;
    uint64_t offset; /* in the segment */
    uint32_t records;
    unsigned moves;
    struct segment *segment; /* NULL while empty */
};

struct spool {
    struct store *store;
    unsigned worker;
    int64_t wall_ms, mono_ms; /* of this turn */
    uint64_t next_seq;
    uint32_t segments;       /* opened so far */
    struct segment *segment; /* the one that is filled, or NULL */
    size_t reserved_bytes;   /* of the last reserve */

    struct batch batch[BATCHES_POWER];
    unsigned batches; /* there are: 1, or BATCHES_POWER */
    unsigned head;    /* the oldest undecided */
    unsigned closed;  /* undecided ones that take no more records; the next one is being filled */
    uint64_t last_batch, decided;
    unsigned char state[STATES];

    struct sync_slot *slot; /* power */
    bool in_flight;

    bool failing; /* the last write failed */
    int64_t retry_ms;
    struct err trouble; /* why there is no room, until retry_ms */
    bool told, news;    /* the log has, or is to have, its sentence; until it works again */
    int64_t told_ms;
    bool roll_early;
    _Atomic uint64_t open_bytes; /* room of the open segment; other workers look at it */
    _Atomic uint64_t kept;
};

/* ---- segments ---- */

static void free_segment(struct segment *segment)
{
    fs_close(&segment->file);
    free(segment->job); /* NULL, or never handed over */
    free(segment);
}

/* Hands a segment to the sealer as soon as nothing refers to it. */
static void release(struct spool *s, struct segment *segment)
{
    if (segment == s->segment || segment->batches > 0)
        return;
    if (segment->cut && !segment->job->suspect)
        fs_truncate(&segment->file, segment->begun ? segment->kept_end : 0, NULL);
    segment->job->bytes = segment->job->end = segment->begun ? segment->kept_end : 0;
    segment->job->file = segment->file;
    segment->file = FS_CLOSED;
    sealer_add(s->store->sealer, segment->job);
    segment->job = NULL;
    free_segment(segment);
}

static struct batch *filling(struct spool *s)
{
    return &s->batch[(s->head + s->closed) % s->batches];
}

/* Nothing more goes into the current segment. */
static void close_segment(struct spool *s)
{
    struct segment *segment = s->segment;

    if (segment == NULL)
        return;
    if (s->closed < s->batches && filling(s)->used > 0)
        s->closed++;
    s->segment = NULL;
    atomic_store(&s->open_bytes, 0);
    release(s, segment);
}

/*
 * Bytes that must stay free when this segment has room for `room` bytes: the largest segment can
 * then be sealed whatever is in it. Lines that cannot be compressed must not fill the disk to a
 * point from which nothing can be sealed and so nothing be freed.
 */
static uint64_t headroom(const struct spool *s, uint64_t room)
{
    const struct store *store = s->store;
    uint64_t largest = atomic_load(&store->counters.largest_unsealed);

    largest = room > largest ? room : largest;
    for (unsigned i = 0; i < store->options.workers; i++) {
        uint64_t open_bytes = atomic_load(&store->spools[i]->open_bytes);

        largest = open_bytes > largest ? open_bytes : largest;
    }
    return largest + HEADROOM_BYTES;
}

/* Reserves room so that at least `end` is covered: much of it, or as much as there is. */
static int extend(struct spool *s, struct segment *segment, uint64_t end, struct err *e)
{
    uint64_t chunk = segment->reserved, free_bytes, target;
    struct err why;

    if (fs_free_bytes(s->store->spool_dir, &free_bytes, e) != 0)
        return -1;
    chunk = chunk < CHUNK_FIRST_BYTES ? CHUNK_FIRST_BYTES : chunk;
    chunk = chunk > CHUNK_MAX_BYTES ? CHUNK_MAX_BYTES : chunk;
    err_set(&why, ERR_FULL, "%s: %llu bytes are free, too few for another segment",
            s->store->spool_dir, (unsigned long long)free_bytes);
    for (; chunk >= CHUNK_MIN_BYTES; chunk /= 2) {
        target = segment->reserved + chunk < end ? end : segment->reserved + chunk;
        if (target - segment->reserved + headroom(s, target) > free_bytes)
            continue;
        if (fs_reserve(&segment->file, segment->reserved, target - segment->reserved, &why) == 0) {
            segment->reserved = target;
            atomic_store(&s->open_bytes, target);
            return 0;
        }
        if (why.code != ERR_FULL && why.sys_errno != EFBIG)
            break;
    }
    if (e != NULL)
        *e = why;
    return -1;
}

/* A recycled file has its room already; on a disk that has become too full for so large a segment,
 * it gives it back. */
static void take_recycled_room(struct spool *s, struct segment *segment)
{
    uint64_t free_bytes;
    struct stat st;

    if (fs_stat(&segment->file, &st, NULL) != 0 ||
        (uint64_t)st.st_blocks * 512 < (uint64_t)st.st_size)
        return;
    if (fs_free_bytes(s->store->spool_dir, &free_bytes, NULL) != 0 ||
        free_bytes < headroom(s, (uint64_t)st.st_size)) {
        fs_truncate(&segment->file, 0, NULL);
        return;
    }
    segment->reserved = (uint64_t)st.st_size;
    atomic_store(&s->open_bytes, segment->reserved);
}

static struct segment *new_segment(struct spool *s, int64_t created_ms, struct err *e)
{
    struct segment *segment = calloc(1, sizeof *segment);
    struct seal_job *job = calloc(1, sizeof *job);

    if (segment == NULL || job == NULL) {
        free(segment);
        free(job);
        err_set(e, ERR_MEMORY, "out of memory for a segment");
        return NULL;
    }
    memcpy(job->id.instance, s->store->instance, INSTANCE_BYTES);
    job->id.worker = s->worker;
    job->id.number = ++s->segments;
    job->id.created_ms = created_ms - created_ms % DATE_SECOND_MS;
    segment->job = job;
    segment->file = job->file = FS_CLOSED;
    segment->seed = segment_seed(&job->id);
    segment->kept_end = segment->next = SEGMENT_HEADER_BYTES;
    crypto_random(&segment->salt, sizeof segment->salt);
    catalog_segment_path(segment->path, s->store->data_dir, &job->id);
    return segment;
}

static int open_segment(struct spool *s, int64_t created_ms, uint64_t room_bytes, struct err *e)
{
    struct segment *segment = new_segment(s, created_ms, e);
    bool recycled;

    if (segment == NULL)
        return -1;
    recycled = spares_take(s->store->spares, segment->path);
    if (fs_open(&segment->file, segment->path, recycled ? FS_READ_WRITE : FS_CREATE_NEW, e) != 0) {
        if (recycled)
            fs_unlink(segment->path, NULL);
        free_segment(segment);
        return -1;
    }
    if (recycled)
        take_recycled_room(s, segment);
    if (SEGMENT_HEADER_BYTES + room_bytes > segment->reserved &&
        extend(s, segment, SEGMENT_HEADER_BYTES + room_bytes, e) != 0) {
        atomic_store(&s->open_bytes, 0);
        fs_unlink(segment->path, NULL);
        free_segment(segment);
        return -1;
    }
    count(&s->store->counters.segments_opened, 1);
    count(&s->store->counters.unsealed_segments, 1);
    s->segment = segment;
    return 0;
}

static bool roll_is_due(const struct spool *s)
{
    const struct segment *segment = s->segment;
    const struct store_options *options = &s->store->options;

    if (s->wall_ms / DATE_HOUR_MS != segment->job->id.created_ms / DATE_HOUR_MS)
        return true;
    if (segment->next == SEGMENT_HEADER_BYTES)
        return false;
    return s->roll_early || segment->next >= options->roll_size_bytes ||
           s->mono_ms - segment->first_mono_ms >= options->roll_interval_ms;
}

void spool_begin_turn(struct spool *s, int64_t wall_ms)
{
    s->wall_ms = wall_ms;
    s->mono_ms = clock_mono_ms();
    if (s->segment != NULL && roll_is_due(s)) {
        s->segment->cut = s->roll_early;
        s->roll_early = false;
        close_segment(s);
    }
}

/* ---- taking records ---- */

/* Hits are refused from now on. */
static void note_trouble(struct spool *s, const struct err *why)
{
    s->trouble = *why;
    s->retry_ms = s->mono_ms + RETRY_MS;
    if (!s->told && (s->told_ms == 0 || s->mono_ms - s->told_ms >= TELL_AGAIN_MS))
        s->news = true;
}

/*
 * No room: on a full disk, let what can be sealed make some. Otherwise it may be only this file that
 * cannot grow, as there is a limit on its size: the next turn tries another.
 */
static void note_no_room(struct spool *s, const struct err *why)
{
    uint64_t worth = why->code == ERR_FULL ? EARLY_ROLL_BYTES : SEGMENT_HEADER_BYTES + 1;

    note_trouble(s, why);
    count(&s->store->counters.reserve_errors, 1);
    s->roll_early = s->segment != NULL && s->segment->next >= worth;
    if (why->code == ERR_FULL)
        sealer_make_room(s->store->sealer);
    else if (s->roll_early)
        s->retry_ms = s->mono_ms;
}

static int have_disk_room(struct spool *s, size_t bytes, struct err *e)
{
    struct err why;
    int result = 0;

    if (s->segment != NULL && s->segment->next + bytes <= s->segment->reserved)
        return 0;
    if (s->mono_ms < s->retry_ms) {
        if (e != NULL)
            *e = s->trouble;
        return -1;
    }
    if (s->segment == NULL)
        result = open_segment(s, s->wall_ms, bytes, &why);
    else
        result = extend(s, s->segment, s->segment->next + bytes, &why);
    if (result == 0) {
        s->told = false;
        return 0;
    }
    note_no_room(s, &why);
    if (e != NULL)
        *e = why;
    return -1;
}

/* The batch to fill, with room for so much. */
static struct batch *have_batch_room(struct spool *s, size_t bytes, struct err *e)
{
    if (s->closed < s->batches && filling(s)->used + bytes > BATCH_BYTES && s->slot != NULL)
        s->closed++;
    if (s->closed == s->batches || filling(s)->used + bytes > BATCH_BYTES) {
        err_set(e, ERR_FULL, "worker %u has %u MiB of hits that are not written yet", s->worker,
                s->batches * (BATCH_BYTES >> 20));
        return NULL;
    }
    return filling(s);
}

char *spool_reserve(struct spool *s, size_t max_bytes, uint64_t *seq, struct err *e)
{
    size_t bytes = segment_record_bytes(max_bytes);
    struct batch *batch;

    if (max_bytes > LINE_BYTES_MAX) {
        err_set(e, ERR_INPUT, "a line of up to %zu bytes is longer than %d", max_bytes,
                LINE_BYTES_MAX);
        return NULL;
    }
    if (s->failing && s->mono_ms < s->retry_ms) {
        if (e != NULL)
            *e = s->trouble;
        return NULL;
    }
    batch = have_batch_room(s, bytes, e);
    if (batch == NULL || have_disk_room(s, bytes, e) != 0)
        return NULL;
    s->reserved_bytes = max_bytes;
    *seq = s->next_seq;
    return (char *)batch->data + batch->used + RECORD_HEADER_BYTES;
}

static void begin_batch(struct spool *s, struct batch *batch)
{
    batch->number = ++s->last_batch;
    batch->first_seq = s->next_seq;
    batch->offset = s->segment->next;
    batch->segment = s->segment;
    batch->moves = 0;
    s->segment->batches++;
    if (s->segment->next == SEGMENT_HEADER_BYTES)
        s->segment->first_mono_ms = s->mono_ms;
}

uint64_t spool_accept(struct spool *s, size_t n)
{
    struct batch *batch = filling(s);
    struct segment *segment = s->segment;
    unsigned char *record = batch->data + batch->used;

    assert(n > 0 && n <= s->reserved_bytes && record[RECORD_HEADER_BYTES + n - 1] == '\n');
    if (batch->used == 0)
        begin_batch(s, batch);
    segment_put_record(record, segment->salt, segment->seed, s->next_seq, n);
    batch->used += segment_record_bytes(n);
    batch->records++;
    segment->next += segment_record_bytes(n);
    s->next_seq++;
    s->reserved_bytes = 0;
    return batch->number;
}

/* ---- deciding ---- */

/* The oldest undecided batch is decided. */
static void decide(struct spool *s, enum spool_state state)
{
    struct batch *batch = &s->batch[s->head];
    struct segment *segment = batch->segment;

    s->state[batch->number % STATES] = (unsigned char)state;
    s->decided = batch->number;
    if (state == SPOOL_KEPT) {
        segment->begun = true;
        segment->kept_end = batch->offset + batch->used;
        count(&s->kept, batch->records);
    }
    batch->used = 0;
    batch->records = 0;
    batch->segment = NULL;
    segment->batches--;
    s->head = (s->head + 1) % s->batches;
    s->closed--;
    release(s, segment);
}

/*
 * Every undecided batch is given back, with its numbers: the oldest ends in this state, those
 * behind it were never written and are refused.
 */
static void give_back(struct spool *s, enum spool_state state)
{
    s->next_seq = s->batch[s->head].first_seq;
    if (s->closed < s->batches && filling(s)->used > 0)
        s->closed++;
    if (s->segment != NULL)
        s->segment->next = s->segment->kept_end;
    while (s->closed > 0) {
        decide(s, state);
        state = SPOOL_REFUSED;
    }
}

static void give_up_segment(struct spool *s, struct segment *segment)
{
    segment->job->suspect = true;
    if (s->segment == segment) {
        atomic_store(&s->open_bytes, 0);
        if (s->closed < s->batches && filling(s)->used > 0)
            s->closed++;
        s->segment = NULL;
    }
}

static int note_failed_write(struct spool *s, const struct spool_write *write)
{
    count(write->sync_failed ? &s->store->counters.sync_errors : &s->store->counters.write_errors,
          1);
    s->failing = true;
    note_trouble(s, &write->why);
    return -1;
}

static void note_good_write(struct spool *s)
{
    s->failing = false;
    s->told = false;
}

/* The sentence goes out once; until it works again the rest is silence. */
static int tell_news(struct spool *s, int result, struct err *e)
{
    err_clear(e);
    if (!s->news)
        return result;
    s->news = false;
    s->told = true;
    s->told_ms = s->mono_ms;
    if (e != NULL)
        *e = s->trouble;
    return -1;
}

static void prepare(const struct spool *s, const struct batch *batch, struct spool_write *write)
{
    const struct segment *segment = batch->segment;

    write->file = &segment->file;
    write->new_in_dir = NULL;
    write->data = batch->data;
    write->bytes = batch->used;
    write->offset = batch->offset;
    write->sync = s->slot != NULL;
    if (!segment->begun) {
        struct segment_header header = { segment->job->id, batch->first_seq, segment->salt };

        segment_put_header(write->header, &header);
        write->new_in_dir = s->store->spool_dir;
    }
}

/* ---- process: written now, decided now ---- */

/* After a write that failed half way: leaves nothing of the batch in the file. */
static bool cut_off(struct segment *segment, const struct batch *batch)
{
    uint64_t start = segment->begun ? batch->offset : 0;
    struct iovec zeros = { batch->data, batch->used };
    size_t written;

    if (fs_truncate(&segment->file, start, NULL) == 0) {
        segment->reserved = start;
        return true;
    }
    memset(batch->data, 0, batch->used);
    return fs_write_at(&segment->file, &zeros, 1, batch->offset, &written, NULL) == 0;
}

static int commit_now(struct spool *s)
{
    struct batch *batch = &s->batch[s->head];
    struct segment *segment = batch->segment;
    struct spool_write write;

    prepare(s, batch, &write);
    spool_write_run(&write);
    if (!write.failed) {
        decide(s, SPOOL_KEPT);
        note_good_write(s);
        return 0;
    }
    if (write.removed) {
        give_up_segment(s, segment);
        give_back(s, SPOOL_REFUSED);
    } else if (write.maybe_written && !cut_off(segment, batch)) {
        give_up_segment(s, segment);
        give_back(s, SPOOL_UNKNOWN);
    } else {
        give_back(s, SPOOL_REFUSED);
    }
    return note_failed_write(s, &write);
}

/* ---- power: written and synced by the sync thread ---- */

static void submit(struct spool *s)
{
    if (s->closed == 0) {
        if (filling(s)->used == 0)
            return;
        s->closed++;
    }
    prepare(s, &s->batch[s->head], &s->slot->write);
    s->in_flight = true;
    syncer_submit(s->store->syncer, s->slot);
}

/* Frames a batch once more, for another segment. */
static void move_batch(struct batch *batch, struct segment *to)
{
    uint64_t seq = batch->first_seq;

    batch->segment->batches--;
    batch->segment = to;
    batch->offset = to->next;
    to->batches++;
    to->next += batch->used;
    for (size_t at = 0; at < batch->used; seq++) {
        size_t line_bytes = get_u32(batch->data + at + 4);

        segment_put_record(batch->data + at, to->salt, to->seed, seq, line_bytes);
        at += segment_record_bytes(line_bytes);
    }
}

/*
 * The file of the oldest batch is not to be trusted any more. All undecided batches go to a new
 * segment, with the same numbers; false if that cannot be done: too often tried, no room, or a roll
 * has already sent later ones elsewhere.
 */
static bool move_to_new_segment(struct spool *s)
{
    struct batch *oldest = &s->batch[s->head];
    struct segment *old = oldest->segment;
    unsigned undecided = s->closed + (s->closed < s->batches && filling(s)->used > 0 ? 1 : 0);
    uint64_t bytes = 0;

    if (s->segment != old || old->batches != undecided || oldest->moves == MOVES_MAX)
        return false;
    for (unsigned i = 0; i < undecided; i++)
        bytes += s->batch[(s->head + i) % s->batches].used;
    if (open_segment(s, old->job->id.created_ms, bytes, NULL) != 0)
        return false;
    s->segment->first_mono_ms = old->first_mono_ms;
    old->job->suspect = true;
    for (unsigned i = 0; i < undecided; i++)
        move_batch(&s->batch[(s->head + i) % s->batches], s->segment);
    oldest->moves++;
    release(s, old);
    return true;
}

/* The sync thread is through with the oldest batch. */
static int take_result(struct spool *s)
{
    const struct spool_write *write = &s->slot->write;
    struct batch *oldest = &s->batch[s->head];
    int result;

    s->in_flight = false;
    if (!write->failed) {
        decide(s, SPOOL_KEPT);
        note_good_write(s);
        return 0;
    }
    result = note_failed_write(s, write);
    if (!write->maybe_written) {
        give_back(s, oldest->moves > 0 ? SPOOL_UNKNOWN : SPOOL_REFUSED);
    } else if (!move_to_new_segment(s)) {
        bool nowhere = write->removed && oldest->moves == 0;

        give_up_segment(s, oldest->segment);
        give_back(s, nowhere ? SPOOL_REFUSED : SPOOL_UNKNOWN);
    }
    return result;
}

static bool result_is_there(struct spool *s)
{
    return s->in_flight && sem_trywait(&s->slot->done) == 0;
}

/* ---- the turn's end ---- */

int spool_poll(struct spool *s, struct err *e)
{
    int result = 0;

    if (s->slot != NULL && result_is_there(s))
        result = take_result(s);
    if (s->slot != NULL && !s->in_flight)
        submit(s);
    return tell_news(s, result, e);
}

int spool_commit(struct spool *s, struct err *e)
{
    int result = 0;

    if (s->slot != NULL)
        return spool_poll(s, e);
    if (filling(s)->used > 0) {
        s->closed++;
        result = commit_now(s);
    }
    return tell_news(s, result, e);
}

uint64_t spool_decided(const struct spool *s)
{
    return s->decided;
}

enum spool_state spool_state(const struct spool *s, uint64_t batch)
{
    if (batch > s->decided)
        return SPOOL_OPEN;
    if (s->decided - batch >= STATES)
        return SPOOL_UNKNOWN;
    return (enum spool_state)s->state[batch % STATES];
}

uint64_t spool_kept(const struct spool *s)
{
    return atomic_load_explicit(&s->kept, memory_order_relaxed);
}

void spool_close(struct spool *s)
{
    spool_commit(s, NULL);
    while (s->in_flight) {
        while (sem_wait(&s->slot->done) != 0 && errno == EINTR)
            ;
        take_result(s);
        submit(s);
    }
    close_segment(s);
}

/* ---- for the store ---- */

struct spool *spool_new(struct store *store, unsigned worker, struct err *e)
{
    struct spool *s = calloc(1, sizeof *s);

    if (s == NULL) {
        err_set(e, ERR_MEMORY, "out of memory for a spool");
        return NULL;
    }
    s->store = store;
    s->worker = worker;
    s->next_seq = 1;
    s->batches = store->options.power ? BATCHES_POWER : 1;
    s->slot = store->options.power ? syncer_slot(store->syncer, worker) : NULL;
    for (unsigned i = 0; i < s->batches; i++) {
        s->batch[i].data = malloc(BATCH_BYTES);
        if (s->batch[i].data == NULL) {
            spool_free(s);
            err_set(e, ERR_MEMORY, "out of memory for a spool");
            return NULL;
        }
    }
    return s;
}

void spool_free(struct spool *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < s->batches; i++)
        free(s->batch[i].data);
    free(s);
}
