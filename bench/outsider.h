/* Outsiders: peers in other languages, each a process of its own that answers questions.
 *
 * An outsider lives as long as the benches that it takes part in, so that its compiler is warm and
 * its pool is full.  It takes its turns in the rounds as every other peer does: asked, it measures
 * for so many milliseconds and answers, while the bench sleeps; between its turns it sleeps itself.
 *
 * One line each way; whatever is not known or does not apply is null:
 *
 *     (at the start)         {"peer": "HikariCP", "version": "2.7.9, Java 17"}
 *     alone MS               {"ns_a_pair": 78.1}
 *     pool THREADS NS MS     {"throughput": 15400000, "p50_ns": 126, "p99_ns": 173,
 *                             "p999_ns": 4100, "share": 0.92}
 *     spike MS               {"end_size": 5, "opened": 6, "done_ms": 23,
 *                             "curve": [[0, 5, 0, 0], ...]}
 *
 * alone: one thread takes and gives back, pool of 8.  pool: THREADS of them, pool of 8, each holds
 * what it took for NS nanoseconds, busy; throughput is that of this turn, the rest covers all turns
 * with these two numbers so far; every eighth wait is timed.  Those that are a mutex or a rwlock answer these two
 * as well: they take it, a rwlock to read, or to write, or mixed, work for NS nanoseconds after they let it
 * go, and know of no waits; those of a latch and of a once answer the first alone.  spike: see spike.c; a point of the
 * curve has the time in milliseconds, open, busy, waiting.
 *
 * Not thread-safe: asked by the main thread. */
#ifndef BENCH_OUTSIDER_H
#define BENCH_OUTSIDER_H

#include "tools.h"

struct outsider;

/* Be an outsider: answer the questions on standard input as a pool of this library, with what that
 * process is allowed.  Of the questions only "alone" is understood. */
void outsider_be(void);

enum outsider_name {
    OUTSIDER_HIKARI,
    OUTSIDER_GO_SQL,
    OUTSIDER_GO_CHANNEL,
    OUTSIDER_SQLALCHEMY,
    OUTSIDER_GENERIC_POOL,
    OUTSIDER_TARN,
    OUTSIDER_UNBARRIERED, /* this bench's own pool, where membarrier is missing */
    OUTSIDER_POOLS,
    OUTSIDER_GO_MUTEX = OUTSIDER_POOLS,
    OUTSIDER_GO_READ,
    OUTSIDER_GO_WRITE,
    OUTSIDER_GO_MIX,
    OUTSIDER_GO_RARE,
    OUTSIDER_GO_ONCE,
    OUTSIDER_GO_WAITGROUP,
    OUTSIDER_COUNT
};

/* Start all that are there and wait until they are warm; again: nothing happens. */
void outsiders_start(void);

/* End all; nothing happens if none was started. */
void outsiders_end(void);

struct outsider *outsider_of(enum outsider_name name);
const char *outsider_title(const struct outsider *outsider);
const char *outsider_version(const struct outsider *outsider);

/* Why it is not here: what would bring it.  NULL: it is here. */
const char *outsider_lacks(const struct outsider *outsider);

/* Ask a question, without its line's end.
 * Returns: the answer, valid until the next question to anyone; NULL: it has died or hangs, and from
 * now on lacks something. */
const char *outsider_ask(struct outsider *outsider, const char *question);

/* A number of an answer by its key; NAN if answer is NULL or has no such number. */
double answer_number(const char *answer, const char *key);

#endif
