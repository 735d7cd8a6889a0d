/* core/error.h - one error record, filled where a failure is seen, carried up unchanged. */
#ifndef CTVK_CORE_ERROR_H
#define CTVK_CORE_ERROR_H

#include "ctvk/types.h"

/* message reads "WHAT: WHY (WHAT TO DO)", UTF-8, one line, always terminated. */
typedef struct ctvk_error {
    ctvk_status status;
    char message[1024];
} ctvk_error;

#if defined(__GNUC__)
#define CTVK_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define CTVK_PRINTF(f, a)
#endif

/* Writes status and message into error (may be NULL) and returns status, so that a function ends with
 * `return ctvk_fail(error, CTVK_ERROR_INPUT, "%s: %s (%s)", what, why, remedy);`.
 * The text is cleaned as by ctvk_text_clean. */
ctvk_status ctvk_fail(ctvk_error *error, ctvk_status status, const char *format, ...) CTVK_PRINTF(3, 4);
#if defined(__clang_analyzer__)
/* clang-tidy sees one file at a time: it must be told that a failure returns the status that it was given. */
#define ctvk_fail(error, status, ...) ((void)ctvk_fail(error, status, __VA_ARGS__), (ctvk_status)(status))
#endif

/* In place: control bytes become spaces or '?', bytes that are no UTF-8 become '?', so that any text from a file can be shown as one line.
 */
void ctvk_text_clean(char *line);

/* "CTVK_OK", "CTVK_ERROR_INPUT", ...; "CTVK_UNKNOWN" for a number that is none. */
const char *ctvk_status_text(ctvk_status status);

#endif
