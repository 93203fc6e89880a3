/*
 * tmp_dir.h - a fresh folder for one test, removed with everything in it. A failure to make it
 * fails the test.
 */
#ifndef CRUMB_TESTS_TMP_DIR_H
#define CRUMB_TESTS_TMP_DIR_H

#define TMP_PATH_BYTES 512

struct tmp_dir {
    char path[64];
};

struct tmp_dir tmp_dir_make(void);
void tmp_dir_remove(const struct tmp_dir *dir);

/* out has TMP_PATH_BYTES: DIR/name. */
void tmp_dir_path(const struct tmp_dir *dir, char *out, const char *name);

/* A file with this text; replaces one of that name. */
void tmp_dir_write(const struct tmp_dir *dir, const char *name, const char *text);

#endif
