#include "api/text.h"

#include "core/sha256.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ctvk_text_model_close(ctvk_text_model *model)
{
    if (!model)
        return;
    const ctvk_host *host = &model->context->host;
    ctvk_free(host, model->ids);
    ctvk_tokenizer_destroy(&model->tokenizer);
    ctvk_gguf_close(&model->file);
    pthread_mutex_destroy(&model->lock);
    ctvk_free(host, model->path);
    ctvk_free(host, model);
}

/* The bundle's encoder_file in the bundle's folder, else in the data folder. path: OWNED. */
static ctvk_status search(const ctvk_bundle *bundle, const char *data_folder, char **path, ctvk_error *error)
{
    const ctvk_host *host = &bundle->context->host;
    const ctvk_manifest *m = &bundle->files->manifest;
    ctvk_file_identity identity;
    char place[CTVK_MAX_PATH + 512] = "";
    /* A name that leaves the bundle's folder is refused at open; here it may merely not be there. */
    if (ctvk_bundle_path(bundle->files, m->encoder_file, place, sizeof place, NULL) != CTVK_OK ||
        ctvk_file_identity_of(place, &identity) != 0) {
        snprintf(place, sizeof place, "%s/%s", data_folder, m->encoder_file);
        if (!*data_folder || ctvk_file_identity_of(place, &identity) != 0)
            return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                             "language model %s: neither in the bundle's folder nor in %s (name the file with --llm, or copy it there; its "
                             "SHA-256 is %s)",
                             m->encoder_file, *data_folder ? data_folder : "a data folder, since none was given", m->encoder_sha256);
    }
    *path = ctvk_strndup(host, place, strlen(place));
    return *path ? CTVK_OK : ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "language model: no host memory (close other programs)");
}

static ctvk_status find_file(ctvk_context *context, const ctvk_bundle *bundle, const ctvk_text_model_desc *desc, char **path,
                             ctvk_error *error)
{
    const ctvk_host *host = &context->host;
    char *data_folder = NULL;
    *path = NULL;
    if (bundle && !bundle->files->manifest.has_encoder)
        return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                         "bundle \"%s\": it names no language model (use a cached prompt or an embedding, see inspect)",
                         bundle->files->manifest.name);
    ctvk_status status = ctvk_copy_text(host, desc->path.data, desc->path.length, CTVK_MAX_PATH, "language model", path, error);
    if (status != CTVK_OK || **path)
        return status;
    ctvk_free(host, *path);
    *path = NULL;
    if (!bundle)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "language model: neither a file nor a bundle was given (name the file)");
    status = ctvk_copy_text(host, desc->data_folder.data, desc->data_folder.length, CTVK_MAX_PATH, "data folder", &data_folder, error);
    if (status == CTVK_OK)
        status = search(bundle, data_folder, path, error);
    ctvk_free(host, data_folder);
    return status;
}

/* Width and layer count against the manifest; its hash takes a whole read and is left to the job. */
static ctvk_status check_fit(const ctvk_text_model *model, const ctvk_bundle *bundle, ctvk_error *error)
{
    const ctvk_manifest *m = &bundle->files->manifest;
    const char *label = ctvk_gguf_label(model->file);
    if (model->desc.width != m->text_dim)
        return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                         "language model %s: width %d, the bundle \"%s\" was made with %s of width %d (take that one)", label,
                         model->desc.width, m->name, m->encoder_file, m->text_dim);
    if (m->encoder_layers && model->desc.layers != m->encoder_layers)
        return ctvk_fail(error, CTVK_ERROR_BUNDLE,
                         "language model %s: %d layers, the bundle \"%s\" was made with %s of %d layers (take that one)", label,
                         model->desc.layers, m->name, m->encoder_file, m->encoder_layers);
    return CTVK_OK;
}

static ctvk_status read_file(ctvk_text_model *model, const ctvk_bundle *bundle, ctvk_error *error)
{
    const ctvk_host *host = &model->context->host;
    ctvk_status failure = bundle ? CTVK_ERROR_BUNDLE : CTVK_ERROR_INPUT;
    if (ctvk_file_identity_of(model->path, &model->identity) != 0)
        return ctvk_fail(error, failure, "language model %s: %s (name a GGUF file that can be read)", model->path, strerror(errno));
    ctvk_status status = ctvk_gguf_open(host, model->path, failure, &model->file, error);
    if (status == CTVK_OK)
        status = ctvk_tokenizer_create(host, model->file, &model->tokenizer, error);
    /* A file without any tensor is a vocabulary: enough to tokenise with. */
    if (status != CTVK_OK || (!bundle && ctvk_gguf_tensor_count(model->file) == 0))
        return status;
    status = ctvk_llama_describe(model->file, &model->desc, error);
    model->has_network = status == CTVK_OK;
    return status == CTVK_OK && bundle ? check_fit(model, bundle, error) : status;
}

ctvk_status ctvk_text_model_open(ctvk_context *context, ctvk_bundle *bundle, const ctvk_text_model_desc *desc, ctvk_text_model **out)
{
    ctvk_text_model_desc d = CTVK_TEXT_MODEL_DESC_INIT;
    if (!context || !out)
        return CTVK_ERROR_ARGUMENT;
    *out = NULL;
    ctvk_error *error = &context->error;
    ctvk_status status =
        ctvk_take_struct(&d, sizeof d, desc, CTVK_UP_TO(ctvk_text_model_desc, data_folder), "language model description", error);
    if (status != CTVK_OK)
        return status;
    ctvk_text_model *model = ctvk_calloc(&context->host, 1, sizeof *model);
    if (!model || pthread_mutex_init(&model->lock, NULL) != 0) {
        ctvk_free(&context->host, model);
        return ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "language model: no host memory (close other programs)");
    }
    model->context = context;
    status = find_file(context, bundle, &d, &model->path, error);
    if (status == CTVK_OK)
        status = read_file(model, bundle, error);
    if (status != CTVK_OK) {
        ctvk_text_model_close(model);
        return status;
    }
    *out = model;
    return CTVK_OK;
}

ctvk_status ctvk_text_model_last_error(const ctvk_text_model *model, ctvk_text *message)
{
    static const ctvk_error none = {CTVK_ERROR_ARGUMENT, "language model: none was given (open one)"};
    return ctvk_give_error(model ? &model->error : &none, message);
}

ctvk_status ctvk_text_model_get_info(ctvk_text_model *model, ctvk_text_model_info *out)
{
    if (!model)
        return CTVK_ERROR_ARGUMENT;
    const ctvk_llama_desc *desc = &model->desc;
    ctvk_text_model_info info = {.struct_size = sizeof info,
                                 .layers = desc->layers,
                                 .width = desc->width,
                                 .feed_forward = desc->feed_forward,
                                 .heads = desc->heads,
                                 .kv_heads = desc->kv_heads,
                                 .vocabulary = (int32_t)ctvk_tokenizer_size(model->tokenizer),
                                 .bos = ctvk_tokenizer_bos(model->tokenizer),
                                 .bytes = model->identity.bytes,
                                 .file = ctvk_view(ctvk_gguf_label(model->file)),
                                 .path = ctvk_view(model->path)};
    return ctvk_give_struct(out, &info, sizeof info, CTVK_UP_TO(ctvk_text_model_info, path), "language model info", &model->error);
}

ctvk_status ctvk_text_model_tokenize(ctvk_text_model *model, const char *text, uint64_t length, const int32_t **ids, uint64_t *count)
{
    if (!model)
        return CTVK_ERROR_ARGUMENT;
    if (!ids || !count || (!text && length))
        return ctvk_fail(&model->error, CTVK_ERROR_ARGUMENT, "tokenize: no text or no place for its tokens (pass pointers)");
    int32_t *fresh = NULL;
    *ids = NULL;
    *count = 0;
    ctvk_status status = ctvk_tokenizer_encode(model->tokenizer, text ? text : "", length == CTVK_STRLEN ? strlen(text) : length, &fresh,
                                               count, &model->error);
    if (status != CTVK_OK)
        return status;
    ctvk_free(&model->context->host, model->ids);
    *ids = model->ids = fresh;
    return CTVK_OK;
}

/* Reads the mapped file: what is hashed is what is used. */
static ctvk_status read_hash(const ctvk_text_model *model, int32_t (*check)(void *user, double fraction), void *user, char sha256[65],
                             ctvk_error *error)
{
    enum { PIECE = 1 << 20 };
    uint64_t size;
    const uint8_t *bytes = ctvk_gguf_bytes(model->file, &size);
    uint8_t digest[32];
    ctvk_sha256 hash;
    ctvk_sha256_begin(&hash);
    for (uint64_t at = 0; at < size; at += PIECE) {
        ctvk_sha256_add(&hash, bytes + at, (size_t)(size - at < PIECE ? size - at : PIECE));
        if (check && check(user, (double)at / (double)size))
            return ctvk_fail(error, CTVK_CANCELLED, "language model %s: cancelled while it was checked (run it again)",
                             ctvk_gguf_label(model->file));
    }
    ctvk_sha256_end(&hash, digest);
    ctvk_sha256_hex(digest, sha256);
    return CTVK_OK;
}

ctvk_status ctvk_text_model_hash(ctvk_text_model *model, int32_t (*check)(void *user, double fraction), void *user, char sha256[65],
                                 ctvk_error *error)
{
    const ctvk_context *context = model->context;
    ctvk_file_identity now;
    ctvk_status status = CTVK_OK;
    pthread_mutex_lock(&model->lock);
    memcpy(sha256, model->sha256, sizeof model->sha256);
    pthread_mutex_unlock(&model->lock);
    if (sha256[0])
        return CTVK_OK;
    if (!ctvk_hash_record_find(&context->host, context->cache_folder, &model->identity, sha256)) {
        status = read_hash(model, check, user, sha256, error);
        /* A file that was written to meanwhile must not be remembered under either identity. */
        if (status == CTVK_OK && ctvk_file_identity_of(model->path, &now) == 0 && ctvk_file_identity_same(&now, &model->identity))
            ctvk_hash_record_add(&context->host, context->cache_folder, &now, sha256);
    }
    if (status != CTVK_OK)
        return status;
    pthread_mutex_lock(&model->lock);
    memcpy(model->sha256, sha256, sizeof model->sha256);
    pthread_mutex_unlock(&model->lock);
    return CTVK_OK;
}
