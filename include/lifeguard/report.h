/* The report of a wait that failed: who holds what, and who waits for whom.
 *
 * Every context has one, preallocated.  It is filled when a call returns LG_EDEADLK, LG_ETIMEDOUT,
 * LG_EOPEN or LG_EBROKEN, and stays until that context's next wait: after any other status it is still
 * the one before, so look at it after these four only.  Up to LG_REPORT_MEMBERS members
 * are listed in full; `member_count` counts all.  Names and places are copies: the things may be
 * gone when you print.
 *
 *     int status = lg_mutex_lock(&m, lg_after_ms(1000));
 *     if (status == LG_EDEADLK)
 *         lg_report_print(lg_report_last(), LG_REPORT_TEXT, 2);
 *
 * A deadlock is a set of contexts of which none can ever go on by itself; it is found when the
 * wait that closes it begins, and one member, the victim, gets LG_EDEADLK (DESIGN.md has the
 * rules).  A victim must release what the others need before it tries again: lg_retry does the
 * second half. */
#ifndef LIFEGUARD_REPORT_H
#define LIFEGUARD_REPORT_H

#include <lifeguard/status.h>

#define LG_REPORT_MEMBERS 16
#define LG_REPORT_HOLDS   4
#define LG_REPORT_WANTS   4
#define LG_PLACE_SIZE     64
#define LG_REPORT_ADVICE  96
#define LG_NO_UNIT        UINT32_MAX

enum lg_report_kind {
    LG_REPORT_NONE,
    LG_REPORT_DEADLOCK,
    LG_REPORT_TIMEOUT,
    LG_REPORT_OPEN,
    LG_REPORT_BROKEN
};
enum lg_report_format { LG_REPORT_TEXT, LG_REPORT_JSON, LG_REPORT_DOT };

/* Why a pool had nothing to lend, the likeliest cause first asked for by its users. */
enum lg_exhaustion {
    LG_EXHAUSTION_NONE,
    LG_EXHAUSTION_DEADLOCK,     /* the waiter is part of, or behind, contexts that cannot go on */
    LG_EXHAUSTION_OPENS_FAIL,   /* the driver's opens fail */
    LG_EXHAUSTION_LEAK,         /* held by contexts that ended, or far longer than all others */
    LG_EXHAUSTION_SLOW_HOLDERS, /* everything is out, and nothing came back for half of the wait */
    LG_EXHAUSTION_BACKLOG,      /* leases come back, but more want them than there are */
    LG_EXHAUSTION_SUSPENDED,    /* nothing is lent until lg_pool_resume */
    LG_EXHAUSTION_OPENS_HANG    /* an open of the driver's has not returned by its deadline */
};

/* One thing held. */
struct lg_report_hold {
    char name[LG_NAME_SIZE];   /* of the thing */
    char place[LG_PLACE_SIZE]; /* file:line where it was taken; "" if unknown */
    uint32_t unit;             /* which one of a pool; LG_NO_UNIT where there is only one */
    uint32_t units;
    uint64_t age_ms; /* 0 if unknown */
};

/* One of several things waited for. */
struct lg_report_want {
    char noun[16];
    char name[LG_NAME_SIZE];
    uint32_t need; /* units of it */
};

/* One context: what it holds of the things in question, and what it waits for, if it waits. */
struct lg_report_member {
    char context[LG_NAME_SIZE];
    struct lg_report_hold holds[LG_REPORT_HOLDS];
    uint32_t hold_count; /* all of them; min(hold_count, LG_REPORT_HOLDS) are listed */
    uint32_t need;       /* units waited for; 0: runs, or is unknown */
    char waits_noun[16];
    char waits_name[LG_NAME_SIZE];
    char waits_place[LG_PLACE_SIZE];
    uint64_t waited_ms;
    uint32_t want_count;    /* lg_wait_any, lg_wait_all: so many things; else 0 */
    uint32_t must_have_all; /* of them; else any one ends the wait */
    struct lg_report_want wants[LG_REPORT_WANTS]; /* min(want_count, LG_REPORT_WANTS) are listed */
};

struct lg_report {
    enum lg_report_kind kind;
    char noun[16]; /* of the thing that the wait was for: "mutex", "pool" */
    char name[LG_NAME_SIZE];
    uint32_t capacity;
    uint32_t held;
    char closer[LG_NAME_SIZE]; /* the context whose wait closed it, or that timed out */
    char place[LG_PLACE_SIZE]; /* where that wait began */
    char victim[LG_NAME_SIZE];
    uint64_t found_ns;  /* deadlock: from the wait's start to the verdict */
    uint64_t waited_ms; /* timeout: how long */
    uint32_t minimum;   /* pools: the size that makes it impossible (users, declared); 0: unknown */
    uint32_t users;     /* pools: the contexts seen to hold or want a lease, or to nest them */
    uint32_t declared;  /* pools: declared_threads, if `minimum` is because of them; else 0 */
    uint32_t waiting;   /* pools: contexts in the queue */
    uint64_t oldest_ms; /* pools: how long the first of them has waited */
    enum lg_exhaustion cause;
    char detail[160]; /* of the cause: the driver's words, the orphan's name, who broke it */
    char advice[LG_REPORT_ADVICE]; /* deadlock: what the victim should do first; "": check in, or
                                      release, what it holds */
    uint32_t member_count;
    struct lg_report_member members[LG_REPORT_MEMBERS];
};

LG_BEGIN_DECLS

/* The calling context's report.
 * Returns: never NULL; its kind is LG_REPORT_NONE before the first failed wait.
 * Threads: any; the result belongs to the calling context and is valid until its next wait. */
LG_API const struct lg_report *lg_report_last(void);

/* Write a report into a buffer, as text, JSON or Graphviz DOT.
 * Shape:   report NULL is one of kind LG_REPORT_NONE; buffer of size bytes (may be NULL when size is 0);
 *          always ended by 0 when size > 0.
 * Returns: the length of the whole text without the final 0, as snprintf does.
 * Threads: any; allocates nothing. */
LG_API size_t lg_report_write(const struct lg_report *report, enum lg_report_format format,
                              char *buffer, size_t size);

/* Write a report to a file descriptor.
 * Shape:   report as of lg_report_write.
 * Returns: LG_OK; LG_ESYS if write(2) failed.
 * Threads: any; allocates nothing. */
LG_API int lg_report_print(const struct lg_report *report, enum lg_report_format format, int fd);

/* One line that names a cause.
 * Returns: constant text.
 * Threads: any. */
LG_API const char *lg_exhaustion_text(enum lg_exhaustion cause);

/* Wait before trying again after LG_EDEADLK: a random time that doubles with each attempt, so that
 * victims of one ring do not meet again.  Call it after you have released what you held.
 *
 *     for (unsigned attempt = 0;; attempt++) {
 *         status = move_money(a, b);                  // releases all it took when it fails
 *         if (status != LG_EDEADLK || !lg_retry(attempt, deadline))
 *             break;
 *     }
 * Shape:   attempt counts from 0.
 * Returns: 1 to try again; 0 when the deadline, or the caller's cancel token's, leaves no time for it,
 *          or that token is requested.
 * Threads: any; sleeps up to 2^attempt * 50 us, at most 50 ms.
 * Source:  the kernel's ww_mutex: back off, release all, then retry. */
LG_API LG_MUST_CHECK int lg_retry(unsigned attempt, lg_deadline deadline);

LG_END_DECLS

#endif
