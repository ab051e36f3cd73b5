/* Linger: a waiter in a queue looks for a moment whether it is served, before it sleeps.
 *
 * To sleep and be woken costs some microseconds; who is served sooner than that does better to look.  It
 * looks at its own wait, which nobody else writes, so it disturbs nobody; but it keeps a processor, so
 * where it does not pay it is soon not done: each time in vain, twice as many waits go by before it is tried
 * again.  The object remembers that, and whoever serves says how it went: the waiter itself cannot, because
 * once it is served the object may be gone. */
#ifndef LG_SYNC_LINGER_H
#define LG_SYNC_LINGER_H

#include "graph/wait.h"

#define LG__LINGER_NS 3000u

/* Both with the lock of the object's queue; the memory is the object's, zero at first.
 * Whether a waiter that is the first in the queue should look; no other should. */
bool lg__linger_is_worth_it(uint64_t *memory);
/* This waiter is about to be served. */
void lg__linger_note(uint64_t *memory, const struct lg__wait *wait);

#endif
