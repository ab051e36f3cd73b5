/* Access: what the program's reads and writes of memory come to, beyond the fast path. */
#ifndef LG_EXPLORE_ACCESS_H
#define LG_EXPLORE_ACCESS_H

#include "explore/run.h"

/* A new block of the heap: what earlier runs left in the table about freed bytes goes. */
void lg__access_renew(uintptr_t address, size_t size);

/* The same for one that was freed in this run: what was done with its bytes is forgotten. */
void lg__access_reuse(uintptr_t address, size_t size);

/* The block is about to be freed: a scheduling point if others know it, a write to all of it, and from then
 * on every access is found. */
void lg__access_free(struct lg__thread *self, uintptr_t address, size_t size, bool is_large,
                     uint64_t site);

/* An access of any size and alignment by a function of libc, for example. */
void lg__access_range(uintptr_t address, size_t size, bool is_write, uint64_t site);

/* The variable of an atomic operation, after its scheduling point. */
uint32_t lg__access_atomic(struct lg__thread *self, uintptr_t address, uint32_t size, bool is_write,
                           uint64_t site);

/* A read, or an atomic operation that changed nothing: if the thread spins, wait for a change. */
void lg__access_look_for_spin(struct lg__thread *self, uintptr_t address, uint64_t site);

#endif
