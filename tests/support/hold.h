/* Hold: a thread that is held up at one of the places of the seam (plat/seam.h). */
#ifndef LG_TEST_HOLD_H
#define LG_TEST_HOLD_H

#include "plat/seam.h"

#ifdef LG_FAULTS

/* The next thread that comes there stays there. */
void hold_next_at(enum lg__stop at);

/* Whether one does; wait until one does; let it go. */
bool is_held(void);
void wait_held(void);
void let_go(void);

#endif
#endif
