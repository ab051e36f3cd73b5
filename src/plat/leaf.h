/* The leaf lock: guards the log sink and the panic handler, two pointers each.  Nothing is taken
 * under it.  One for both, so that fork has one to think of. */
#ifndef LG_PLAT_LEAF_H
#define LG_PLAT_LEAF_H

#include "plat/raw_lock.h"

extern struct lg__raw_lock lg__leaf_lock;

#endif
