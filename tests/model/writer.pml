/* (e) A writer among readers: a need of 2.  A mutex (resource 0, unit 0); a reader-writer lock for two
 * readers (resource 1, units 1 and 2), whose writer needs both units and is woken when both are free.
 *
 *   T (1) holds the mutex and wants to write.
 *   R (2) and S (3) read and want the mutex: each of them is deadlocked with T by itself.
 *
 * With -DS_TIMED the waits of S may time out.
 * With -DS_LEAVES S only gives its unit back, and R and T are deadlocked all the same. */
#define N 3
#define UNITS               3
#define FIRST(r)            (r)
#define CAP(r)              (1 + (r))
#define RES(u)              ((u) > 0)
#define IS_POOL(r)          0
#define NEED(c, r)          ((c) == 1 -> 1 + (r) : 1)
#define CAN_TAKE(c, r)      ((r) == 0 || (mem[UNIT(1)] == FREE && mem[UNIT(2)] == FREE))
#ifdef S_LEAVES
#define STEPS(c)            ((c) == 3 -> 1 : 2)
#else
#define STEPS(c)            2
#endif
#define DO(c, k)            ((k) == STEPS(c) - 1 -> GIVE_ALL : (c) == 1)
#define HOLDER(u)           (1 + (u))
#ifdef S_TIMED
#define TIMED(c)            ((c) == 3)
#else
#define TIMED(c)            0
#endif
#define CANCELLED(c)        0
#define AFTER_TIMEOUT(c, k) 1
#ifdef S_LEAVES
#define SLEEPS_FIRST        0
#else
#define SLEEPS_FIRST        1
#endif
#define MAX_KILLS           2
#define AT_REST             (kills >= 1)
#include "detector.pml"
