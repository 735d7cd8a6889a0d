#include "api/api.h"

#include "core/checked.h"

#include <string.h>

static ctvk_status image_open_with_progress(ctvk_context *context, const char *path, uint64_t length, ctvk_progress_fn progress, void *user,
                                            ctvk_image_file **out)
{
    if (!context)
        return CTVK_ERROR_ARGUMENT;
    if (!out)
        return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "image: no place for it (pass a pointer)");
    *out = NULL;
    char *name;
    ctvk_status status = ctvk_copy_path(&context->host, path, length, "image", &name, &context->error);
    if (status != CTVK_OK)
        return status;
    ctvk_image_file *image = ctvk_calloc(&context->host, 1, sizeof *image);
    if (!image)
        status = ctvk_fail(&context->error, CTVK_ERROR_HOST_MEMORY, "image: no host memory (close other programs)");
    else
        status = ctvk_image_read(&context->host, name, progress, user, &image->image, &context->error);
    ctvk_free(&context->host, name);
    if (status != CTVK_OK) {
        ctvk_free(&context->host, image);
        return status;
    }
    image->context = context;
    *out = image;
    return CTVK_OK;
}

static ctvk_status image_open(ctvk_context *context, const char *path, uint64_t length, ctvk_image_file **out)
{
    return image_open_with_progress(context, path, length, NULL, NULL, out);
}

static void image_destroy(ctvk_image_file *image)
{
    if (!image)
        return;
    ctvk_image_free(&image->context->host, &image->image);
    ctvk_free(&image->context->host, image);
}

static ctvk_status image_last_error(const ctvk_image_file *image, ctvk_text *message)
{
    static const ctvk_error none = {CTVK_ERROR_ARGUMENT, "image: none was given (open one)"};
    return ctvk_give_error(image ? &image->error : &none, message);
}

static ctvk_status image_volume(ctvk_image_file *image, ctvk_volume *out)
{
    if (!image)
        return CTVK_ERROR_ARGUMENT;
    const ctvk_image *source = &image->image;
    ctvk_volume volume = CTVK_VOLUME_INIT;
    volume.type = source->type;
    volume.data = source->data;
    memcpy(volume.dim, source->dim, sizeof volume.dim);
    for (int row = 0; row < 3; row++)
        memcpy(volume.affine + row * 4, source->affine[row], sizeof source->affine[row]);
    volume.convention = CTVK_RAS;
    volume.slope = source->slope;
    volume.intercept = source->intercept;
    volume.sha256 = ctvk_view(source->sha256);
    return ctvk_give_struct(out, &volume, sizeof volume, CTVK_UP_TO(ctvk_volume, sha256), "volume", &image->error);
}

static ctvk_status write_volumes(ctvk_image_file *image, const char *path, uint64_t length, ctvk_scalar type, uint32_t volumes,
                                 const void *values, const ctvk_text *comment)
{
    char *name = NULL, *text = NULL;
    if (!image)
        return CTVK_ERROR_ARGUMENT;
    const ctvk_host *host = &image->context->host;
    if (!values || volumes < 1 || volumes > CTVK_MAX_CLASSES)
        return ctvk_fail(&image->error, CTVK_ERROR_ARGUMENT, "output: no voxels to write (give them)");
    ctvk_status status = ctvk_copy_path(host, path, length, "output", &name, &image->error);
    if (status == CTVK_OK && comment)
        status = ctvk_copy_text(host, comment->data, comment->length, 1 << 20, "comment", &text, &image->error);
    if (status == CTVK_OK)
        status = ctvk_image_write(host, name, &image->image, type, (int32_t)volumes, values, text && *text ? text : NULL, image->writing,
                                  image->writing_user, &image->error);
    ctvk_free(host, text);
    ctvk_free(host, name);
    return status;
}

static ctvk_status image_write_labels(ctvk_image_file *image, const char *path, uint64_t length, const uint8_t *labels,
                                      const ctvk_text *comment)
{
    return write_volumes(image, path, length, CTVK_SCALAR_UINT8, 1, labels, comment);
}

static ctvk_status image_write_probability(ctvk_image_file *image, const char *path, uint64_t length, uint32_t classes, const float *values,
                                           const ctvk_text *comment)
{
    return write_volumes(image, path, length, CTVK_SCALAR_FLOAT32, classes, values, comment);
}

static ctvk_status image_write_tensor(ctvk_context *context, const char *path, uint64_t length, const char *name, uint32_t rank,
                                      const uint64_t *shape, const float *values)
{
    char *file;
    if (!context)
        return CTVK_ERROR_ARGUMENT;
    if (!name || !*name || rank < 1 || rank > 8 || !shape || !values)
        return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "tensor: name, shape or values are missing (rank 1 to 8)");
    ctvk_st_write tensor = {.name = name, .rank = (int32_t)rank, .data = values};
    uint64_t bytes = sizeof *values;
    for (uint32_t i = 0; i < rank; i++) {
        tensor.shape[i] = shape[i];
        if (ctvk_mul_u64(bytes, shape[i], &bytes))
            return ctvk_fail(&context->error, CTVK_ERROR_ARGUMENT, "tensor %s: its shape overflows (give its true shape)", name);
    }
    ctvk_status status = ctvk_copy_path(&context->host, path, length, "output", &file, &context->error);
    if (status == CTVK_OK)
        status = ctvk_safetensors_write(&context->host, file, &tensor, 1, &context->error);
    ctvk_free(&context->host, file);
    return status;
}

static ctvk_status image_comment(ctvk_image_file *image, ctvk_text *out)
{
    if (!image || !out)
        return CTVK_ERROR_ARGUMENT;
    *out = ctvk_view(image->image.comment);
    return CTVK_OK;
}

static ctvk_status image_watch_writing(ctvk_image_file *image, ctvk_progress_fn progress, void *user)
{
    if (!image)
        return CTVK_ERROR_ARGUMENT;
    image->writing = progress;
    image->writing_user = user;
    return CTVK_OK;
}

const ctvk_image_api ctvk_image_table = {
    .struct_size = sizeof(ctvk_image_api),
    .open = image_open,
    .destroy = image_destroy,
    .last_error = image_last_error,
    .volume = image_volume,
    .write_labels = image_write_labels,
    .write_probability = image_write_probability,
    .write_tensor = image_write_tensor,
    .comment = image_comment,
    .open_with_progress = image_open_with_progress,
    .watch_writing = image_watch_writing,
};
