/* The stage. */
#include "support/stage.h"

struct lg_context *X, *Y, *Z;
struct thing p, q;

void stage_set(uint32_t units_of_p, uint32_t units_of_q)
{
    X = thing_ghost("X");
    Y = thing_ghost("Y");
    Z = thing_ghost("Z");
    p = (struct thing){.name = "p", .capacity = units_of_p};
    q = (struct thing){.name = "q", .capacity = units_of_q};
}

void stage_clear(void)
{
    thing_bury(X);
    thing_bury(Y);
    thing_bury(Z);
}

enum lg__wait_state stage_waits(struct lg_context *who, struct thing *what, uint32_t need)
{
    struct lg__want want = thing_want(what, need);
    return thing_ghost_waits(who, &want);
}

void stage_has_begun(struct lg_context *who, struct thing *what, uint32_t need)
{
    struct lg__want want = thing_want(what, need);
    lg__wait_begin(&who->wait, &want, LG__WAIT_WAITING);
}
