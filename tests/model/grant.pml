/* (b) A grant in flight.  A mutex (resource 0, unit 0) and a pool of 2 (resource 1, units 1 and 2).
 *
 *   W (1) holds the mutex and wants a unit: both are out, so it waits.
 *   V (2) holds unit 1 and wants the mutex.
 *   G (3) holds unit 2 and gives it back: to W, if W waits by then.
 *
 * Between G's grant and W's next step W looks as if it still slept.  It does not: nobody here is ever
 * deadlocked, so any victim is a false alarm.  With -DW_TIMED, W may also time out at any moment; if
 * that is while G hands over, G must find another use for its unit. */
#define N 3
#define UNITS               3
#define FIRST(r)            (r)
#define CAP(r)              (1 + (r))
#define RES(u)              ((u) > 0)
#define IS_POOL(r)          ((r) == 1)
#define NEED(c, r)          1
#define CAN_TAKE(c, r)      1
#define STEPS(c)            ((c) == 3 -> 1 : 2)
#define DO(c, k)            ((k) == STEPS(c) - 1 -> GIVE_ALL : ((c) == 1 -> 1 : 0))
#define HOLDER(u)           (1 + (u))
#ifdef W_TIMED
#define TIMED(c)            ((c) == 1)
#else
#define TIMED(c)            0
#endif
#define CANCELLED(c)        0
#define AFTER_TIMEOUT(c, k) 1
#define SLEEPS_FIRST        0
#define MAX_KILLS           1
#define AT_REST             (kills == 0)
#include "detector.pml"
