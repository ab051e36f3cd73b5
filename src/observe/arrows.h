/* Arrows: the numbers of the arrows that begin in a trace.  Who ends another's wait may have no ring, or has lost the
 * event since, and a wait may end by its deadline: then no arrow ends there. */
#ifndef LG_OBSERVE_ARROWS_H
#define LG_OBSERVE_ARROWS_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: none. */
struct lg__arrows {
    uint64_t *numbers; /* by hash; each one more than it is, 0: free */
    uint32_t room;     /* a power of two */
    uint32_t count;
};

/* A number is a hash already, below 2^52.  False: there is no memory. */
bool lg__arrows_add(struct lg__arrows *arrows, uint64_t number);

bool lg__arrows_have(const struct lg__arrows *arrows, uint64_t number);

void lg__arrows_free(struct lg__arrows *arrows);

#endif
