/* ctvk/evaluation.h - interface "ctvk.evaluation": how well one label map meets another one. No device is needed.
 *
 * Voxels hold whole numbers (after slope and intercept) from 0, which is background, to 65535. Every value that occurs in either volume is
 * a label, and so is every one that the host names. Both volumes lie on the same grid: dimensions are equal and no voxel lies farther from
 * its counterpart than a hundredth of the shortest side of a voxel. Axes are at right angles to each other. */
#ifndef CTVK_EVALUATION_H
#define CTVK_EVALUATION_H

#include "ctvk/context.h"
#include "ctvk/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CTVK_EVALUATION_NAME "ctvk.evaluation"
#define CTVK_EVALUATION_VERSION 1

typedef struct ctvk_evaluation ctvk_evaluation;

/* What the host calls a label. */
typedef struct ctvk_label_name {
    int32_t value; /* 1 to 65535 */
    int32_t reserved;
    ctvk_text name; /* copied */
} ctvk_label_name;

/* What to measure. */
typedef struct ctvk_evaluation_options {
    uint32_t struct_size;
    uint32_t label_count;            /* of labels; 0: none has a name */
    const ctvk_label_name *labels;   /* no value twice */
    const double *tolerances_mm;     /* for the normalised surface distance: finite, not negative, at most 32 of them; NULL: 3 mm */
    uint32_t tolerance_count;        /* 0: 3 mm */
    int32_t reserved;                /* 0 */
    ctvk_text reference, prediction; /* what messages call the volumes; none: "reference", "prediction" */
    ctvk_progress_fn progress;       /* NULL: none. Called on the thread that runs or steps */
    void *progress_user;
} ctvk_evaluation_options;
#define CTVK_EVALUATION_OPTIONS_INIT                                                                               \
    {                                                                                                              \
        (uint32_t)sizeof(ctvk_evaluation_options), 0, NULL, NULL, 0, 0, CTVK_TEXT_INIT, CTVK_TEXT_INIT, NULL, NULL \
    }

/* What was measured. */
typedef struct ctvk_evaluation_info {
    uint32_t struct_size;
    uint32_t label_count, tolerance_count, warning_count; /* how many label and warning can be asked for, nsd has */
    const double *tolerances_mm;                          /* VIEW of the evaluation */
    double spacing_mm[3];                                 /* of the reference */
    double voxel_ml;                                      /* of one voxel of the reference */
} ctvk_evaluation_info;
#define CTVK_EVALUATION_INFO_INIT                                             \
    {                                                                         \
        (uint32_t)sizeof(ctvk_evaluation_info), 0, 0, 0, NULL, {0, 0, 0}, 0.0 \
    }

/* One label. A score that is undefined is NaN, and a warning says why; ask with isnan. Surfaces lie half-way between voxels inside and
 * outside; their elements count by area in mm2. Distances go from each element of one surface to the nearest of the other.
 *   dice, iou          of voxels
 *   hd_mm, hd95_mm     the largest distance, either way; the larger of the two ways' 95th percentiles
 *   msd_mm             the mean of the two ways' means: both surfaces weigh the same, whatever their size
 *   nsd                share of both surfaces' area that is no farther than the tolerance from the other surface, one per tolerance
 * Empty masks as in metrics-reloaded: in neither volume: dice and nsd 1, distances 0, iou undefined; in one of them only: dice, iou and nsd
 * 0, distances undefined. */
typedef struct ctvk_label_scores {
    uint32_t struct_size;
    int32_t value;                                             /* 1 to 65535 */
    ctvk_text name;                                            /* VIEW of the evaluation; "": the host named none */
    uint64_t voxels_reference, voxels_prediction, voxels_both; /* how many hold the value */
    double volume_reference_ml, volume_prediction_ml;          /* of those voxels */
    double dice, iou, hd_mm, hd95_mm, msd_mm;                  /* see above */
    const double *nsd;                                         /* VIEW of the evaluation: tolerance_count values */
} ctvk_label_scores;
#define CTVK_LABEL_SCORES_INIT                                                                     \
    {                                                                                              \
        (uint32_t)sizeof(ctvk_label_scores), 0, CTVK_TEXT_INIT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL \
    }

typedef struct ctvk_evaluation_api {
    uint32_t struct_size;
    uint32_t reserved;

    /* Checks both grids and the options (may be NULL, copied); no voxel is read. The volumes' data is BORROWED until the evaluation is done
     * or destroyed. *out is OWNED: destroy. CTVK_ERROR_ARGUMENT, _INPUT (different grids: the message names both; skewed axes),
     * _HOST_MEMORY: message on the context. [one thread at a time] on the context */
    ctvk_status (*create)(ctvk_context *context, const ctvk_volume *reference, const ctvk_volume *prediction,
                          const ctvk_evaluation_options *options, ctvk_evaluation **out);
    /* Not while run or step is under way. */
    void (*destroy)(ctvk_evaluation *evaluation);
    ctvk_status (*last_error)(const ctvk_evaluation *evaluation, ctvk_text *message);

    /* All steps; returns when done, failed or cancelled. CTVK_ERROR_INPUT (a voxel that is no label: the message names it; more than 255
     * labels), _HOST_MEMORY, CTVK_CANCELLED. [one thread at a time] on the evaluation */
    ctvk_status (*run)(ctvk_evaluation *evaluation);
    /* One step (read both volumes, one label): CTVK_PENDING while work is left, then as run. After the end it repeats its last answer.
     * [one thread at a time] on the evaluation */
    ctvk_status (*step)(ctvk_evaluation *evaluation);
    /* Takes effect within one plane of voxels. [any thread] */
    void (*cancel)(ctvk_evaluation *evaluation);
    /* 0 to 1. [any thread] */
    double (*progress)(const ctvk_evaluation *evaluation);

    /* After run or step returned CTVK_OK, else CTVK_ERROR_ARGUMENT. Labels are in the order of their values. */
    ctvk_status (*info)(ctvk_evaluation *evaluation, ctvk_evaluation_info *out);
    /* The scores of one label. */
    ctvk_status (*label)(ctvk_evaluation *evaluation, uint32_t index, ctvk_label_scores *out);
    /* What is undefined or set by convention, and why; one line each. */
    ctvk_status (*warning)(ctvk_evaluation *evaluation, uint32_t index, ctvk_text *out);
} ctvk_evaluation_api;

#ifdef __cplusplus
}
#endif
#endif
