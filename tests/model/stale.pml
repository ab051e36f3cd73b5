/* (d) Evidence that goes stale while it is read: what pass 2 and the epochs of pass 3 are for.
 * Mutexes u (0), v (1) and, with -DABA, x (2).
 *
 * By default, for pass 2 (the holders).  Nobody is ever deadlocked, any victim is a false alarm:
 *   Y (1) wants u.   X (2) holds u, gives it back (to Y, who stands first) and then wants v.
 *   T (3) holds v and wants u.  T may have read "u is X's" before that and "X waits for v" after.
 *
 * With -DABA, for the epochs.  T and Z are deadlocked while Z waits for v, and not a moment longer:
 *   Z (1) holds u, wants v, is cancelled, and goes on to want x, u still in hand.
 *   R (2) holds x and gives it back.
 *   T (3) holds v and wants u.  T saw Z wait, and sees Z wait again; but now it is for x. */
#define N 3
#define FIRST(r)            (r)
#define CAP(r)              1
#define RES(u)              (u)
#define IS_POOL(r)          0
#define NEED(c, r)          1
#define CAN_TAKE(c, r)      1
#ifdef ABA
#define UNITS               3
#define STEPS(c)            ((c) == 1 -> 3 : ((c) == 2 -> 1 : 2))
#define DO(c, k)            ((k) == STEPS(c) - 1 -> GIVE_ALL : ((c) == 1 -> 1 + (k) : 0))
#define HOLDER(u)           ((u) == 0 -> 1 : ((u) == 1 -> 3 : 2))
#define CANCELLED(c)        ((c) == 1)
#else
#define UNITS               2
#define STEPS(c)            ((c) == 2 -> 3 : 2)
#define DO(c, k)            ((k) == STEPS(c) - 1 || ((c) == 2 && (k) == 0) -> GIVE_ALL : (c) == 2)
#define HOLDER(u)           (2 + (u))
#define CANCELLED(c)        0
#endif
#define TIMED(c)            0
#define AFTER_TIMEOUT(c, k) ((k) + 1)
#define SLEEPS_FIRST        1
#define MAX_KILLS           1
#ifdef ABA
#define AT_REST             1
#else
#define AT_REST             (kills == 0)
#endif
#include "detector.pml"
