#include "formats/tokenizer_internal.h"

#include "core/sort.h"

#include <string.h>

/* User-defined tokens: cut out of the text before the model sees it, as llama.cpp does with parse_special off too; but markup never is. */

/* Whether the text of a user-defined token is markup: two brackets or bars with something else between them, as in <|im_end|>, _<EOT>,
 * [INST], [e~[ or |||NAME|||, but not in a run of spaces, <=, [[ or ->. Markup steers a language model and a prompt is the user's words,
 * so it is plain text here, whatever type the file gives it. Without a list of names, because each model has names of its own and one
 * that is forgotten would be obeyed; taking too much for markup only spells an odd token out. */
static int is_markup(const char *text, uint32_t bytes)
{
    enum { OUTSIDE, OPENED, INSIDE } state = OUTSIDE;
    for (uint32_t i = 0; i < bytes; i++) {
        if (!text[i] || !strchr("<>[]|", text[i]))
            state = state == OUTSIDE ? OUTSIDE : INSIDE;
        else if (state == INSIDE)
            return 1;
        else
            state = OPENED;
    }
    return 0;
}

typedef struct sized {
    uint32_t bytes;
    int32_t id;
} sized;

static int longest_first(const void *a, const void *b)
{
    const sized *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : (x->id > y->id) - (x->id < y->id);
}

/* llama.cpp strips the white space behind the user-defined tokens of models whose name says Phi-3; we do not. */
static int is_phi3(const ctvk_gguf *file)
{
    ctvk_text name = CTVK_TEXT_INIT;
    char lower[256];
    uint64_t length = 0;
    if (ctvk_gguf_string(file, "general.name", &name))
        return 0;
    for (; length < name.length && length + 1 < sizeof lower; length++)
        lower[length] = (char)(name.data[length] >= 'A' && name.data[length] <= 'Z' ? name.data[length] | 0x20 : name.data[length]);
    return memmem(lower, (size_t)length, "phi-3", 5) || memmem(lower, (size_t)length, "phi3", 4);
}

/* Lists the tokens to cut out, and takes their text from control tokens and markup, so that ordinary pieces never join up to one. */
static ctvk_status collect(ctvk_tokenizer *t, const ctvk_gguf_value *types, sized *user)
{
    ctvk_vocabulary *v = &t->vocabulary;
    for (uint32_t id = 0; id < v->count; id++) {
        ctvk_piece *piece = &v->pieces[id];
        int64_t type = ctvk_gguf_int_at(types, id);
        int markup = type == CTVK_TOKEN_USER_DEFINED && is_markup(v->text + piece->first, piece->bytes);
        if (type == CTVK_TOKEN_CONTROL || markup)
            piece->bytes = 0;
        else if (type == CTVK_TOKEN_USER_DEFINED && piece->bytes)
            user[t->user_count++] = (sized){piece->bytes, (int32_t)id};
    }
    t->user = ctvk_alloc(t->host, t->user_count * sizeof *t->user);
    if (!t->user)
        return CTVK_ERROR_HOST_MEMORY;
    ctvk_sort(user, t->user_count, sizeof *user, longest_first);
    for (uint32_t i = 0; i < t->user_count; i++)
        t->user[i] = user[i].id;
    return CTVK_OK;
}

ctvk_status ctvk_user_tokens_read(ctvk_tokenizer *t, const ctvk_gguf *file, ctvk_error *error)
{
    static const char key[] = "tokenizer.ggml.token_type";
    const ctvk_gguf_value *types;
    int found = ctvk_gguf_array(file, key, CTVK_GGUF_INT32, &types);
    if (found > 0) /* all tokens are ordinary ones */
        return CTVK_OK;
    if (found < 0 || types->count != t->vocabulary.count)
        return ctvk_tokenizer_refuse(t, error, key, found ? "it is no array of INT32" : "there are not as many as there are tokens");
    sized *user = ctvk_calloc(t->host, t->vocabulary.count, sizeof *user);
    ctvk_status status = user ? collect(t, types, user) : CTVK_ERROR_HOST_MEMORY;
    ctvk_free(t->host, user);
    if (status != CTVK_OK)
        return ctvk_tokenizer_no_memory(t, error);
    if (t->user_count && is_phi3(file))
        return ctvk_tokenizer_refuse(t, error, "general.name", "the user-defined tokens of Phi-3 follow rules of their own");
    return CTVK_OK;
}

/* Adds a part; *parts grows. */
static ctvk_status add_part(const ctvk_tokenizer *t, ctvk_parts *parts, ctvk_part part, ctvk_error *error)
{
    if (parts->count == parts->room) {
        uint64_t room = parts->room ? 2 * parts->room : 16;
        ctvk_part *larger = ctvk_alloc(t->host, (size_t)room * sizeof *larger);
        if (!larger)
            return ctvk_tokenizer_no_memory(t, error);
        if (parts->count)
            memcpy(larger, parts->items, (size_t)parts->count * sizeof *larger);
        ctvk_free(t->host, parts->items);
        parts->items = larger;
        parts->room = room;
    }
    parts->items[parts->count++] = part;
    return CTVK_OK;
}

/* Cuts every occurrence of the token out of one part; what is left keeps its order. */
static ctvk_status cut_part(const ctvk_tokenizer *t, int32_t id, ctvk_part part, ctvk_parts *out, ctvk_error *error)
{
    const ctvk_piece *piece = &t->vocabulary.pieces[id];
    const char *at = part.text, *end = part.text + part.length, *found;
    ctvk_status status = CTVK_OK;
    if (part.id != CTVK_NO_TOKEN)
        return add_part(t, out, part, error);
    while (status == CTVK_OK && at < end) {
        found = memmem(at, (size_t)(end - at), t->vocabulary.text + piece->first, piece->bytes);
        uint64_t before = (uint64_t)((found ? found : end) - at);
        if (before)
            status = add_part(t, out, (ctvk_part){at, before, CTVK_NO_TOKEN}, error);
        if (found && status == CTVK_OK)
            status = add_part(t, out, (ctvk_part){found, piece->bytes, id}, error);
        at = found ? found + piece->bytes : end;
    }
    return status;
}

ctvk_status ctvk_user_tokens_cut(const ctvk_tokenizer *t, const char *text, uint64_t length, ctvk_parts *parts, ctvk_error *error)
{
    ctvk_status status = add_part(t, parts, (ctvk_part){text, length, CTVK_NO_TOKEN}, error);
    for (uint32_t i = 0; i < t->user_count && status == CTVK_OK; i++) {
        const ctvk_piece *piece = &t->vocabulary.pieces[t->user[i]];
        if (!memmem(text, (size_t)length, t->vocabulary.text + piece->first, piece->bytes))
            continue;
        ctvk_parts cut = {NULL, 0, 0};
        for (uint64_t k = 0; k < parts->count && status == CTVK_OK; k++)
            status = cut_part(t, t->user[i], parts->items[k], &cut, error);
        ctvk_free(t->host, parts->items);
        *parts = cut;
    }
    return status;
}
