/* (f) One victim is not enough.  Three reader-writer locks P, Q, S (units 0,1; 2,3; 4,5), three
 * contexts: 1 reads Q and S and wants to write P; 2 reads P and S and wants to write Q; 3 reads P and Q
 * and wants to write S.  With all three asleep no single removal frees anybody: two have to go.
 * (Any two of them are deadlocked already, while the third still runs.) */
#define N 3
#define UNITS               6
#define FIRST(r)            (2 * (r))
#define CAP(r)              2
#define RES(u)              ((u) / 2)
#define IS_POOL(r)          0
#define NEED(c, r)          2
#define CAN_TAKE(c, r)      (mem[UNIT(2 * (r))] == FREE && mem[UNIT(2 * (r) + 1)] == FREE)
#define STEPS(c)            2
#define DO(c, k)            ((k) == 1 -> GIVE_ALL : (c) - 1)
#define HOLDER(u)           ((u) < 2 -> 2 + (u) : ((u) < 4 -> 1 + 2 * ((u) - 2) : (u) - 3))
#define TIMED(c)            0
#define CANCELLED(c)        0
#define AFTER_TIMEOUT(c, k) 0
#define SLEEPS_FIRST        1
#define MAX_KILLS           2
#define AT_REST             (kills == 2)
#include "detector.pml"
