/*
 * options.h - what options there are, and how a struct config follows from a tree of values.
 *
 * Private to the model, used by config.c. The table is in options.c.
 */
#ifndef CRUMB_SRC_MODEL_OPTIONS_H
#define CRUMB_SRC_MODEL_OPTIONS_H

#include "model/config.h"
#include "node.h"

/* A complete config from the values in root (a map) and the defaults; NULL and an error. */
struct config *options_read(const struct source *source, const struct node *root);

#endif
