/* ops/conv3d_plan.h - inside of the convolution: which variant, how its weights lie, how it is recorded. For conv3d*.c, the tuning pass and
 * the tests. */
#ifndef CTVK_OPS_CONV3D_PLAN_H
#define CTVK_OPS_CONV3D_PLAN_H

#include "ops/conv3d.h"

enum {
    CTVK_CONV3D_PORTABLE = 1,   /* weights in uniform blocks, input through storage buffers: promised minimum */
    CTVK_CONV3D_ADDRESS = 2,    /* weights by device address, input through texel buffers: software drivers */
    CTVK_CONV3D_WINOGRAD = 3,   /* F(4x4, 3x3) over y and z, three taps along x, on top of ADDRESS */
    CTVK_CONV3D_GEMM = 4,       /* products of the whole grid, all channels and runs a dispatch, on top of ADDRESS */
    CTVK_CONV3D_TILED = 5,      /* bricks through shared memory, all channels a dispatch: GPUs; needs no more than is promised */
    CTVK_CONV3D_COOPERATIVE = 6 /* the same by products of cooperative matrices, of halves but as accurate as float32 */
};

/* Channel groups (vec4) that one dispatch computes. */
enum { CTVK_CONV3D_OUT_GROUPS = 6 };

/* A variant, and what it may take of this device. */
typedef struct ctvk_conv3d_plan {
    int32_t family;
    int32_t chunk;          /* channel groups of the input in one dispatch of the long kernel (a rest goes one by one) */
    uint64_t source_bytes;  /* the most that one binding of an input may hold */
    uint64_t target_bytes;  /* same of an output */
    uint64_t scratch_bytes; /* Winograd, GEMM: about how much scratch to use */
} ctvk_conv3d_plan;

/* --- the planner (conv3d_plan.c): the one place where a variant is chosen --- */

/* How devices differ, to the planner. */
enum {
    CTVK_CONV3D_LEAST = 1, /* a software driver without addresses or long texel buffers: PORTABLE is all that there is */
    CTVK_CONV3D_CPU = 2,   /* a software driver with both: the cost model chooses among all variants */
    CTVK_CONV3D_GPU = 3 /* a GPU: TILED, where it fits, until it was tuned, which may find COOPERATIVE faster. No GPU has been measured that
                         * a model could be made of */
};
int32_t ctvk_conv3d_class(const ctvk_gpu_caps *caps);
/* Every variant that this device can take for the convolution, PORTABLE first. Returns how many. */
enum { CTVK_CONV3D_CANDIDATES = 6 };
int32_t ctvk_conv3d_candidates(const ctvk_gpu_caps *caps, const ctvk_conv3d *conv, ctvk_conv3d_plan out[CTVK_CONV3D_CANDIDATES]);
/* "portable", "tiled", "cooperative", "address", "winograd", "gemm". Static. */
const char *ctvk_conv3d_plan_name(const ctvk_conv3d_plan *plan);
/* What a tuning pass keeps the answer of a convolution under. key: of the size of ctvk_gpu_tuned's. */
void ctvk_conv3d_key(const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z, char key[64]);
/* The variant for an output of these extents. tuned: what was kept under the key, a candidate's name its first word; a variant that is none
 * of the candidates says nothing. NULL: not tuned, then by device class and cost model. Depends on its arguments only. */
ctvk_conv3d_plan ctvk_conv3d_choose(const ctvk_gpu_caps *caps, const char *tuned, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z);
/* What everybody asks: the same with what this device was tuned to. Constant while the device is open. */
ctvk_conv3d_plan ctvk_conv3d_plan_for(const ctvk_gpu *gpu, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z);
/* The cost model of class CPU, for its candidates (conv3d_cost.c): milliseconds of processor time on the CPU that it was measured on. Only
 * ratios mean anything. */
double ctvk_conv3d_cost(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z);

/* The same variant with little scratch, where memory counts. */
void ctvk_conv3d_plan_spare(ctvk_conv3d_plan *plan);

/* As the functions of conv3d.h, with a given plan. */
uint64_t ctvk_conv3d_plan_weight_bytes(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv);
void ctvk_conv3d_plan_pack(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, const float *weights, void *packed);
uint64_t ctvk_conv3d_plan_scratch_bytes(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z);

/* What one record call works on; VIEW of the caller's arguments. */
typedef struct ctvk_conv3d_job {
    ctvk_gpu_cmd *cmd;
    ctvk_gpu *gpu;
    const ctvk_conv3d_plan *plan;
    const ctvk_conv3d *conv;
    const ctvk_tensor *a, *b, *out;
    const ctvk_span *weights, *scratch;
    const ctvk_span *norm;  /* as of ctvk_conv3d_record; NULL: none */
    const ctvk_span *stats; /* same */
} ctvk_conv3d_job;
ctvk_status ctvk_conv3d_plan_record(const ctvk_conv3d_job *job, ctvk_error *error);
/* Whether the second source has 16 bits a number; the binding of its statistics then, else of the first one's, which is normalised. */
int ctvk_conv3d_second_is_half(const ctvk_conv3d_job *job);
ctvk_gpu_bind ctvk_conv3d_norm_bind(const ctvk_conv3d_job *job);
/* Whether the variant can normalise what it reads. */
int ctvk_conv3d_plan_normalises(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv);
/* How many parts of its output's statistics (ops/instance_norm.h) the variant leaves on this device, each in its place whatever the pieces
 * are; 0: it takes none. record calls of a variant leave parts alone; ctvk_conv3d_plan_record merges them. */
int32_t ctvk_conv3d_plan_parts(const ctvk_gpu_caps *caps, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y,
                               int32_t z);
/* The most output planes of one block: where the output lies over planes of its input, a block writes none that it or a later one reads.
 * Less than 1: they overlap in another way, which cannot be done. */
int32_t ctvk_conv3d_free_planes(const ctvk_conv3d_job *job);
/* The most output planes of one block: by that, and by the bindings of the sources and of the output. Less than 1: not even one plane,
 * which ctvk_conv3d_refuse_plane says. */
int32_t ctvk_conv3d_block_planes(const ctvk_conv3d_job *job);
ctvk_status ctvk_conv3d_refuse_plane(const ctvk_conv3d_job *job, ctvk_error *error);

/* Output planes [first, first + count) and the input planes [in_first, in_last] that they read. */
typedef struct ctvk_conv3d_range {
    int32_t first, count, in_first, in_last;
} ctvk_conv3d_range;
ctvk_conv3d_range ctvk_conv3d_range_at(const ctvk_conv3d_job *job, int32_t first, int32_t count);

/* --- the tuning pass (conv3d_tune.c) --- */

/* Milliseconds of a convolution on an output of these extents with this plan, the device otherwise idle: the least of a few runs on zeros
 * after a warming one. Of a large output some planes are measured and the rest is taken to cost as much. check as in gpu/gpu.h.
 * CTVK_CANCELLED; CTVK_ERROR_DEVICE_MEMORY, CTVK_ERROR_HOST_MEMORY and others as they come. [one thread at a time] on the gpu */
ctvk_status ctvk_conv3d_measure(ctvk_gpu *gpu, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z,
                                ctvk_gpu_check_fn check, void *user, double *milliseconds, ctvk_error *error);

/* --- the variants --- */

/* Units of packed weights: one vec4 of input channels (one channel where planar) against 24 output channels.
 * Direct: [out chunk][unit][tap][channel of the unit][6] vec4, each unit padded to 256 bytes. */
uint64_t ctvk_conv3d_direct_unit_bytes(const ctvk_conv3d *conv);
int32_t ctvk_conv3d_in_units(const ctvk_conv3d *conv);
int32_t ctvk_conv3d_out_chunks(const ctvk_conv3d *conv);
/* Units of the long kernel of family ADDRESS. lavapipe translates it in a time that grows with the square of its length: 0.36 s for 4 units
 * of 27 taps, 0.09 s for 2, and then runs it in 6 % more. */
int32_t ctvk_conv3d_direct_chunk(const ctvk_conv3d *conv);
uint64_t ctvk_conv3d_direct_weight_bytes(const ctvk_conv3d *conv);
void ctvk_conv3d_direct_pack(const ctvk_conv3d *conv, const float *weights, float *packed);
ctvk_status ctvk_conv3d_direct_record(const ctvk_conv3d_job *job, ctvk_error *error);

/* Products of input that lies in `in` (texels) with weights at `at` of the job's, stored as [run][out group][lane] vec4 in `out`; see
 * ctvk_conv3d_product_params. params: what does not follow from the rest; runs: how many, in dispatches of bounded work that begin at
 * multiples of three. The first dispatch has a barrier unless flags say otherwise. */
struct ctvk_conv3d_product_params;
typedef struct ctvk_conv3d_product {
    const char *shader;
    ctvk_gpu_bind in, out;
    uint64_t at;
    int32_t runs;
    int32_t vec4; /* of the input in one run */
    uint32_t flags;
} ctvk_conv3d_product;
ctvk_status ctvk_conv3d_product_record(const ctvk_conv3d_job *job, const ctvk_conv3d_product *product,
                                       const struct ctvk_conv3d_product_params *params, ctvk_error *error);

/* Where the transforms and whole runs fit. */
int ctvk_conv3d_winograd_fits(const ctvk_conv3d *conv);
/* Winograd: [transform point 36][out chunk][unit][tap along x][channel of the unit][6] vec4. */
uint64_t ctvk_conv3d_winograd_weight_bytes(const ctvk_conv3d *conv);
void ctvk_conv3d_winograd_pack(const ctvk_conv3d *conv, const float *weights, float *packed);
uint64_t ctvk_conv3d_winograd_scratch_bytes(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z);
ctvk_status ctvk_conv3d_winograd_record(const ctvk_conv3d_job *job, ctvk_error *error);

/* GEMM: [out chunk][run][vec4 of the run][channel of the vec4][6] vec4; a run is (4 units, tap along x) with vec4 [unit][tap y][tap z], or
 * 12 units. Fits where whole runs fit each source. */
int ctvk_conv3d_gemm_fits(const ctvk_conv3d *conv);
uint64_t ctvk_conv3d_gemm_weight_bytes(const ctvk_conv3d *conv);
void ctvk_conv3d_gemm_pack(const ctvk_conv3d *conv, const float *weights, float *packed);
uint64_t ctvk_conv3d_gemm_scratch_bytes(const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y, int32_t z);
ctvk_status ctvk_conv3d_gemm_record(const ctvk_conv3d_job *job, ctvk_error *error);

/* TILED, COOPERATIVE: weights as for the direct kernels, all in one binding; no scratch. Fit blocked inputs whose weights a binding of
 * `storage` bytes holds. */
int ctvk_conv3d_tiled_fits(const ctvk_conv3d *conv, uint64_t storage);
int32_t ctvk_conv3d_tiled_parts(const ctvk_gpu_caps *caps, const ctvk_conv3d_plan *plan, const ctvk_conv3d *conv, int32_t x, int32_t y,
                                int32_t z);
ctvk_status ctvk_conv3d_tiled_record(const ctvk_conv3d_job *job, ctvk_error *error);

#endif
