/* Oracle: the inequality, computed the slow and obvious way, to judge the search and the detector.
 *
 * It knows who holds what and who waits for what as two plain tables, and nothing of the code that
 * it judges. */
#ifndef LG_TEST_ORACLE_H
#define LG_TEST_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define ORACLE_CONTEXTS 160
#define ORACLE_THINGS   96
#define ORACLE_WANTS    3 /* of one context */
#define ORACLE_NONE     UINT32_MAX

struct oracle_want {
    uint32_t thing;
    uint32_t need;
    uint64_t place; /* in the queue for it, which nobody passes; 0: in none */
};

struct oracle_context {
    bool waits;
    bool is_all; /* of its wants; else for any of them */
    uint32_t want_count;
    struct oracle_want wants[ORACLE_WANTS];
    uint32_t held[ORACLE_THINGS];
    /* For the victim. */
    uint64_t deadline;
    uint64_t since;
    uint32_t category; /* 0, 1 told before, 2 a re-lock */
    bool is_freed;     /* struck, or let pass: waits no more, gives back what it holds */
};

struct oracle {
    uint32_t contexts, things;
    uint32_t capacity[ORACLE_THINGS];
    struct oracle_context context[ORACLE_CONTEXTS];
};

/* What nobody has. */
uint32_t oracle_free(const struct oracle *oracle, uint32_t thing);

/* The largest set of waiting contexts of which none can ever go on.  Freed ones have released; one
 * `removed` (or ORACLE_NONE) gives back what it holds, but waits on.  Returns its size. */
uint32_t oracle_stuck(const struct oracle *oracle, uint32_t removed, bool *is_stuck);

/* The same if everybody keeps his place: whoever is behind a member is one too. */
uint32_t oracle_stuck_in_order(const struct oracle *oracle, bool *is_stuck);

/* The first stuck one ahead of one that is stuck in order though there is enough for itself; or
 * ORACLE_NONE. */
uint32_t oracle_blocker(const struct oracle *oracle, uint32_t who);

/* Rule 4, for `root`, of those in its closure who have such a one ahead: who is let pass next, or
 * ORACLE_NONE. */
uint32_t oracle_passer(const struct oracle *oracle, uint32_t root);

/* The place that this one stands at there; 0: it has none ahead that is stuck. */
uint64_t oracle_blocked_place(const struct oracle *oracle, uint32_t who);

/* Whether nobody stands ahead of this want of its in the queue. */
bool oracle_is_first(const struct oracle *oracle, uint32_t who, uint32_t want);

/* The waiting contexts that a wait depends on, as holders or ahead in a queue, through any chain, and
 * the waiter itself. */
uint32_t oracle_closure(const struct oracle *oracle, uint32_t root, bool *is_in);

/* Rule 3, for `root`, of those who are stuck in its closure: who gets LG_EDEADLK, or ORACLE_NONE if
 * nobody is stuck. */
uint32_t oracle_victim(const struct oracle *oracle, uint32_t root);

#endif
