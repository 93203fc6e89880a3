/*
 * log.h - one line on stderr for the operator. Only server and cli call it; lower layers fill a
 * struct err.
 *
 * "crumbd: error: cannot ...": program, level (left out for notices, so that the announcements of
 * the start can be read by scripts), sentence. Control bytes in the text are shown as \xNN, a long
 * text is cut at 2,000 bytes: whatever a peer sent, one call writes one line with one write.
 * Thread: any.
 */
#ifndef CRUMB_BASE_LOG_H
#define CRUMB_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE };

/* The name at the start of every line; borrowed, so pass a literal. Call once, before any thread. */
void log_program(const char *name);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_NOTICE, __VA_ARGS__)

#endif
