/* core/file.h - a file that appears whole or not at all: written beside its place under a temporary name, renamed when complete. */
#ifndef CTVK_CORE_FILE_H
#define CTVK_CORE_FILE_H

#include "core/host.h"

typedef struct ctvk_file ctvk_file;

/* Creates the temporary file in path's own folder, so that the rename cannot cross file systems. CTVK_ERROR_OUTPUT names path. */
ctvk_status ctvk_file_begin(const ctvk_host *host, const char *path, ctvk_file **out, ctvk_error *error);
ctvk_status ctvk_file_write(ctvk_file *file, const void *data, uint64_t bytes, ctvk_error *error);
/* Flushes to disk, renames, frees. On failure nothing is left and what stood at path stands there still. *file is NULL afterwards. */
ctvk_status ctvk_file_commit(ctvk_file **file, ctvk_error *error);
/* Removes the temporary file and frees. NULL is fine. */
void ctvk_file_abandon(ctvk_file **file);

#endif
