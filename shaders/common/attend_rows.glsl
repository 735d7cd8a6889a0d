// Where a query row of the causal attention stands (params/causal_attend.h, as p).
int attend_sequence(int row)
{
    return row / p.q_tokens;
}

// The keys that the row sees: those up to its own position.
int attend_keys(int row)
{
    return p.tokens - p.q_tokens + row % p.q_tokens + 1;
}

// vec4 of k and v from one position to the next, and where the sequence's first position has what `head` reads.
int attend_stride()
{
    return p.k_heads * p.head;
}
int attend_first(int row, int head)
{
    return attend_sequence(row) * p.tokens * attend_stride() + head / p.sharers * p.head;
}
