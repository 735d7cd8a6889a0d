/* Reading a large image, and writing on its grid, with progress: fractions rise, the host is asked often, and a cancel at any time ends it
 * at once and leaves nothing. The files unpack to some 100 MB each; packed ones are tiny. */
#include "abi/arena.h"

#include <errno.h>
#include <math.h>
#include <nifti1.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum { NX = 512, NY = 512, NZ = 200 };

static abi_host host;
static arena memory;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void swap_bytes(void *value, size_t size)
{
    unsigned char *bytes = value;
    for (size_t i = 0; i < size / 2; i++) {
        unsigned char byte = bytes[i];
        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = byte;
    }
}

static nifti_1_header header_of(int16_t type, int16_t bits, int16_t planes)
{
    nifti_1_header h;
    memset(&h, 0, sizeof h);
    h.sizeof_hdr = 348;
    h.dim[0] = 3, h.dim[1] = NX, h.dim[2] = NY, h.dim[3] = planes;
    h.datatype = type;
    h.bitpix = bits;
    h.pixdim[1] = h.pixdim[2] = 0.7f, h.pixdim[3] = 1.5f;
    h.vox_offset = 352;
    h.scl_slope = 1;
    h.sform_code = 1;
    h.srow_x[0] = h.srow_y[1] = 0.7f;
    h.srow_z[2] = 1.5f;
    memcpy(h.magic, "n+1", 4);
    return h;
}

static void make_big_endian(nifti_1_header *h)
{
    swap_bytes(&h->sizeof_hdr, 4);
    for (int i = 0; i < 8; i++) {
        swap_bytes(&h->dim[i], 2);
        swap_bytes(&h->pixdim[i], 4);
    }
    swap_bytes(&h->datatype, 2);
    swap_bytes(&h->bitpix, 2);
    swap_bytes(&h->vox_offset, 4);
    swap_bytes(&h->scl_slope, 4);
    swap_bytes(&h->sform_code, 2);
    swap_bytes(&h->srow_x[0], 4);
    swap_bytes(&h->srow_y[1], 4);
    swap_bytes(&h->srow_z[2], 4);
}

/* voxels of one value (0 in the first plane, `word` in others), header included. mode: of gzopen; "wb" + "T" is plain. */
static void write_file(const char *path, const char *mode, const nifti_1_header *h, size_t plane_bytes, int planes)
{
    gzFile file = gzopen(path, mode);
    unsigned char *plane = calloc(1, plane_bytes);
    const char none[4] = {0};
    REQUIRE(file && plane);
    REQUIRE(gzwrite(file, h, sizeof *h) == (int)sizeof *h && gzwrite(file, none, 4) == 4);
    for (int k = 0; k < planes; k++) {
        plane[k] = (unsigned char)k; /* planes differ, by a small number in any type */
        REQUIRE(gzwrite(file, plane, (unsigned)plane_bytes) == (int)plane_bytes);
    }
    REQUIRE(gzclose(file) == Z_OK);
    free(plane);
}

/* Empty members of gzip in a row: much to read, and nothing comes of it. */
static void write_empty_members(const char *path, const nifti_1_header *h)
{
    unsigned char member[64];
    z_stream z = {0};
    REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_out = member;
    z.avail_out = sizeof member;
    REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
    size_t size = sizeof member - z.avail_out;
    deflateEnd(&z);
    write_file(path, "wb1", h, 64, 1);
    FILE *file = fopen(path, "ab");
    REQUIRE(file != NULL);
    for (int i = 0; i < 400000; i++)
        REQUIRE(fwrite(member, size, 1, file) == 1);
    REQUIRE(fclose(file) == 0);
}

/* --- what the host is asked --- */

typedef struct watch {
    int calls, cancel_at; /* 0: never */
    int wrong;            /* fractions that fall, stages that are none */
    double last, asked, gap, since;
    const char *stage; /* NULL: "read" */
} watch;

static int32_t on_progress(void *user, double fraction, const char *stage)
{
    watch *w = user;
    double time = now();
    w->wrong += !(fraction >= w->last && fraction <= 1) || strcmp(stage, w->stage ? w->stage : "read") != 0;
    w->gap = fmax(w->gap, time - w->since);
    w->since = time;
    w->last = fraction;
    if (++w->calls != w->cancel_at)
        return 0;
    w->asked = time;
    return 1;
}

static int mappings(const char *path)
{
    char line[2048];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    REQUIRE(maps != NULL);
    while (fgets(line, sizeof line, maps))
        count += strstr(line, path) != NULL;
    fclose(maps);
    return count;
}

static void cancel_at(const char *path, int call)
{
    watch w = {.cancel_at = call, .since = now()};
    ctvk_image_file *image = (ctvk_image_file *)&w;
    ctvk_text message = CTVK_TEXT_INIT;
    const char *folder = abi_path("image", NULL);
    long live = atomic_load(&memory.live);
    int files = abi_entries("/proc/self/fd"), there = abi_entries(folder);
    ctvk_status status = host.images->open_with_progress(host.context, path, CTVK_STRLEN, on_progress, &w, &image);
    double waited = now() - w.asked;
    CHECK_MSG(status == CTVK_CANCELLED && image == NULL && w.calls == call, "call %d of %s: %d after %d calls", call, path, status,
              w.calls);
    CHECK_MSG(waited < 1, "call %d of %s: cancelled after %.2f s", call, path, waited);
    CHECK(host.contexts->last_error(host.context, &message) == CTVK_CANCELLED && abi_well_formed(&message) &&
          strstr(message.data, "cancelled"));
    CHECK_MSG(atomic_load(&memory.live) == live, "%ld blocks are left", atomic_load(&memory.live) - live);
    CHECK(abi_entries("/proc/self/fd") == files && abi_entries(folder) == there && mappings(path) == 0);
}

/* Read whole, then cancelled at its first call, at its last and at some between. least: calls of a whole reading. */
static void check_file(const char *path, ctvk_scalar type, int planes, int least)
{
    watch w = {.since = now()};
    ctvk_image_file *image = NULL, *plain = NULL;
    ctvk_volume volume = CTVK_VOLUME_INIT, same = CTVK_VOLUME_INIT;
    double begin = now();
    REQUIRE(host.images->open_with_progress(host.context, path, CTVK_STRLEN, on_progress, &w, &image) == CTVK_OK);
    printf("%s: %d calls, %.2f s, at most %.3f s between two\n", strrchr(path, '/') + 1, w.calls, now() - begin, w.gap);
    CHECK_MSG(w.calls >= least && w.wrong == 0 && w.gap < 1, "%s: %d calls, %d wrong, %.2f s between two", path, w.calls, w.wrong, w.gap);
    CHECK(host.images->volume(image, &volume) == CTVK_OK && volume.type == type && volume.dim[2] == planes);
    REQUIRE(host.images->open_with_progress(host.context, path, CTVK_STRLEN, NULL, NULL, &plain) == CTVK_OK);
    CHECK(host.images->volume(plain, &same) == CTVK_OK && strcmp(same.sha256.data, volume.sha256.data) == 0 && volume.sha256.length == 64);
    size_t voxel = type == CTVK_SCALAR_FLOAT32 ? 4 : type == CTVK_SCALAR_INT16 ? 2 : 1;
    CHECK(memcmp(volume.data, same.data, abi_voxels(&volume) * voxel) == 0);
    host.images->destroy(plain);
    host.images->destroy(image);
    const int calls[] = {1, 2, w.calls / 3, w.calls / 2, w.calls - 1, w.calls};
    for (int i = 0; i < 6; i++)
        cancel_at(path, calls[i]);
}

/* Voxels that pack badly. */
static void *noise(size_t bytes)
{
    uint32_t *words = malloc(bytes);
    REQUIRE(words != NULL);
    for (size_t i = 0, word = 1; i < bytes / 4; i++)
        words[i] = (uint32_t)(word = (word * 1664525 + 1013904223) & 0xffffffff) >> 8;
    return words;
}

static ctvk_status write_volumes(ctvk_image_file *image, int float_volumes, const char *path, const void *values)
{
    return float_volumes ? host.images->write_probability(image, path, CTVK_STRLEN, (uint32_t)float_volumes, values, NULL)
                         : host.images->write_labels(image, path, CTVK_STRLEN, values, NULL);
}

/* Whole, then cancelled here and there: what stood at the path stands there still. */
static void check_writing(ctvk_image_file *image, int float_volumes, const char *path, const void *values, int least)
{
    watch w = {.since = now(), .stage = "write"};
    const char *folder = abi_path("image", NULL);
    CHECK(host.images->watch_writing(image, on_progress, &w) == CTVK_OK);
    REQUIRE(write_volumes(image, float_volumes, path, values) == CTVK_OK);
    printf("%s: %d calls, at most %.3f s between two\n", strrchr(path, '/') + 1, w.calls, w.gap);
    CHECK_MSG(w.calls >= least && w.wrong == 0 && w.gap < 1, "%s: %d calls, %d wrong, %.2f s between two", path, w.calls, w.wrong, w.gap);
    const int calls[] = {1, w.calls / 2, w.calls};
    long live = atomic_load(&memory.live);
    for (int i = 0; i < 3; i++) {
        struct stat before, after;
        ctvk_text message = CTVK_TEXT_INIT;
        watch c = {.cancel_at = calls[i], .since = now(), .stage = "write"};
        int there = abi_entries(folder);
        REQUIRE(stat(path, &before) == 0 && host.images->watch_writing(image, on_progress, &c) == CTVK_OK);
        ctvk_status status = write_volumes(image, float_volumes, path, values);
        CHECK_MSG(status == CTVK_CANCELLED && c.calls == calls[i] && now() - c.asked < 1, "call %d of %s: %d after %d calls, %.2f s",
                  calls[i], path, status, c.calls, now() - c.asked);
        CHECK(host.images->last_error(image, &message) == CTVK_CANCELLED && abi_well_formed(&message));
        CHECK(stat(path, &after) == 0 && after.st_ino == before.st_ino && after.st_size == before.st_size);
        CHECK(abi_entries(folder) == there && atomic_load(&memory.live) == live);
    }
    /* Nobody is asked any more. */
    w.calls = 0;
    CHECK(host.images->watch_writing(image, NULL, NULL) == CTVK_OK && write_volumes(image, float_volumes, path, values) == CTVK_OK &&
          w.calls == 0);
    unlink(path);
}

static void check_write(const char *folder, const char *source)
{
    char path[2][1100];
    ctvk_image_file *image = NULL;
    REQUIRE(host.images->open(host.context, source, CTVK_STRLEN, &image) == CTVK_OK);
    void *values = noise((size_t)NX * NY * (NZ / 2) * 4);
    snprintf(path[0], sizeof path[0], "%s/labels.nii.gz", folder);
    snprintf(path[1], sizeof path[1], "%s/probability.nii", folder);
    check_writing(image, 0, path[0], values, 25);
    check_writing(image, 1, path[1], values, 100);
    CHECK(host.images->watch_writing(NULL, on_progress, NULL) == CTVK_ERROR_ARGUMENT);
    free(values);
    host.images->destroy(image);
}

int main(void)
{
    ctvk_context_desc desc = CTVK_CONTEXT_DESC_INIT;
    desc.alloc = host_alloc;
    desc.free = host_free;
    desc.alloc_user = &memory;
    abi_tables(&host);
    REQUIRE(host.contexts->create(&desc, &host.context) == CTVK_OK);
    char folder[1024], path[4][1100];
    snprintf(folder, sizeof folder, "%s", abi_path("image", NULL));
    REQUIRE(mkdir(folder, 0777) == 0 || errno == EEXIST);
    const char *const names[4] = {"int16.nii.gz", "big-endian.nii.gz", "float32.nii", "members.nii.gz"};
    for (int i = 0; i < 4; i++)
        snprintf(path[i], sizeof path[i], "%s/%s", folder, names[i]);
    nifti_1_header h = header_of(DT_INT16, 16, NZ), swapped = header_of(DT_FLOAT32, 32, NZ / 2), f = swapped,
                   small = header_of(DT_UINT8, 8, 1);
    small.dim[1] = small.dim[2] = 8;
    make_big_endian(&swapped);
    write_file(path[0], "wb1", &h, (size_t)NX * NY * 2, NZ);
    write_file(path[1], "wb1", &swapped, (size_t)NX * NY * 4, NZ / 2);
    write_file(path[2], "wbT", &f, (size_t)NX * NY * 4, NZ / 2);
    write_empty_members(path[3], &small);
    /* A look at least at every 2 MiB: of 100 MiB that are read and looked through, and of the file where that is not packed. */
    check_file(path[0], CTVK_SCALAR_INT16, NZ, 100);
    check_file(path[1], CTVK_SCALAR_FLOAT32, NZ / 2, 100);
    check_file(path[2], CTVK_SCALAR_FLOAT32, NZ / 2, 150);
    check_file(path[3], CTVK_SCALAR_UINT8, 1, 8);
    check_write(folder, path[2]);
    ctvk_image_file *none = (ctvk_image_file *)&memory;
    CHECK(host.images->open_with_progress(NULL, path[0], CTVK_STRLEN, on_progress, NULL, &none) == CTVK_ERROR_ARGUMENT);
    CHECK(host.images->open_with_progress(host.context, NULL, 0, NULL, NULL, &none) == CTVK_ERROR_ARGUMENT && !none);
    CHECK(host.images->open_with_progress(host.context, path[0], CTVK_STRLEN, NULL, NULL, NULL) == CTVK_ERROR_ARGUMENT);
    for (int i = 0; i < 4; i++)
        unlink(path[i]);
    host.contexts->destroy(host.context);
    CHECK(atomic_load(&memory.live) == 0 && atomic_load(&memory.foreign) == 0);
    return check_done("image");
}
