/*
 * options.h - what options there are, and how a struct config follows from a tree of values.
 *
 * Private to the model. The table is in option_table.c.
 */
#ifndef CRUMB_SRC_MODEL_OPTIONS_H
#define CRUMB_SRC_MODEL_OPTIONS_H

#include "model/config.h"
#include "node.h"

/* A complete config from the values in root (a map) and the defaults; NULL and an error. */
struct config *options_read(const struct source *source, const struct node *root);

/* Fills in what the file leaves to other options, and checks what must hold between them. */
int options_derive(const struct source *source, const struct node *root, struct config *config);

#endif
