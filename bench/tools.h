/* Tools that benches and peers share: time, spinning, pinning, failing, crews of threads.
 *
 * Also included by the peers that are written in C++. */
#ifndef BENCH_TOOLS_H
#define BENCH_TOOLS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <lifeguard/histogram.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BENCH_LINE 64 /* bytes of a cache line */

/* Print one line to standard error and exit(1). */
__attribute__((noreturn, format(printf, 1, 2))) void bench_fail(const char *format, ...);

/* Memory that starts a cache line of its own, zeroed; fails the run when there is none. */
void *bench_alloc(size_t size);

/* -- time ------------------------------------------------------------------------------------- */

/* Measure the tick and the spin; once, from main. */
void bench_tools_init(void);

/* Nanoseconds on CLOCK_MONOTONIC. */
uint64_t bench_now(void);

/* Sleep, whatever signals come. */
void bench_sleep_us(unsigned us);

/* A cheap clock of its own unit, and that unit. */
static inline uint64_t bench_tick(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return bench_now();
#endif
}

double bench_tick_ns(void);

/* Work that touches no memory.  Its speed follows the core's, as any work would.  One loop for all peers,
 * at one place: inlined in each of theirs it was up to 3 % faster or slower by how it happened to lie. */
void bench_spin(unsigned iterations);

/* How many iterations take about so long. */
unsigned bench_spin_iterations(unsigned ns);

/* -- cores ------------------------------------------------------------------------------------ */

/* How many cores this process may use; the index-th of them. */
unsigned bench_core_count(void);
int bench_core(unsigned index);

/* Keep the calling thread on one core; let it go everywhere again. */
void bench_pin(int core);
void bench_unpin(void);

/* -- histograms of waits ---------------------------------------------------------------------- */

/* The value in nanoseconds that a part (0..1) of all recorded ticks does not exceed; NAN if there are none. */
double bench_quantile_ns(const struct lg_histogram *ticks, double part);

/* -- crews ------------------------------------------------------------------------------------ */

#define BENCH_CREW_MAX 64

/* One thread of a crew, as its loop sees it. */
struct bench_worker {
    const bool *stop; /* written once by the coordinator */
    unsigned index;
    unsigned hold;    /* spin iterations while holding */
    unsigned outside; /* and after letting go */
    uint64_t random;
    uint64_t begun_ns; /* this and done: read by the coordinator after the phase */
    uint64_t done;     /* result of the loop */
    struct lg_histogram waits;
} __attribute__((aligned(BENCH_LINE)));

static inline bool bench_is_stopped(const struct bench_worker *worker)
{
    return __atomic_load_n(worker->stop, __ATOMIC_RELAXED); /* only counts depend on it */
}

/* xorshift64: good enough to spread accounts. */
static inline uint64_t bench_random(struct bench_worker *worker)
{
    uint64_t x = worker->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return worker->random = x;
}

/* Runs until stopped; returns how many operations it did. */
typedef uint64_t bench_loop(void *self, struct bench_worker *worker);

struct bench_crew;

/* Start `count` threads that stay for many phases.  With is_pinned the i-th keeps to core i. */
struct bench_crew *bench_crew_start(unsigned count, bool is_pinned);
void bench_crew_end(struct bench_crew *crew);

struct bench_phase {
    bench_loop *loop;
    void *self;
    unsigned ms;
    unsigned hold_ns;
    unsigned outside_ns;
    double *thread_totals;      /* [count]: operations are added; may be NULL */
    struct lg_histogram *waits; /* waits are added; may be NULL */
};

/* Run all threads of the crew in one loop for a while.
 * Returns: operations a second, of all threads together. */
double bench_crew_run(struct bench_crew *crew, const struct bench_phase *phase);

/* min/max of count totals. */
double bench_share(const double *totals, unsigned count);

/* A loop of threads that share nothing: their share is what the kernel's scheduler gives. */
uint64_t bench_count_loop(void *self, struct bench_worker *worker);

/* The share of a crew that shares nothing, in so many phases.  1 if each has a core of its own. */
double bench_crew_fair_share(struct bench_crew *crew, unsigned ms, unsigned phases);

#ifdef __cplusplus
}
#endif

#endif
