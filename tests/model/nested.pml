/* (c) Nested checkout.  A (1) and B (2) hold one unit each of a pool of 2 and both want one more.
 * The ring closes on every schedule: always a victim, exactly one, and the other then finishes.
 * With -DN=3 there is C (3) too, who holds nothing, wants one unit, and may time out: it is stuck
 * behind the ring with the earliest deadline of all, but failing it would free nobody. */
#ifndef N
#define N 2
#endif
#define UNITS               2
#define FIRST(r)            0
#define CAP(r)              2
#define RES(u)              0
#define IS_POOL(r)          1
#define NEED(c, r)          1
#define CAN_TAKE(c, r)      1
#define STEPS(c)            2
#define DO(c, k)            ((k) == 1 -> GIVE_ALL : 0)
#define HOLDER(u)           (1 + (u))
#define SLEEPS_FIRST        0
#define TIMED(c)            ((c) == 3)
#define CANCELLED(c)        0
#define AFTER_TIMEOUT(c, k) 1
#define MAX_KILLS           1
#define AT_REST             (kills == 1)
#include "detector.pml"
