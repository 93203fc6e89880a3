/*
 * facets.c - fields and derived values of a hit. See facets.h for the contract.
 *
 * Called by fold.c for every hit. A new derived value is a row in `table` and a case in facet_value.
 * Always true: the cache of user agents is bounded; when it is full it starts anew.
 */
#include "facets.h"

#include <stdlib.h>

#include "base/fs.h"
#include "base/hash.h"
#include "model/bots.h"
#include "model/codec.h"
#include "model/share.h"

/* name, sentence, fields it is made of, list that it needs */
#define FACETS(X)                                                                                  \
    X(SECTION, "section", "Area of the site, by the config, or first segment of path", NONE,       \
      "path", "site", NULL)                                                                        \
    X(MEDIUM, "medium",                                                                            \
      "Kind of referrer: direct, internal, search, ai, social, video, email, ads, app, referral",  \
      REFERRERS, "host", "ref", "ref_host")                                                        \
    X(SOURCE, "source", "Name of the referrer, or its registrable domain", REFERRERS, "host",      \
      "ref", "ref_host")                                                                           \
    X(BROWSER, "browser", "Browser of ua", AGENTS, "ua", NULL, NULL)                               \
    X(BROWSER_VERSION, "browser_version", "Browser of ua with its major version", AGENTS, "ua",    \
      NULL, NULL)                                                                                  \
    X(SYSTEM, "system", "Operating system of ua", AGENTS, "ua", NULL, NULL)                        \
    X(SYSTEM_VERSION, "system_version", "Operating system of ua with its major version", AGENTS,   \
      "ua", NULL, NULL)                                                                            \
    X(DEVICE, "device", "Device of ua", AGENTS, "ua", NULL, NULL)                                  \
    X(DEVICE_TYPE, "device_type", "Kind of device: phone, tablet, desktop, tv, other", AGENTS,     \
      "ua", NULL, NULL)                                                                            \
    X(SCREEN, "screen", "Size of the screen: sw x sh", NONE, "sw", "sh", NULL)                     \
    X(BOT, "bot", "Name of the program, by ua", NONE, "ua", NULL, NULL)                            \
    X(BOT_KIND, "bot_kind", "Kind of program, by ua", NONE, "ua", NULL, NULL)

enum list { LIST_NONE, LIST_AGENTS, LIST_REFERRERS };

/* FACET_FIELD comes behind the derived ones: a field of the record as it is. */
enum kind {
#define FACET_KIND(id, name, sentence, list, a, b, c) FACET_##id,
    FACETS(FACET_KIND)
#undef FACET_KIND
        FACET_FIELD
};

static const struct report_facet names[] = {
#define FACET_NAME(id, name, sentence, list, a, b, c) { name, sentence },
    FACETS(FACET_NAME)
#undef FACET_NAME
};

static const struct {
    enum list list;
    const char *fields[3];
} needs[] = {
#define FACET_NEEDS(id, name, sentence, list, a, b, c) { LIST_##list, { a, b, c } },
    FACETS(FACET_NEEDS)
#undef FACET_NEEDS
};

#define UA_SLOTS   16384
#define UA_ENTRIES (UA_SLOTS / 2)
#define TEXT_BYTES 4096

#define LIST_BYTES_MAX ((size_t)64 << 20)

/* What is known of one user agent; its texts are one piece of memory. */
struct ua {
    uint64_t hash; /* 0: free */
    int bot;
    char *text;
    struct agent agent;
};

struct facets {
    struct facet_lists *lists; /* borrowed */
    struct bots_memory *bots;
    struct agents_memory *agents;
    struct referrers_cache *referrers;
    int ua_slot;
    const struct ua *ua; /* of this hit */
    bool referrer_known; /* of this hit */
    struct referrer referrer;
    struct buf text; /* values that had to be put together, of this hit */
    char text_memory[TEXT_BYTES];
    unsigned uas_count;
    struct ua uas[UA_SLOTS];
};

const struct report_facet *report_facets(size_t *count)
{
    *count = sizeof names / sizeof names[0];
    return names;
}

static bool is_record_field(const char *name)
{
    size_t count;
    const struct codec_field *fields = codec_fields(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, fields[i].name) == 0)
            return fields[i].type != CODEC_MAP;
    }
    return strncmp(name, "params.", 7) == 0 && name[7] != '\0';
}

static int find_kind(const char *name)
{
    for (int i = 0; i < FACET_FIELD; i++) {
        if (strcmp(name, names[i].name) == 0)
            return i;
    }
    return is_record_field(name) ? FACET_FIELD : -1;
}

bool report_is_field(const char *name)
{
    return find_kind(name) >= 0;
}

int facet_find(struct facet *facet, const char *name, struct hit_wanted *wanted)
{
    int kind = find_kind(name);

    if (kind < 0)
        return -1;
    facet->kind = (unsigned)kind;
    if (kind == FACET_FIELD) {
        facet->slots[0] = hit_want(wanted, str_of(name));
        return facet->slots[0] < 0 ? -1 : 0;
    }
    for (int i = 0; i < 3 && needs[kind].fields[i] != NULL; i++) {
        facet->slots[i] = hit_want(wanted, str_of(needs[kind].fields[i]));
        if (facet->slots[i] < 0)
            return -1;
    }
    return 0;
}

bool facet_needs_agents(const struct facet *facet)
{
    return facet->kind != FACET_FIELD && needs[facet->kind].list == LIST_AGENTS;
}

bool facet_needs_referrers(const struct facet *facet)
{
    return facet->kind != FACET_FIELD && needs[facet->kind].list == LIST_REFERRERS;
}

/* ---- lists -------------------------------------------------------------------------------------- */

static const struct list_file {
    const char *name, *folder, *hint;
} list_files[] = {
    { BOTS_FILE, NULL, BOTS_FILE_HINT },
    { "regexes.yaml", "/usr/share/uap-core", "install the package uap-core" },
    { "referrers.tsv", NULL, "make install puts it into share/crumb" },
};

static int find_list(char path[SHARE_PATH_BYTES], int list, const char *share_dir, struct err *e)
{
    const struct list_file *file = &list_files[list];

    return share_find(path, share_dir, file->name, file->folder, file->hint, e);
}

int facet_lists_load(struct facet_lists *lists, const struct report_spec *spec, bool agents,
                     bool referrers, struct err *e)
{
    const char *share_dir = spec->share_dir;
    char path[SHARE_PATH_BYTES];

    *lists = (struct facet_lists){ .sections = sections_new(spec->sections, spec->sections_count) };
    if (lists->sections == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    if (find_list(path, LIST_NONE, share_dir, e) != 0)
        return -1;
    lists->bots = bots_load(path, e);
    if (lists->bots == NULL)
        return -1;
    if (agents) {
        if (find_list(path, LIST_AGENTS, share_dir, e) != 0)
            return -1;
        lists->agents = agents_load(path, e);
        if (lists->agents == NULL)
            return -1;
    }
    if (referrers) {
        if (find_list(path, LIST_REFERRERS, share_dir, e) != 0)
            return -1;
        lists->referrers = referrers_load(path, e);
        if (lists->referrers == NULL)
            return -1;
    }
    return 0;
}

/* Texts one behind the other, each told from the next. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    return hash64(str_from(text == NULL ? "" : text, text == NULL ? 0 : strlen(text) + 1), hash);
}

int facet_lists_fingerprint(uint64_t *fingerprint, const struct report_spec *spec, struct err *e)
{
    uint64_t hash = hash_text(0, referrers_domains_version());

    for (int list = LIST_NONE; list <= LIST_REFERRERS; list++) {
        char path[SHARE_PATH_BYTES], *text;
        size_t n;

        if (find_list(path, list, spec->share_dir, e) != 0 ||
            fs_read_all(path, LIST_BYTES_MAX, &text, &n, e) != 0)
            return -1;
        hash = hash64(str_from(text, n), hash);
        free(text);
    }
    for (unsigned i = 0; i < spec->sections_count; i++) {
        const struct config_section *section = &spec->sections[i];

        hash = hash_text(hash_text(hash, section->name), section->site);
        for (unsigned p = 0; p < section->paths_count; p++)
            hash = hash_text(hash, section->paths[p]);
        hash = hash_text(hash, NULL);
    }
    *fingerprint = hash;
    return 0;
}

void facet_lists_free(struct facet_lists *lists)
{
    bots_free(lists->bots);
    agents_free(lists->agents);
    referrers_free(lists->referrers);
    sections_free(lists->sections);
    *lists = (struct facet_lists){ 0 };
}

/* ---- user agents -------------------------------------------------------------------------------- */

struct facets *facets_new(struct facet_lists *lists, int ua_slot)
{
    struct facets *facets = calloc(1, sizeof *facets);

    if (facets == NULL)
        return NULL;
    facets->lists = lists;
    facets->ua_slot = ua_slot;
    facets->bots = bots_memory_new(lists->bots);
    facets->agents = lists->agents == NULL ? NULL : agents_memory_new(lists->agents);
    facets->referrers = lists->referrers == NULL ? NULL : referrers_cache_new();
    if (facets->bots == NULL || (lists->agents != NULL && facets->agents == NULL) ||
        (lists->referrers != NULL && facets->referrers == NULL)) {
        facets_free(facets);
        return NULL;
    }
    return facets;
}

static void forget_uas(struct facets *facets)
{
    for (size_t i = 0; i < UA_SLOTS; i++) {
        free(facets->uas[i].text);
        facets->uas[i] = (struct ua){ 0 };
    }
    facets->uas_count = 0;
}

void facets_free(struct facets *facets)
{
    if (facets == NULL)
        return;
    forget_uas(facets);
    bots_memory_free(facets->bots);
    agents_memory_free(facets->agents);
    referrers_cache_free(facets->referrers);
    free(facets);
}

/* "Chrome" and "120" become "Chrome 120". */
static struct str with_version(struct buf *b, struct str name, struct str version)
{
    size_t start = b->n;

    buf_add_str(b, name);
    if (version.n > 0) {
        buf_add_char(b, ' ');
        buf_add_str(b, version);
    }
    return str_from(b->p + start, b->n - start);
}

static struct str copy(struct buf *b, struct str s)
{
    return with_version(b, s, STR_ABSENT);
}

static void keep_agent(struct ua *ua, const struct agent *found)
{
    size_t n = 2 * (found->browser.n + found->system.n) + found->browser_version.n +
               found->system_version.n + found->device.n + 2;
    struct buf b;

    ua->text = malloc(n);
    b = buf_over(ua->text, ua->text == NULL ? 0 : n);
    if (ua->text == NULL)
        return;
    ua->agent.browser = copy(&b, found->browser);
    ua->agent.browser_version = with_version(&b, found->browser, found->browser_version);
    ua->agent.system = copy(&b, found->system);
    ua->agent.system_version = with_version(&b, found->system, found->system_version);
    ua->agent.device = copy(&b, found->device);
    ua->agent.device_type = found->device_type;
}

static void judge(struct facets *facets, struct ua *ua, uint64_t hash, struct str text)
{
    struct agent agent;

    *ua = (struct ua){ .hash = hash, .bot = -1 };
    if (text.n > 0)
        ua->bot = bots_find(facets->lists->bots, facets->bots, text);
    if (facets->agents != NULL) {
        agents_find(facets->lists->agents, facets->agents, text, &agent);
        keep_agent(ua, &agent);
    }
    facets->uas_count++;
}

int facets_begin(struct facets *facets, const struct hit *hit)
{
    struct str text = hit->value[facets->ua_slot];
    uint64_t hash = (text.n == 0 ? 0 : hash64(text, 0)) | 1;
    size_t at = (hash >> 1) % UA_SLOTS;

    while (facets->uas[at].hash != 0 && facets->uas[at].hash != hash)
        at = (at + 1) % UA_SLOTS;
    if (facets->uas[at].hash == 0) {
        if (facets->uas_count == UA_ENTRIES) {
            forget_uas(facets);
            at = (hash >> 1) % UA_SLOTS;
        }
        judge(facets, &facets->uas[at], hash, text);
    }
    facets->ua = &facets->uas[at];
    facets->referrer_known = false;
    facets->text = buf_over(facets->text_memory, sizeof facets->text_memory);
    return facets->ua->bot;
}

/* ---- values ------------------------------------------------------------------------------------- */

/* "/blog/2026/x" -> "/blog"; the home page is "/". */
static struct str section(const struct sections *sections, struct str path, struct str site)
{
    struct str name = sections_find(sections, path, site);

    if (name.p != NULL || path.n == 0)
        return name;
    return str_from(path.p, str_find(path, '/', 1));
}

static struct str screen(struct facets *facets, struct str width, struct str height)
{
    size_t start = facets->text.n;

    if (width.n == 0 || height.n == 0)
        return STR_ABSENT;
    buf_add_str(&facets->text, width);
    buf_add_char(&facets->text, 'x');
    buf_add_str(&facets->text, height);
    return str_from(facets->text.p + start, facets->text.n - start);
}

static const struct referrer *referrer(struct facets *facets, const struct facet *facet,
                                       const struct hit *hit)
{
    if (!facets->referrer_known)
        facets->referrer =
            referrers_find(facets->lists->referrers, facets->referrers, hit->value[facet->slots[0]],
                           hit->value[facet->slots[1]], hit->value[facet->slots[2]]);
    facets->referrer_known = true;
    return &facets->referrer;
}

struct str facet_value(struct facets *facets, const struct facet *facet, const struct hit *hit)
{
    const struct ua *ua = facets->ua;

    switch ((enum kind)facet->kind) {
    case FACET_SECTION:
        return section(facets->lists->sections, hit->value[facet->slots[0]],
                       hit->value[facet->slots[1]]);
    case FACET_MEDIUM:
        return referrer(facets, facet, hit)->medium;
    case FACET_SOURCE:
        return referrer(facets, facet, hit)->source;
    case FACET_BROWSER:
        return ua->agent.browser;
    case FACET_BROWSER_VERSION:
        return ua->agent.browser_version;
    case FACET_SYSTEM:
        return ua->agent.system;
    case FACET_SYSTEM_VERSION:
        return ua->agent.system_version;
    case FACET_DEVICE:
        return ua->agent.device;
    case FACET_DEVICE_TYPE:
        return ua->agent.device_type;
    case FACET_SCREEN:
        return screen(facets, hit->value[facet->slots[0]], hit->value[facet->slots[1]]);
    case FACET_BOT:
        return ua->bot < 0 ? STR_ABSENT : bots_name(facets->lists->bots, ua->bot);
    case FACET_BOT_KIND:
        return ua->bot < 0 ? STR_ABSENT : bots_kind(facets->lists->bots, ua->bot);
    case FACET_FIELD:
        break;
    }
    return hit->value[facet->slots[0]];
}
