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
#define ORACLE_NONE     UINT32_MAX

struct oracle_context {
    bool waits;
    uint32_t wants; /* which thing */
    uint32_t need;
    uint32_t held[ORACLE_THINGS];
    /* For the victim. */
    uint64_t deadline;
    uint64_t since;
    uint32_t category; /* 0, 1 told before, 2 a re-lock */
    bool is_struck;    /* waits no more, gives back what it holds */
};

struct oracle {
    uint32_t contexts, things;
    uint32_t capacity[ORACLE_THINGS];
    struct oracle_context context[ORACLE_CONTEXTS];
};

/* What nobody has. */
uint32_t oracle_free(const struct oracle *oracle, uint32_t thing);

/* The largest set of waiting contexts of which none can ever go on.  Struck ones have released; one
 * `removed` (or ORACLE_NONE) gives back what it holds, but waits on.  Returns its size. */
uint32_t oracle_stuck(const struct oracle *oracle, uint32_t removed, bool *is_stuck);

/* The waiting contexts that a wait depends on, through any chain, and the waiter itself. */
uint32_t oracle_closure(const struct oracle *oracle, uint32_t root, bool *is_in);

/* Rule 3, for `root`, of those who are stuck in its closure: who gets LG_EDEADLK, or ORACLE_NONE if
 * nobody is stuck. */
uint32_t oracle_victim(const struct oracle *oracle, uint32_t root);

#endif
