/* params/causal_attend.h - push constants of the causal attention; read by GLSL and by C. Only 4-byte scalars. */
#ifndef CTVK_PARAMS_CAUSAL_ATTEND_H
#define CTVK_PARAMS_CAUSAL_ATTEND_H

/* Query row `first` + y. Scores: [row of the dispatch][head][block] vec4, a block is four keys. */
struct ctvk_causal_attend_params {
    int first;    /* query row */
    int tokens;   /* of one sequence of k and v */
    int q_tokens; /* of q: the last ones */
    int heads;
    int sharers; /* query heads that share one head of k and v */
    int k_heads;
    int head;   /* vec4 of one head */
    int blocks; /* of all `tokens` keys */
    float scale;
};

#endif
