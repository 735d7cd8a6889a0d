/* params/causal_attend.h - push constants of the causal attention; read by GLSL and by C. Only 4-byte scalars. */
#ifndef CTVK_PARAMS_CAUSAL_ATTEND_H
#define CTVK_PARAMS_CAUSAL_ATTEND_H

#define CTVK_CAUSAL_ATTEND_HEAD 256 /* most channels of one head: a lane holds one vec4 of it */

/* One workgroup computes one head of one query row. */
struct ctvk_causal_attend_params {
    int tokens;   /* of one sequence of k and v */
    int q_tokens; /* of q: the last ones */
    int heads;
    int sharers;  /* query heads that share one head of k and v */
    int k_heads;
    int head;     /* vec4 of one head */
    float scale;
};

#endif
