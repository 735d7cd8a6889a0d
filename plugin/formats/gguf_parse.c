#include "formats/gguf_internal.h"

#include <inttypes.h>
#include <string.h>

/* Source of the layout: the GGUF specification (ggml, docs/gguf.md): "GGUF", version, counts, metadata, tensor entries, padding, data.
 * Limits are ours, far above real files: the largest vocabularies take about 20 MB, the largest models have some thousand tensors. */
#define MAX_HEADER ((uint64_t)256 << 20)
#define MAX_ENTRIES 100000          /* of either kind */
#define LEAST_ENTRY (8 + 1 + 4 + 1) /* bytes of the shortest: key, type, value */
#define LEAST_TENSOR (8 + 1 + 4 + 8 + 4 + 8)
#define HEAD (4 + 4 + 8 + 8)

static ctvk_status check_version(ctvk_gguf_reader *r)
{
    uint32_t version = ctvk_gguf_u32(r->file->bytes + 4);
    if (version == 2 || version == 3)
        return CTVK_OK;
    if (version == 1)
        return ctvk_gguf_refuse(r, "convert the model again with a present llama.cpp", "GGUF version 1, which is given up");
    /* The numbers of a big-endian file, its version among them, stand the other way round. */
    if ((version & 0xffff) == 0 && version)
        return ctvk_gguf_refuse(r, "convert it with gguf_convert_endian.py of llama.cpp",
                                "a big-endian GGUF file; little-endian ones are read");
    return ctvk_gguf_refuse(r, "convert the model with a llama.cpp that writes version 3", "GGUF version %" PRIu32 "; 2 and 3 are read",
                            version);
}

/* Nothing is allocated for a count that the file has not the bytes for. */
static ctvk_status check_count(const ctvk_gguf_reader *r, const char *what, uint64_t count, uint64_t least)
{
    if (count > (r->file->size - HEAD) / least)
        return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "its %" PRIu64 " %s do not fit into the file", count, what);
    if (count > MAX_ENTRIES)
        return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "its %" PRIu64 " %s are more than %d", count, what, MAX_ENTRIES);
    return CTVK_OK;
}

static ctvk_status check_head(ctvk_gguf_reader *r)
{
    ctvk_gguf *f = r->file;
    if (f->size < 4 || memcmp(f->bytes, "GGUF", 4))
        return ctvk_gguf_refuse(r, "give a language model in llama.cpp's format", "no GGUF file");
    if (f->size < HEAD)
        return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "the file ends within its first %d bytes", HEAD);
    f->tensor_count = ctvk_gguf_u64(f->bytes + 8);
    f->entry_count = ctvk_gguf_u64(f->bytes + 16);
    r->at = HEAD;
    ctvk_status status = check_version(r);
    if (status == CTVK_OK)
        status = check_count(r, "tensors", f->tensor_count, LEAST_TENSOR);
    if (status == CTVK_OK)
        status = check_count(r, "keys", f->entry_count, LEAST_ENTRY);
    return status;
}

/* Source: the specification ("must be a multiple of 8") and llama.cpp (a power of two, of type UINT32). */
static ctvk_status read_alignment(ctvk_gguf_reader *r, uint64_t *out)
{
    static const char key[] = "general.alignment";
    const ctvk_gguf_value *value = ctvk_gguf_key(r->file, key);
    *out = 32;
    if (!value)
        return CTVK_OK;
    ctvk_gguf_about(r, "key", (ctvk_text){key, sizeof key - 1});
    if (value->type != CTVK_GGUF_UINT32)
        return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "its value has type %" PRIu32 " instead of UINT32", value->type);
    *out = ctvk_gguf_u32(value->data);
    if (*out < 8 || (*out & (*out - 1)))
        return ctvk_gguf_refuse(r, CTVK_GGUF_DAMAGED, "%" PRIu64 " is no power of two from 8 on", *out);
    return CTVK_OK;
}

/* One file of several lacks tensors of the model: said here by what it is, not later by the first tensor that is missing. */
static ctvk_status refuse_parts(ctvk_gguf_reader *r)
{
    static const char key[] = "split.count";
    int64_t parts;
    if (ctvk_gguf_integer(r->file, key, 2, INT64_MAX, &parts))
        return CTVK_OK;
    ctvk_gguf_about(r, "key", (ctvk_text){key, sizeof key - 1});
    return ctvk_gguf_refuse(r, "join them with llama-gguf-split --merge", "the file is one of %" PRId64 " parts of a model", parts);
}

ctvk_status ctvk_gguf_check(ctvk_gguf *file, ctvk_error *error)
{
    ctvk_gguf_reader r = {.file = file, .error = error, .end = file->size < MAX_HEADER ? file->size : MAX_HEADER};
    uint64_t alignment;
    ctvk_status status = check_head(&r);
    if (status != CTVK_OK)
        return status;
    file->entries = ctvk_calloc(file->host, (size_t)file->entry_count, sizeof *file->entries);
    file->tensors = ctvk_calloc(file->host, (size_t)file->tensor_count, sizeof *file->tensors);
    file->names = ctvk_calloc(file->host, (size_t)file->tensor_count, CTVK_GGUF_NAME_ROOM);
    if (!file->entries || !file->tensors || !file->names)
        return ctvk_gguf_no_memory(&r);
    status = ctvk_gguf_parse_entries(&r);
    if (status == CTVK_OK)
        status = read_alignment(&r, &alignment);
    if (status == CTVK_OK)
        status = refuse_parts(&r);
    if (status == CTVK_OK)
        status = ctvk_gguf_parse_tensors(&r, alignment);
    return status;
}
