/* api/evaluation.h - what the handle of "ctvk.evaluation" holds. */
#ifndef CTVK_API_EVALUATION_H
#define CTVK_API_EVALUATION_H

#include "api/api.h"
#include "metrics/compare.h"

#include <stdatomic.h>

enum { CTVK_MAX_LABELS = 255, CTVK_LABEL_VALUES = 65536, CTVK_MAX_TOLERANCES = 32 };

/* A label that occurs in a volume, or that the host named. */
typedef struct ctvk_seen_label {
    int32_t value;
    int64_t first[3], last[3]; /* the box of both masks, in voxels; first > last: neither has any */
    ctvk_overlap overlap;
    ctvk_scores scores; /* nsd is a place in the evaluation's */
    char *name;         /* OWNED; "": none */
    char *warning;      /* OWNED; NULL: none */
} ctvk_seen_label;

typedef struct ctvk_label_map {
    ctvk_volume_view view;
    char *name; /* in messages. OWNED */
} ctvk_label_map;

struct ctvk_evaluation {
    ctvk_context *context;
    ctvk_label_map map[2]; /* reference, prediction */
    double spacing[3];
    double tolerance[CTVK_MAX_TOLERANCES];
    uint32_t tolerance_count;
    ctvk_progress_fn progress;
    void *progress_user;
    atomic_int cancelled;
    atomic_uint millionths;

    ctvk_status status; /* CTVK_PENDING until the end */
    uint32_t scanned;   /* the first step is done */
    uint32_t next;      /* label */
    ctvk_seen_label label[CTVK_MAX_LABELS];
    uint32_t label_count;
    uint8_t place[CTVK_LABEL_VALUES]; /* of a value among the labels, from 1; 0: not seen */
    double *nsd;                      /* [CTVK_MAX_LABELS][CTVK_MAX_TOLERANCES]. OWNED */
    char *empty_warning;              /* there is nothing to compare. OWNED; NULL: none */
    ctvk_error error;
};

extern const ctvk_evaluation_api ctvk_evaluation_table;

/* The label's place, made where it is new. NULL: there are CTVK_MAX_LABELS already. */
ctvk_seen_label *ctvk_evaluation_add_label(ctvk_evaluation *evaluation, uint16_t value);

/* Checks and copies what the host gave. (evaluation_options.c) */
ctvk_status ctvk_evaluation_fill(ctvk_evaluation *evaluation, const ctvk_volume *reference, const ctvk_volume *prediction,
                                 const ctvk_evaluation_options *options, ctvk_error *error);
/* The table's step. (evaluation_run.c) */
ctvk_status ctvk_evaluation_step(ctvk_evaluation *evaluation);

/* CTVK_ERROR_INPUT unless both label maps lie on the same grid, with axes at right angles. (evaluation_grid.c) */
ctvk_status ctvk_check_label_grids(const ctvk_label_map map[2], double spacing[3], ctvk_error *error);

/* --- voxels (evaluation_labels.c) --- */

/* Reads both volumes whole: finds the labels, their boxes and overlaps. tick as in metrics/distance.h. */
ctvk_status ctvk_scan_labels(ctvk_evaluation *evaluation, const ctvk_tick *tick, ctvk_error *error);
/* The label's box with a layer of 0 around it. *voxels: OWNED. */
ctvk_status ctvk_cut_label(const ctvk_evaluation *evaluation, const ctvk_seen_label *label, ctvk_mask_pair *pair, uint8_t **voxels,
                           ctvk_error *error);

#endif
