/* Memory: accesses of texts, for the functions of libc that take them. */
#ifndef LG_EXPLORE_MEMORY_H
#define LG_EXPLORE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* The text is about to be read, as far as its zero or the limit.  The caller has looked whether it is
 * watched. */
void lg__memory_read_text(const char *text, size_t limit, uint64_t site);

#endif
