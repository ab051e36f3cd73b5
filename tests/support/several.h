/* Several: waits for any or all of several things as steps for the crew. */
#ifndef LG_TEST_SEVERAL_H
#define LG_TEST_SEVERAL_H

#include "support/crew.h"

#include <lifeguard/waitable.h>

#define SEVERAL_MAX 4

struct several_step {
    struct lg_waitable things[SEVERAL_MAX];
    uint32_t count;
    lg_deadline deadline;
    uint32_t index; /* what came of it */
    struct lg_report report;
};

/* For ever.  The things that are not there are LG_WAITABLE_NONE, at the end. */
struct several_step several_of(struct lg_waitable first, struct lg_waitable second,
                               struct lg_waitable third);
extern const struct lg_waitable several_none;

/* Steps.  The argument is a struct several_step. */
int step_wait_any(void *several);
int step_wait_all(void *several);

#endif
