/*
 * disk.c - see disk.h. An object is a file or a folder; names lead to objects, once as the processes
 * see them (live) and once as they are on the disk (kept). What is not kept yet waits in a list, by
 * its entry in the recording.
 */
#include "crash/disk.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FDS_MAX 4096

struct list {
    uint32_t *entry;
    size_t count, room;
};

struct object {
    bool folder;
    unsigned char *bytes; /* as kept */
    size_t size;
    struct list waiting; /* of a file: writes and so on; of a folder: names */
};

struct name {
    char *path;
    size_t object;
};

struct names {
    struct name *name;
    size_t count, room;
};

struct disk {
    const struct shim *recording;
    struct object *object;
    size_t objects, room;
    struct names live, kept;
    size_t fd[FDS_MAX]; /* the object behind it */
};

#define NONE SIZE_MAX

static void *grown(void *p, size_t count, size_t *room, size_t each)
{
    if (count < *room)
        return p;
    *room = *room == 0 ? 64 : *room * 2;
    p = realloc(p, *room * each);
    if (p == NULL) {
        fputs("disk: out of memory\n", stderr);
        abort();
    }
    return p;
}

static void list_add(struct list *list, uint32_t entry)
{
    list->entry = grown(list->entry, list->count, &list->room, sizeof *list->entry);
    list->entry[list->count++] = entry;
}

/* ---- names ---- */

/* A folder may be named with a slash at the end. */
static size_t look_up(const struct names *names, const char *path)
{
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        n--;
    for (size_t i = 0; i < names->count; i++) {
        if (strncmp(names->name[i].path, path, n) == 0 && names->name[i].path[n] == '\0')
            return names->name[i].object;
    }
    return NONE;
}

static void name_remove(struct names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->name[i].path, path) == 0) {
            free(names->name[i].path);
            names->name[i] = names->name[--names->count];
            return;
        }
    }
}

static void name_set(struct names *names, const char *path, size_t object)
{
    name_remove(names, path);
    names->name = grown(names->name, names->count, &names->room, sizeof *names->name);
    names->name[names->count++] = (struct name){ strdup(path), object };
}

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->name[i].path);
    free(names->name);
}

static size_t parent_of(const struct disk *disk, const char *path)
{
    char folder[PATH_MAX];

    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    return look_up(&disk->live, folder);
}

static size_t new_object(struct disk *disk, bool folder)
{
    disk->object = grown(disk->object, disk->objects, &disk->room, sizeof *disk->object);
    memset(&disk->object[disk->objects], 0, sizeof *disk->object);
    disk->object[disk->objects].folder = folder;
    return disk->objects++;
}

/* What an entry does to names. The object that it names stands in the live ones, by that entry. */
static void do_name(const struct disk *disk, struct names *names, uint32_t i, size_t object)
{
    const struct shim_entry *entry = shim_entry_at(disk->recording, i);
    const char *path = shim_bytes_at(disk->recording, entry->data);

    switch (atomic_load(&entry->kind)) {
    case SHIM_DID_UNLINK:
        name_remove(names, path);
        break;
    case SHIM_DID_RENAME:
        if (look_up(names, path) == object)
            name_remove(names, path);
        name_set(names, path + strlen(path) + 1, object);
        break;
    default: /* made */
        name_set(names, path, object);
    }
}

/* ---- taking entries ---- */

struct disk *disk_new(const struct shim *recording, const char *root)
{
    struct disk *disk = calloc(1, sizeof *disk);

    if (disk == NULL)
        abort();
    disk->recording = recording;
    new_object(disk, true);
    name_set(&disk->live, root, 0);
    name_set(&disk->kept, root, 0);
    return disk;
}

void disk_free(struct disk *disk)
{
    for (size_t i = 0; i < disk->objects; i++) {
        free(disk->object[i].bytes);
        free(disk->object[i].waiting.entry);
    }
    names_free(&disk->live);
    names_free(&disk->kept);
    free(disk->object);
    free(disk);
}

/* An entry about a name: done at once for the living, and waits in its folder. The object is noted
 * in the entry, whose offset is not used otherwise. */
static void change_name(struct disk *disk, uint32_t i, size_t object)
{
    struct shim_entry *entry = shim_entry_at(disk->recording, i);
    const char *path = shim_bytes_at(disk->recording, entry->data);
    size_t folder = parent_of(disk, path);

    entry->offset = object;
    do_name(disk, &disk->live, i, object);
    if (folder != NONE)
        list_add(&disk->object[folder].waiting, i);
}

static void take_open(struct disk *disk, uint32_t i)
{
    const struct shim_entry *entry = shim_entry_at(disk->recording, i);
    const char *path = shim_bytes_at(disk->recording, entry->data);
    size_t object = look_up(&disk->live, path);

    if (entry->fd >= FDS_MAX)
        abort();
    if (object == NONE && (entry->flags & O_CREAT) != 0) {
        object = new_object(disk, false);
        change_name(disk, i, object);
    } else if (object != NONE && (entry->flags & O_TRUNC) != 0) {
        list_add(&disk->object[object].waiting, i);
    }
    disk->fd[entry->fd] = object;
}

/* Does to the bytes of a file what an entry says. sector: 0 all of a write, else each sector of
 * this size with a probability of one half. */
static void do_bytes(const struct disk *disk, unsigned char **bytes, size_t *size, uint32_t i,
                     size_t sector)
{
    const struct shim_entry *entry = shim_entry_at(disk->recording, i);
    uint32_t kind = atomic_load(&entry->kind);
    bool cuts = kind == SHIM_DID_TRUNCATE || kind == SHIM_DID_OPEN;
    size_t end = (kind == SHIM_DID_OPEN ? 0 : entry->offset) +
                 (kind == SHIM_DID_WRITE || kind == SHIM_DID_RESERVE ? entry->length : 0);

    if (end > *size) {
        *bytes = realloc(*bytes, end);
        if (*bytes == NULL)
            abort();
        memset(*bytes + *size, 0, end - *size);
        *size = end;
    }
    if (cuts)
        *size = end;
    if (kind != SHIM_DID_WRITE)
        return;
    for (size_t at = entry->offset; at < end;) {
        size_t next = sector == 0 ? end : (at / sector + 1) * sector;

        next = next < end ? next : end;
        if (sector == 0 || lrand48() % 2 == 0)
            memcpy(*bytes + at, shim_bytes_at(disk->recording, entry->data) + (at - entry->offset),
                   next - at);
        at = next;
    }
}

/* Everything of the object that was entered before is on the disk now. */
static void keep(struct disk *disk, size_t object, uint32_t before)
{
    struct object *o = &disk->object[object];
    size_t left = 0;

    for (size_t k = 0; k < o->waiting.count; k++) {
        uint32_t i = o->waiting.entry[k];

        if (i >= before)
            o->waiting.entry[left++] = i;
        else if (o->folder)
            do_name(disk, &disk->kept, i, shim_entry_at(disk->recording, i)->offset);
        else
            do_bytes(disk, &o->bytes, &o->size, i, 0);
    }
    o->waiting.count = left;
}

void disk_step(struct disk *disk, uint32_t i)
{
    const struct shim_entry *entry = shim_entry_at(disk->recording, i);
    size_t object = entry->fd >= 0 && entry->fd < FDS_MAX ? disk->fd[entry->fd] : NONE;
    const char *path = shim_bytes_at(disk->recording, entry->data);

    switch (atomic_load(&entry->kind)) {
    case SHIM_DID_START:
        for (size_t fd = 0; fd < FDS_MAX; fd++)
            disk->fd[fd] = NONE;
        break;
    case SHIM_DID_OPEN:
        take_open(disk, i);
        break;
    case SHIM_DID_WRITE:
    case SHIM_DID_RESERVE:
    case SHIM_DID_TRUNCATE:
        if (object != NONE)
            list_add(&disk->object[object].waiting, i);
        break;
    case SHIM_SYNC_ENDS:
        if (object != NONE)
            keep(disk, object, (uint32_t)entry->offset);
        break;
    case SHIM_DID_MKDIR:
        change_name(disk, i, new_object(disk, true));
        break;
    case SHIM_DID_RENAME:
    case SHIM_DID_UNLINK:
        if (look_up(&disk->live, path) != NONE)
            change_name(disk, i, look_up(&disk->live, path));
        break;
    default:
        break;
    }
}

/* ---- losing power ---- */

static int compare_names(const void *a, const void *b)
{
    const struct name *x = a, *y = b;

    return strcmp(x->path, y->path);
}

static void write_file(const struct disk *disk, size_t object, const char *path)
{
    static const size_t sectors[] = { 0, 0, 512, 4096 };
    const struct object *o = &disk->object[object];
    unsigned char *bytes = malloc(o->size + 1);
    size_t size = o->size, sector = sectors[lrand48() % 4];
    long chance = lrand48() % 5; /* of 4: from all lost to all there */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

    if (bytes == NULL || fd < 0) {
        perror(path);
        abort();
    }
    if (size > 0)
        memcpy(bytes, o->bytes, size);
    for (size_t k = 0; k < o->waiting.count; k++) {
        if (lrand48() % 4 < chance)
            do_bytes(disk, &bytes, &size, o->waiting.entry[k], sector);
    }
    if (size > 0 && write(fd, bytes, size) != (ssize_t)size)
        perror(path);
    close(fd);
    free(bytes);
}

/* The names that are found: the kept ones, and of those that wait each or not. */
static struct names choose_names(const struct disk *disk, unsigned *choices)
{
    struct names found = { NULL, 0, 0 };

    for (size_t i = 0; i < disk->kept.count; i++)
        name_set(&found, disk->kept.name[i].path, disk->kept.name[i].object);
    for (size_t folder = 0; folder < disk->objects; folder++) {
        const struct object *o = &disk->object[folder];
        long chance = lrand48() % 5;

        *choices += (unsigned)o->waiting.count;
        for (size_t k = 0; o->folder && k < o->waiting.count; k++) {
            uint32_t i = o->waiting.entry[k];

            if (lrand48() % 4 < chance)
                do_name(disk, &found, i, shim_entry_at(disk->recording, i)->offset);
        }
    }
    qsort(found.name, found.count, sizeof *found.name, compare_names);
    return found;
}

unsigned disk_lose_power(const struct disk *disk, const char *to)
{
    unsigned choices = 0;
    struct names found = choose_names(disk, &choices);
    size_t root_bytes = strlen(found.name[0].path);
    char path[PATH_MAX], other[PATH_MAX];

    for (size_t i = 0; i < found.count; i++) {
        size_t object = found.name[i].object, twin = 0;

        snprintf(path, sizeof path, "%s%s", to, found.name[i].path + root_bytes);
        snprintf(other, sizeof other, "%.*s", (int)(strrchr(path, '/') - path), path);
        if (i > 0 && access(other, F_OK) != 0)
            continue; /* its folder is not there */
        while (twin < i && found.name[twin].object != object)
            twin++;
        snprintf(other, sizeof other, "%s%s", to, found.name[twin].path + root_bytes);
        if (disk->object[object].folder)
            mkdir(path, 0750);
        else if (twin == i || link(other, path) != 0)
            write_file(disk, object, path);
    }
    names_free(&found);
    return choices;
}
