#include "api/api.h"

#include <string.h>

static uint32_t host_size(const void *theirs)
{
    uint32_t size;
    memcpy(&size, theirs, sizeof size);
    return size;
}

/* Every default. Members that were set without struct_size must not be passed over in silence, so all of the first release is looked at. */
static int is_zeroed(const void *theirs, uint32_t first)
{
    const unsigned char *bytes = theirs;
    uint32_t i = 0;
    while (i < first && !bytes[i])
        i++;
    return i == first;
}

ctvk_status ctvk_take_struct(void *mine, uint32_t size, const void *theirs, uint32_t first, const char *what, ctvk_error *error)
{
    if (!theirs || is_zeroed(theirs, first))
        return CTVK_OK;
    uint32_t given = host_size(theirs);
    if (given < first)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "%s: struct_size is %u, the smallest release has %u (set it with the _INIT macro)",
                         what, given, first);
    memcpy(mine, theirs, given < size ? given : size);
    memcpy(mine, &size, sizeof size);
    return CTVK_OK;
}

ctvk_status ctvk_give_struct(void *theirs, const void *filled, uint32_t size, uint32_t first, const char *what, ctvk_error *error)
{
    if (!theirs)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "%s: no struct was given (pass a pointer to one)", what);
    uint32_t given = host_size(theirs);
    if (given < first)
        return ctvk_fail(error, CTVK_ERROR_ARGUMENT, "%s: struct_size is %u, the smallest release has %u (set it with the _INIT macro)",
                         what, given, first);
    memcpy((char *)theirs + sizeof given, (const char *)filled + sizeof given, (given < size ? given : size) - sizeof given);
    return CTVK_OK;
}

ctvk_text ctvk_view(const char *text)
{
    return (ctvk_text){text ? text : "", text ? strlen(text) : 0};
}

ctvk_status ctvk_give_error(const ctvk_error *error, ctvk_text *message)
{
    if (message)
        *message = ctvk_view(error->message);
    return error->status;
}
