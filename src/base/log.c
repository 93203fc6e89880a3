/*
 * log.c - one line, one write. See log.h for the contract.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"

#define LOG_TEXT_BYTES 2000

static const char *program = "crumb";

void log_program(const char *name)
{
    program = name;
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const words[] = {
        [LOG_ERROR] = "error: ",
        [LOG_WARNING] = "warning: ",
        [LOG_NOTICE] = "",
    };
    char text[LOG_TEXT_BYTES];
    char line[4 * LOG_TEXT_BYTES + 64]; /* an escaped byte takes four */
    struct buf out = buf_over(line, sizeof line);
    va_list args;
    int n;
    ssize_t ignored;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        return;
    if ((size_t)n >= sizeof text)
        n = (int)sizeof text - 1;
    buf_addf(&out, "%s: %s", program, words[level]);
    utf8_add_printable(&out, str_from(text, (size_t)n));
    buf_add_char(&out, '\n');
    ignored = write(STDERR_FILENO, out.p, out.n); /* nowhere left to report a failure to */
    (void)ignored;
}
