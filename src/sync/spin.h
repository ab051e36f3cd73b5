/* Spin: a few looks at a word before its waiter sleeps.
 *
 * Each look takes the word's cache line from whoever is about to change it, so they become rarer: each
 * pause is four times the one before.
 *
 *     struct lg__spin spin = lg__spin_begin();
 *     do
 *         if (it is there)
 *             return true;
 *     while (lg__spin_pause(&spin));
 */
#ifndef LG_SYNC_SPIN_H
#define LG_SYNC_SPIN_H

#include <stdbool.h>
#include <stdint.h>

struct lg__spin {
    uint32_t pauses; /* before the next look */
    uint32_t left;   /* looks */
};

struct lg__spin lg__spin_begin(void);

/* Pause before the next look.  False: it was the last. */
bool lg__spin_pause(struct lg__spin *spin);

#endif
