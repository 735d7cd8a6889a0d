/* nets/llmseg_names.h - the published state dict: which tensors the network reads, and their shapes (model.md, "Names"). */
#ifndef CTVK_NETS_LLMSEG_NAMES_H
#define CTVK_NETS_LLMSEG_NAMES_H

#include "nets/llmseg.h"

/* Called once per tensor that is read; non-zero stops the walk and is returned. */
typedef int (*ctvk_llmseg_name_fn)(void *user, const char *name, int32_t rank, const uint64_t shape[8]);
int ctvk_llmseg_each_tensor(const ctvk_llmseg_desc *desc, ctvk_llmseg_name_fn fn, void *user);

/* Channels of level 0..4: f, f, 2f, 4f, 8f. */
int32_t ctvk_llmseg_channels(const ctvk_llmseg_desc *desc, int32_t level);

#endif
