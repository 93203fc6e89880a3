/*
 * geo.c - a set of MaxMind DB files and what they know about an address. See geo.h.
 *
 * Called by collect.c for every hit (geo_lookup), by snapshot.c at start and reload (the rest). A
 * lookup walks each file's tree with the library, which gives the place of an entry, and takes the
 * encoded fields for these places from the cache; only a new combination is read and encoded.
 *
 * Always true: an open set does not depend on its files. The library maps a private copy, because
 * a file that somebody overwrites in place would be cut under a mapping, and reading there kills
 * the process. A lookup never fails: what cannot be read is unknown.
 */
#include "model/geo.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/date.h"
#include "base/fs.h"
#include "base/utf8.h"
#include "fields.h"
#include "geo_entry.h"

#define FILE_BYTES_MAX     (2ull << 30)
#define DESCRIBE_BYTES_MAX 128 /* for one file */

#define CACHE_SLOT_BITS  12
#define CACHE_SLOTS      (1u << CACHE_SLOT_BITS)
#define CACHE_JSON_BYTES 284 /* usual are 100 to 200; what is larger is encoded each time */

_Static_assert(field_max_COUNTRY + field_max_REGION + field_max_CITY + field_max_TZ +
                       field_max_AS_ORG + 8 * 16 + 3 * 12 <=
                   GEO_JSON_BYTES_MAX,
               "all fields at their limits fit");

/* ---- the set --------------------------------------------------------------------------------- */

/* Shared by the sets that have it, as files change one at a time. */
struct database {
    atomic_uint holders;
    MMDB_s mmdb;
};

/* What a set knows of one path. */
struct file {
    char *path;
    struct stat seen;          /* when it was last looked at; zero: it was not there */
    struct database *database; /* NULL: it could not be read yet */
    bool current;              /* the database is what was seen, not an older one */
};

struct geo_set {
    uint64_t generation; /* never used twice, unlike the set's address */
    unsigned count;
    struct file file[GEO_DATABASES_MAX];
    char description[GEO_DATABASES_MAX * DESCRIBE_BYTES_MAX];
};

/* A file in memory that the library can open by name. */
static int copy_to_memory(const char *path, struct fs_file *copy, struct err *e)
{
    struct iovec part;
    size_t n, written;
    char *bytes;
    int result = 0;

    if (fs_read_all(path, FILE_BYTES_MAX, &bytes, &n, e) != 0)
        return -1;
    *copy = (struct fs_file){ memfd_create("crumb-geo", MFD_CLOEXEC), path };
    part = (struct iovec){ bytes, n };
    if (copy->fd < 0)
        result = err_sys(e, "cannot keep %s in memory", path);
    else
        result = fs_write_at(copy, &part, 1, 0, &written, e);
    free(bytes);
    return result;
}

/* NULL and an error when the file is no database. */
static struct database *open_database(const char *path, struct err *e)
{
    struct database *database = calloc(1, sizeof *database);
    struct fs_file copy = FS_CLOSED;
    char name[64];
    int status;

    if (database == NULL) {
        err_set(e, ERR_MEMORY, "out of memory while opening %s", path);
        return NULL;
    }
    atomic_init(&database->holders, 1);
    if (copy_to_memory(path, &copy, e) != 0) {
        fs_close(&copy);
        free(database);
        return NULL;
    }
    snprintf(name, sizeof name, "/proc/self/fd/%d", copy.fd);
    status = MMDB_open(name, MMDB_MODE_MMAP, &database->mmdb);
    fs_close(&copy);
    if (status == MMDB_SUCCESS)
        return database;
    free(database);
    err_set(e, ERR_DAMAGED, "%s is not a geo database: %s", path, MMDB_strerror(status));
    return NULL;
}

static struct database *database_hold(struct database *database)
{
    if (database != NULL)
        atomic_fetch_add(&database->holders, 1);
    return database;
}

static void database_release(struct database *database)
{
    if (database == NULL || atomic_fetch_sub(&database->holders, 1) > 1)
        return;
    MMDB_close(&database->mmdb);
    free(database);
}

static void describe(struct buf *b, const struct database *database)
{
    const MMDB_metadata_s *metadata = &database->mmdb.metadata;
    char date[DATE_RFC3339_BYTES];
    struct buf day = buf_over(date, sizeof date);
    struct str type = utf8_cut(str_of(metadata->database_type), 24);
    uint64_t seconds = metadata->build_epoch;

    if (b->n > 0)
        buf_add_lit(b, ", ");
    utf8_add_printable(b, type);
    if (seconds <= 253402300799) { /* the year 9999 */
        date_add_rfc3339(&day, (int64_t)seconds * DATE_SECOND_MS);
        buf_add_char(b, ' ');
        buf_add(b, date, 10);
    }
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static const struct file *find_file(const struct geo_set *set, const char *path)
{
    for (unsigned i = 0; set != NULL && i < set->count; i++) {
        if (strcmp(set->file[i].path, path) == 0)
            return &set->file[i];
    }
    return NULL;
}

/* What there is now, or else what `old` had. -1 and why when it is not what there is now. */
static int open_file(struct file *file, const struct file *old, struct err *e)
{
    /* Before reading: a file that is replaced meanwhile then counts as changed. */
    if (fs_stat_path(file->path, &file->seen, e) != 0) {
        memset(&file->seen, 0, sizeof file->seen);
    } else if (old != NULL && old->current && same_file(&old->seen, &file->seen)) {
        file->database = database_hold(old->database);
    } else {
        file->database = open_database(file->path, e);
    }
    file->current = file->database != NULL;
    if (file->current)
        return 0;
    file->database = old == NULL ? NULL : database_hold(old->database);
    return -1;
}

static void tell(struct err *trouble, const struct err *why, bool kept)
{
    if (trouble != NULL && trouble->code == ERR_NONE)
        err_set(trouble, why->code, "%s; %s", why->text,
                kept ? "the database that was read from there before stays in use"
                     : "hits are kept without what it would know");
}

static int open_files(struct geo_set *set, char *const *paths, unsigned count,
                      const struct geo_set *old, struct err *trouble)
{
    struct buf description = buf_over(set->description, sizeof set->description - 1);

    for (unsigned i = 0; i < count; i++) {
        struct file *file = &set->file[i];
        struct err why;

        file->path = str_dup(str_of(paths[i]));
        if (file->path == NULL)
            return err_set(trouble, ERR_MEMORY, "out of memory while opening %s", paths[i]);
        set->count++;
        if (open_file(file, find_file(old, paths[i]), &why) != 0)
            tell(trouble, &why, file->database != NULL);
        if (file->database != NULL)
            describe(&description, file->database);
    }
    return 0;
}

struct geo_set *geo_open(char *const *paths, unsigned count, const struct geo_set *old,
                         struct err *trouble)
{
    static _Atomic uint64_t generations;
    struct geo_set *set;

    err_clear(trouble);
    if (count > GEO_DATABASES_MAX) {
        err_set(trouble, ERR_INPUT, "more than %d geo databases", GEO_DATABASES_MAX);
        return NULL;
    }
    set = calloc(1, sizeof *set);
    if (set == NULL) {
        err_set(trouble, ERR_MEMORY, "out of memory while opening geo databases");
        return NULL;
    }
    set->generation = atomic_fetch_add(&generations, 1) + 1;
    if (open_files(set, paths, count, old, trouble) != 0) {
        geo_close(set);
        return NULL;
    }
    return set;
}

void geo_close(struct geo_set *set)
{
    if (set == NULL)
        return;
    for (unsigned i = 0; i < set->count; i++) {
        database_release(set->file[i].database);
        free(set->file[i].path);
    }
    free(set);
}

bool geo_changed(const struct geo_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        const struct file *file = &set->file[i];
        struct stat now;

        if (fs_stat_path(file->path, &now, NULL) == 0 && !same_file(&now, &file->seen))
            return true;
    }
    return false;
}

const char *geo_describe(const struct geo_set *set)
{
    return set->description[0] == '\0' ? "none" : set->description;
}

/* ---- the cache ------------------------------------------------------------------------------- */

/* Where each file has its entry for an address; NOWHERE when it has none. */
struct places {
    uint32_t offset[GEO_DATABASES_MAX];
};

#define NOWHERE UINT32_MAX

struct slot {
    struct places places;
    uint16_t used; /* 0: free */
    uint16_t n;
    char json[CACHE_JSON_BYTES];
};

struct geo_cache {
    uint64_t generation; /* of the set that the slots are about */
    char large[GEO_JSON_BYTES_MAX];
    struct slot slots[CACHE_SLOTS];
};

struct geo_cache *geo_cache_new(void)
{
    return calloc(1, sizeof(struct geo_cache));
}

void geo_cache_free(struct geo_cache *cache)
{
    free(cache);
}

/* Each combination of places has one slot; a newer one takes it over. */
static struct slot *slot_of(struct geo_cache *cache, const struct places *places, unsigned count)
{
    uint64_t h = 0;

    for (unsigned i = 0; i < count; i++)
        h = (h ^ places->offset[i]) * 0x9E3779B97F4A7C15u;
    return &cache->slots[h >> (64 - CACHE_SLOT_BITS)];
}

/* ---- a lookup -------------------------------------------------------------------------------- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool to_sockaddr(union address *out, const struct ip *ip)
{
    memset(out, 0, sizeof *out);
    if (ip->family == 4) {
        out->v4.sin_family = AF_INET;
        memcpy(&out->v4.sin_addr, ip->bytes, 4);
    } else if (ip->family == 6) {
        out->v6.sin6_family = AF_INET6;
        memcpy(&out->v6.sin6_addr, ip->bytes, 16);
    }
    return ip->family != 0;
}

/* Returns how many files know something. A file for the other address family is simply not one. */
static unsigned find_places(const struct geo_set *set, const struct ip *ip, struct places *places)
{
    union address address;
    unsigned found = 0;

    memset(places, 0xFF, sizeof *places);
    if (!to_sockaddr(&address, ip))
        return 0;
    for (unsigned i = 0; i < set->count; i++) {
        const struct database *database = set->file[i].database;
        MMDB_lookup_result_s result;
        int status;

        if (database == NULL)
            continue;
        result = MMDB_lookup_sockaddr(&database->mmdb, &address.any, &status);
        if (status == MMDB_SUCCESS && result.found_entry) {
            places->offset[i] = result.entry.offset;
            found++;
        }
    }
    return found;
}

static void merge_entries(const struct geo_set *set, const struct places *places,
                          struct geo_entry *merged)
{
    memset(merged, 0, sizeof *merged);
    for (unsigned i = 0; i < set->count; i++) {
        const MMDB_s *mmdb;
        struct geo_entry entry;

        if (places->offset[i] == NOWHERE)
            continue;
        mmdb = &set->file[i].database->mmdb;
        geo_entry_read(&entry, str_from((const char *)mmdb->data_section, mmdb->data_section_size),
                       places->offset[i]);
        for (int f = 0; f < GEO_FIELDS; f++) {
            if (merged->field[f].rank == 0)
                merged->field[f] = entry.field[f];
        }
    }
}

/* 52519600 as 52.5196 */
static void add_degrees(struct buf *b, int64_t micro)
{
    int64_t size = micro < 0 ? -micro : micro;
    uint64_t fraction = (uint64_t)(size % 1000000);
    unsigned digits = 6;

    if (micro < 0)
        buf_add_char(b, '-');
    buf_add_u64(b, (uint64_t)(size / 1000000));
    if (fraction == 0)
        return;
    while (fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    buf_add_char(b, '.');
    buf_add_u64_padded(b, fraction, digits);
}

static struct str known_text(const struct geo_entry *entry, enum geo_field field)
{
    return entry->field[field].rank == 0 ? STR_ABSENT : entry->field[field].text;
}

/* In the order of the line's fields. */
static void encode(struct buf *b, const struct geo_entry *entry)
{
    field_add_string(b, COUNTRY, known_text(entry, GEO_COUNTRY));
    field_add_string(b, REGION, known_text(entry, GEO_REGION));
    field_add_string(b, CITY, known_text(entry, GEO_CITY));
    if (entry->field[GEO_LAT].rank > 0) {
        field_add_key(b, LAT);
        add_degrees(b, entry->field[GEO_LAT].number);
    }
    if (entry->field[GEO_LON].rank > 0) {
        field_add_key(b, LON);
        add_degrees(b, entry->field[GEO_LON].number);
    }
    field_add_string(b, TZ, known_text(entry, GEO_TZ));
    if (entry->field[GEO_ASN].rank > 0) {
        field_add_key(b, ASN);
        buf_add_i64(b, entry->field[GEO_ASN].number);
    }
    field_add_string(b, AS_ORG, known_text(entry, GEO_AS_ORG));
}

/* Without the comma that every field starts with. */
static struct str encode_places(const struct geo_set *set, const struct places *places,
                                char memory[GEO_JSON_BYTES_MAX])
{
    struct buf b = buf_over(memory, GEO_JSON_BYTES_MAX);
    struct geo_entry entry;

    merge_entries(set, places, &entry);
    encode(&b, &entry);
    return b.n == 0 ? STR_ABSENT : str_from(memory + 1, b.n - 1);
}

static void forget_other_set(struct geo_cache *cache, const struct geo_set *set)
{
    if (cache->generation == set->generation)
        return;
    cache->generation = set->generation;
    for (unsigned i = 0; i < CACHE_SLOTS; i++)
        cache->slots[i].used = 0;
}

struct str geo_lookup(const struct geo_set *set, struct geo_cache *cache, const struct ip *ip)
{
    struct places places;
    struct slot *slot;
    struct str json;

    forget_other_set(cache, set);
    if (find_places(set, ip, &places) == 0)
        return STR_ABSENT;
    slot = slot_of(cache, &places, set->count);
    if (slot->used != 0 && memcmp(&slot->places, &places, sizeof places) == 0)
        return slot->n == 0 ? STR_ABSENT : str_from(slot->json, slot->n);
    json = encode_places(set, &places, cache->large);
    if (json.n > sizeof slot->json)
        return json;
    slot->places = places;
    slot->used = 1;
    slot->n = (uint16_t)json.n;
    if (json.n == 0)
        return STR_ABSENT;
    memcpy(slot->json, json.p, json.n);
    return str_from(slot->json, json.n);
}
