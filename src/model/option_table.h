/*
 * option_table.h - every option of crumb.yaml: what it is, where it is kept, what it may be.
 *
 * Private to the model. option_read.c, option_derive.c and option_write.c walk the table; nothing
 * else knows an option by its key.
 */
#ifndef CRUMB_SRC_MODEL_OPTION_TABLE_H
#define CRUMB_SRC_MODEL_OPTION_TABLE_H

#include "model/config.h"

#define OPTION_KEY_BYTES_MAX 64

enum kind {
    DURATION,
    SIZE,
    INTEGER,
    BOOLEAN,
    CHOICE,
    NETWORK,
    LIST,
    TEXT_FILE, /* from here on: texts, see option_text.h */
    TEXT_ADDRESS,
    TEXT_SITE,
    TEXT_ORIGIN,
    TEXT_DOMAIN,
    TEXT_COOKIE_NAME,
    TEXT_PATTERN,
    TEXT_URL_PATH,
    TEXT_PAGE_PATH,
    TEXT_QUERY_KEY,
    TEXT_LABEL,
    TEXT_PATH_PREFIX,
};

enum flag {
    UNIQUE = 1,   /* members of this list differ in their first field, a text */
    REQUIRED = 2, /* in a member of a list */
    RESTART = 4,  /* a running server cannot take it over */
};

/*
 * A key is the path to it: "limits.headers" is headers in the map limits, "listen[].address" is
 * address in each member of the list listen, "trusted_proxies[]" is each member itself. Members of
 * a list follow it, and an offset there is one in the member.
 */
struct option {
    const char *key;
    enum kind kind;
    unsigned flags; /* REQUIRED, ... */
    size_t offset, bytes;
    const char *fallback; /* as text; NULL: none, or see option_derive.c */
    const char *sample;   /* lines for the sample file; NULL: the fallback */
    const char *sentence;
    const char *const *names; /* of a CHOICE, by value */
    uint64_t min, max;        /* of a number, or of a list's members */
    size_t count_offset;      /* of a LIST: where the number of members is */
    size_t member_bytes;
};

extern const struct option option_table[];
extern const size_t option_count;

struct str option_key(const struct option *option);

/* Is it in the map (or list member) that prefix names? *rest is the way from there. */
bool option_is_under(const struct option *option, struct str prefix, struct str *rest);

/* NULL if there is none. */
const struct option *option_find(struct str prefix, struct str name);

/* prefix, name and suffix one behind the other, in memory of OPTION_KEY_BYTES_MAX. */
struct str option_join(char *memory, struct str prefix, struct str name, const char *suffix);

/* What the members of a list are, when they are plain values; NULL when they are maps. */
const struct option *option_of_member(const struct option *list);

bool option_is_text(const struct option *option);

/* ---- values: base is the struct that the option's offset is in ------------------------------- */

void *option_field(void *base, const struct option *option);
const void *option_const_field(const void *base, const struct option *option);

/* Of every kind that is a number in memory: durations, sizes, integers, booleans, choices. */
void option_set_number(void *base, const struct option *option, uint64_t value);
uint64_t option_get_number(const void *base, const struct option *option);

/* Still owned by base; may be NULL. */
char *option_get_text(const void *base, const struct option *option);

struct list {
    char *members;
    unsigned count;
};
struct list option_get_list(const void *base, const struct option *option);
void option_set_list(void *base, const struct option *option, struct list list);

/* ---- text: as it is written in the file ------------------------------------------------------ */

void option_add_number(struct buf *b, enum kind kind, uint64_t value);
void option_add_names(struct buf *b, const char *const *names); /* "full, masked, none" */
void option_add_network(struct buf *b, const struct ip_net *net);

#endif
