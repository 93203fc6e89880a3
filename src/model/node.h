/*
 * node.h - a config file as a tree of values that know where they stand.
 *
 * Private to the model: config.c builds the tree, option_read.c reads it. Every node and its text
 * belongs to the tree's owner.
 */
#ifndef CRUMB_SRC_MODEL_NODE_H
#define CRUMB_SRC_MODEL_NODE_H

#include "base/err.h"
#include "base/str.h"

enum node_type {
    NODE_EMPTY, /* "key:" with nothing behind it, null, ~ */
    NODE_TEXT,
    NODE_LIST,
    NODE_MAP
};

/* A place in the file, from 1; line 0: not from a file. */
struct place {
    unsigned line, column;
};

struct node {
    enum node_type type;
    struct place place;
    struct str text; /* NODE_TEXT; terminated */
    struct str key;  /* of a map's member; terminated */
    struct place key_place;
    struct node *first; /* members of a list or map, in the order of the file */
    struct node *next;  /* the next member of the list or map that this one is in */
};

/* Where errors go: "PATH:LINE:COLUMN: sentence", without the place when there is none. */
struct source {
    const char *path;
    struct err *e;
};

/* Always -1. */
int source_error(const struct source *source, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A text of the file, fit for an error sentence. */
struct shown {
    char text[80];
};
struct shown source_show(struct str s);

#endif
