/* api/kept_windows.h - the encoder's levels of a volume's windows, kept between two texts. */
#ifndef CTVK_API_KEPT_WINDOWS_H
#define CTVK_API_KEPT_WINDOWS_H

#include "api/api.h"
#include "api/json.h"

/* Zeroed: nothing is kept. */
typedef struct ctvk_kept_windows {
    const ctvk_llmseg *net;       /* VIEW */
    const ctvk_gpu *gpu;          /* VIEW */
    uint64_t room;                /* bytes of device memory that are left for it */
    int32_t host_is_slow;         /* a copy to the host took longer than computing */
    int64_t count, reused;        /* windows; how many of this run were not computed again */
    ctvk_llmseg_encoded **window; /* [count], NULL: not kept */
} ctvk_kept_windows;

/* Net and gpu outlive it. room: bytes of device memory beyond the plan. CTVK_ERROR_HOST_MEMORY. */
ctvk_status ctvk_kept_windows_open(const ctvk_host *host, const ctvk_llmseg *net, const ctvk_gpu *gpu, uint64_t room, int64_t count,
                                   ctvk_kept_windows *out, ctvk_error *error);
void ctvk_kept_windows_close(const ctvk_host *host, ctvk_kept_windows *kept);
/* What the run of a window takes: *load where it is kept; else *save, a place to keep it, or neither where there is no memory for it: on
 * the device within the limit, else in host memory, else nowhere. */
void ctvk_kept_window_find(ctvk_kept_windows *kept, int64_t index, const ctvk_llmseg_encoded **load, ctvk_llmseg_encoded **save);
/* Whether a window's levels are kept, so that its run will not read it. */
int ctvk_kept_window_is_there(const ctvk_kept_windows *kept, int64_t index);
/* After the run of a window, also a failed one. A place that was not filled is given back, and so is host memory where copying there and
 * back takes longer than computing. */
void ctvk_kept_window_done(ctvk_kept_windows *kept, int64_t index, int32_t reused);
void ctvk_kept_windows_report(const ctvk_kept_windows *kept, ctvk_json *json);

#endif
