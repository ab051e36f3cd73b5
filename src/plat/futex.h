/* Futex: sleep while a 32-bit word has a value.  Private to the process.  Source: futex(2). */
#ifndef LG_PLAT_FUTEX_H
#define LG_PLAT_FUTEX_H

#include <lifeguard/status.h>

/* Sleep while *word == expected.  LG_OK: look again (woken, changed, interrupted, or no reason at
 * all); LG_ETIMEDOUT: the deadline has passed. */
int lg__futex_wait(const uint32_t *word, uint32_t expected, lg_deadline deadline);

/* Wake up to `count` sleepers.  The word's memory may be gone: only its address is used. */
void lg__futex_wake(const uint32_t *word, int count);

#endif
