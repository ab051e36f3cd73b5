/* Sized: option structs that carry their size, and may be of another version than ours. */
#ifndef LG_PLAT_SIZED_H
#define LG_PLAT_SIZED_H

#include <stddef.h>

/* No struct of any version is larger. */
#define LG__SIZED_MAX 65536u

/* Copy a struct that begins with its size, a uint32_t, into `known` bytes; what it is too short for is 0.
 * LG_EINVAL: it has less than `least` bytes, or so many as no struct of pointers can have, which would cut one in
 * two.  LG_EVERSION: it is longer than `known`, and something is set behind that.
 * Source: copy_struct_from_user of the kernel. */
int lg__sized_copy(void *to, size_t known, size_t least, const void *from);

#endif
