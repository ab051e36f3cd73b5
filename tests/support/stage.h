/* Stage: three contexts without threads, X, Y and Z, and two things, p and q. */
#ifndef LG_TEST_STAGE_H
#define LG_TEST_STAGE_H

#include "support/thing.h"

extern struct lg_context *X, *Y, *Z;
extern struct thing p, q;

void stage_set(uint32_t units_of_p, uint32_t units_of_q);
void stage_clear(void);

/* Somebody begins to wait for so many units, and looks; the state of its wait then. */
enum lg__wait_state stage_waits(struct lg_context *who, struct thing *what, uint32_t need);

/* The same without a look: as between the begin and the look of another thread. */
void stage_has_begun(struct lg_context *who, struct thing *what, uint32_t need);

#endif
