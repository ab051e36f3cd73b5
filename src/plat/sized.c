/* Copying structs that carry their size. */
#include "plat/sized.h"

#include <lifeguard/status.h>

#include <stdint.h>
#include <string.h>

int lg__sized_copy(void *to, size_t known, size_t least, const void *from)
{
    uint32_t size = *(const uint32_t *)from;
    const char *bytes = from;
    if (size < least || size > LG__SIZED_MAX || (size > least && size % sizeof(void *) != 0))
        return LG_EINVAL;
    for (size_t i = known; i < size; i++)
        if (bytes[i] != 0)
            return LG_EVERSION;
    memset(to, 0, known);
    memcpy(to, from, size < known ? size : known);
    return LG_OK;
}
