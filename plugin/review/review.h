/* review/review.h - the pieces of `ctvk review`: a CT and label maps on its grid become one HTML file that needs nothing else.
 *
 * Volumes are given to the page in its own order, "page voxels": along axis 0 to the patient's left, 1 to the back, 2 to the feet, so that
 * rows and columns of all three planes are drawn as they lie. Nothing is resampled for it: axes are exchanged and turned round. */
#ifndef CTVK_REVIEW_REVIEW_H
#define CTVK_REVIEW_REVIEW_H

#include "cli/cli.h"

#include <cJSON.h>
#define ZLIB_CONST /* what zlib reads is const */
#include <zlib.h>

/* What the page may take: mail and hospital archives often stop at 15 MB, of 10^6 bytes. */
#define REVIEW_MAX_BYTES 15000000

/* --- grid.c --- */
typedef struct review_grid {
    int64_t dim[3];
    double spacing[3];  /* mm */
    double to_ras[12];  /* 3 x 4: page voxel -> RAS millimetres */
    double tilt, skew;  /* degrees: of the axes from the patient's; of two axes from a right angle */
    const char *origin; /* page voxel (0, 0, 0). VIEW of the image */
    int64_t stride[3];  /* bytes, any sign */
    ctvk_scalar type;
    double slope, intercept;
} review_grid;
/* volume: of ctvk.image, whose affine is RAS and not singular. */
void review_grid_of(const ctvk_volume *volume, review_grid *out);
/* The largest distance between two places of a voxel, mm; below 0: other dimensions. */
double review_grid_shift(const review_grid *a, const review_grid *b);
/* dim[0] values along axis 0 at (j, k): HU, or labels. */
void review_read_row(const review_grid *grid, int64_t j, int64_t k, float *out);

/* --- pack.c: bytes through zlib (RFC 1950) into memory, up to a limit --- */
typedef struct review_block {
    uint8_t *data; /* OWNED: review_block_free */
    size_t size;
} review_block;
typedef struct review_packer {
    z_stream stream;
    review_block block;
    size_t limit;
} review_packer;
enum { REVIEW_PACKED, REVIEW_TOO_LARGE, REVIEW_NO_MEMORY };
/* strategy: of zlib. After REVIEW_NO_MEMORY nothing is to be given back. */
int review_pack_begin(review_packer *packer, int strategy, size_t limit);
int review_pack_add(review_packer *packer, const uint8_t *bytes, size_t count);
/* Moves the block to out; whatever it returns, the packer holds nothing afterwards. result: of the calls before. */
int review_pack_end(review_packer *packer, int result, review_block *out);
void review_block_free(review_block *block);
/* base64 (RFC 4648) in one line. */
void review_write_base64(FILE *file, const review_block *block);

/* --- ct.c: one byte a voxel, a code of HU --- */
enum { REVIEW_MAX_LEVELS = 256 };
typedef struct review_ct {
    review_grid grid;
    int64_t dim[3];     /* of what is kept, at most the grid's: averaged where the page would be too large */
    review_block block; /* predicted codes, axis 0 fastest */
} review_ct;
/* HU that each code stands for. Returns how many codes there are. */
int32_t review_levels(double out[REVIEW_MAX_LEVELS]);
/* grid is set; limit: bytes of the block, a megabyte or more. Returns an exit code. */
int review_ct_pack(review_ct *ct, size_t limit);

/* --- labels.c --- */
enum { REVIEW_MAX_MAPS = 8, REVIEW_MAX_STRUCTURES = 255, REVIEW_MAX_VALUE = 65535 };
typedef struct review_structure {
    int32_t value;
    int32_t code;             /* in the block; the background's is 0 */
    char name[256], color[8]; /* "" where the file has none */
    uint64_t voxels;
    int64_t low[3], high[3]; /* page voxels, both inside */
    double sum[3];           /* of their indices */
} review_structure;
typedef struct review_map {
    const char *path, *name; /* VIEW of the command line; name NULL: none given */
    ctvk_image_file *image;
    review_grid grid;
    review_structure *structures; /* OWNED; once packed, by growing values */
    int32_t count;
    review_block block;
} review_map;
/* Names and colours of a JSON object as ctvk.result's label_json, for values that have none yet; any other text names nothing. */
void review_names(review_map *map, const cJSON *object);
/* Reads every voxel. Returns an exit code. */
int review_map_pack(review_map *map, size_t limit);
/* Every structure of all maps gets a colour: its file's where none before it looks alike, else the palette's that is farthest from those.
 */
void review_colors(review_map *maps, int32_t count);

/* --- report.c --- */
/* Reads and checks a report of ctvk segment. *out: cJSON, OWNED. Returns an exit code. */
int review_report_read(const char *path, cJSON **out);
/* What of it the page shows: known keys alone, so that nothing else leaves the hospital with the page. */
cJSON *review_report_facts(const cJSON *report);

/* --- one call --- */
typedef struct review {
    cli_library library;
    cli_outputs outputs;
    const char *image_path, *report_path; /* VIEW of the command line; report_path may be NULL */
    const char *words, *words_path;       /* the prompt, or its file; VIEW of the command line, may be NULL */
    const char *model;                    /* the bundle whose template makes words of the fields; NULL: there are none */
    const char *fields[CLI_MAX_MANY];     /* NAME=VALUE. VIEW of the command line */
    int32_t field_count;
    ctvk_image_file *image;
    ctvk_volume volume;
    review_ct ct;
    review_map maps[REVIEW_MAX_MAPS];
    int32_t map_count;
    cJSON *report; /* NULL: none was given */
} review;

/* --- words.c --- */
/* Puts the words that were given, and the facts that they are made of, beside the report, whose hash the page holds the words against.
 * Returns an exit code. */
int review_add_words(review *r);

/* --- alerts.c: what a reader must know before the contours --- */
cJSON *review_alerts(const review *r);
/* What is as it should be and worth a line. */
cJSON *review_notes(const review *r);
/* The report is of another CT: an exit code and its line. */
int review_check_report(const review *r);

/* --- facts.c: all that the script of the page reads, but for voxels --- */
/* JSON. NULL: no memory. OWNED: cJSON_free. */
char *review_facts(const review *r);

/* --- page.c --- */
/* Bytes of a page without its voxels, facts included. */
size_t review_page_overhead(const char *facts);
/* Writes the staged file. Returns an exit code. */
int review_page_write(const char *path, const review *r, const char *facts);
/* Made at build from page.html, page.css and the scripts: what stands before and after the data. */
extern const unsigned char *const review_page_head, *const review_page_tail;
extern const size_t review_page_head_size, review_page_tail_size;

#endif
