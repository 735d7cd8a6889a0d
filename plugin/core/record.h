/* core/record.h - a small text file of lines "KEY VALUE" in the cache folder, the newest first: what was found out before. It is written
 * whole or not at all. A record that is damaged, or of another format, is none; one that cannot be written changes nothing. */
#ifndef CTVK_CORE_RECORD_H
#define CTVK_CORE_RECORD_H

#include "core/host.h"

enum { CTVK_RECORD_LINE = 320, CTVK_RECORD_LINES = 64 };

typedef struct ctvk_record {
    const char *folder;  /* the cache folder; "" or NULL: no record */
    const char *name;    /* of the file in it */
    const char *heading; /* the first line, with the format's version and its newline */
} ctvk_record;

/* The value of a key (which ends with a space): what stands behind it on its line. 1: found; 0: not there, or longer than size - 1 bytes.
 * [any thread] */
int ctvk_record_find(const ctvk_host *host, const ctvk_record *record, const char *key, char *value, size_t size);
/* Puts the line first and drops older ones of the same key, and the oldest. key and value: one line of CTVK_RECORD_LINE bytes. [any
 * thread]: of two at the same time one stays */
void ctvk_record_add(const ctvk_host *host, const ctvk_record *record, const char *key, const char *value);

#endif
