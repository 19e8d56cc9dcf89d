/* tap.h: the few lines that every test shares.  Output is TAP, which prove reads; the exit status tells as well. */
#ifndef TAP_H
#define TAP_H

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_run, tap_failed;

/* One check: its name is a printf format.  Returns ok, so that a test can stop asking. */
__attribute__((unused, format(printf, 2, 3)))
static int ok(int good, const char *format, ...)
{
    va_list list;
    printf("%s %d - ", good ? "ok" : "not ok", ++tap_run);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
    tap_failed += !good;
    fflush(stdout);
    return good;
}

__attribute__((unused, format(printf, 1, 2)))
static void skip(const char *format, ...)
{
    va_list list;
    printf("ok %d # SKIP ", ++tap_run);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
}

__attribute__((unused))
static int tap_end(void)
{
    printf("1..%d\n", tap_run);
    return tap_failed != 0;
}

#endif
