/* params/rope.h - push constants of the rotary position embedding; read by GLSL and by C. Only `int`, 4 bytes in both. */
#ifndef CTVK_PARAMS_ROPE_H
#define CTVK_PARAMS_ROPE_H

/* A lane turns one pair of neighbouring channels of one row: first the pairs of q, then those of k. Places in pairs. */
struct ctvk_rope_params {
    int head;   /* pairs of one head */
    int turned; /* pairs of one head that are turned, the first ones */
    int q_heads;
    int k_heads;
    int q_rows; /* rows of all sequences */
    int k_rows;
    int q_tokens; /* rows of one sequence: row r has position q_first + r % q_tokens */
    int q_first;
    int k_tokens;
};

#endif
