/* core/hash_record.h - hashes of large files that were computed before, by the file's identity: a language model of 4 GB is not read
 * whole at every start. The record holds no path and no name. */
#ifndef CTVK_CORE_HASH_RECORD_H
#define CTVK_CORE_HASH_RECORD_H

#include "core/host.h"

/* What changes when a file is written, replaced or touched: device, inode, bytes, times of change (content and status). */
typedef struct ctvk_file_identity {
    uint64_t device, inode, bytes;
    int64_t modified[2], changed[2]; /* seconds, nanoseconds */
} ctvk_file_identity;

/* 0, or -1 where there is no such file. */
int ctvk_file_identity_of(const char *path, ctvk_file_identity *out);
int ctvk_file_identity_same(const ctvk_file_identity *a, const ctvk_file_identity *b);
/* folder: the cache folder, "" or NULL: no record. 1: sha256 was set; 0: not known, or the record is damaged. */
int ctvk_hash_record_find(const ctvk_host *host, const char *folder, const ctvk_file_identity *identity, char sha256[65]);
/* Adds a line, the newest first, and drops the oldest. A record that cannot be written is not there: nothing fails. */
void ctvk_hash_record_add(const ctvk_host *host, const char *folder, const ctvk_file_identity *identity, const char *sha256);

#endif
