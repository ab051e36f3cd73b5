/* Rooms: what a rwlock protects, with a book of who is inside by his own word. */
#ifndef LG_TEST_ROOMS_H
#define LG_TEST_ROOMS_H

#include "support/support.h"

#include <lifeguard/rwlock.h>

struct room {
    struct lg_rwlock rwlock;
    long value, mirror;                    /* under rwlock; mirror is -value */
    uint32_t readers, upgradable, writers; /* atomic */
};

/* Read, and write one more, for who holds the rwlock so; one in so many lingers.  Returns how many things were
 * not as they must be. */
unsigned room_read(struct room *room, struct support_random *random, uint32_t one_in);
unsigned room_write(struct room *room, struct support_random *random, uint32_t one_in);

#endif
