/* (a) A ring of N mutexes and N contexts: context c locks mutex c, then the next one, then gives both
 * back.  N = 2 is ABBA.  Whether the ring closes is left to the schedule.  With -DA_TIMED the waits of
 * context 1 may time out. */
#ifndef N
#define N 2
#endif
#define UNITS               N
#define FIRST(r)            (r)
#define CAP(r)              1
#define RES(u)              (u)
#define IS_POOL(r)          0
#define NEED(c, r)          1
#define CAN_TAKE(c, r)      1
#define STEPS(c)            3
#define DO(c, k)            ((k) == 2 -> GIVE_ALL : ((c) - 1 + (k)) % N)
#define HOLDER(u)           0
#ifdef A_TIMED
#define TIMED(c)            ((c) == 1)
#else
#define TIMED(c)            0
#endif
#define CANCELLED(c)        0
#define AFTER_TIMEOUT(c, k) 2
#define SLEEPS_FIRST        0
#define MAX_KILLS           1
#define AT_REST             1
#include "detector.pml"
