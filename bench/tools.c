#include "tools.h"

#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double tick_ns = 1.0;
static double spin_ns = 1.0;
static cpu_set_t cores; /* as the process was started; read-only after init */

void bench_fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("bench: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void *bench_alloc(size_t size)
{
    size_t whole = (size + BENCH_LINE - 1) / BENCH_LINE * BENCH_LINE;
    void *memory = aligned_alloc(BENCH_LINE, whole);
    if (memory == NULL)
        bench_fail("out of memory");
    memset(memory, 0, whole);
    return memory;
}

uint64_t bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void bench_sleep_us(unsigned us)
{
    struct timespec left = {us / 1000000, (long)(us % 1000000) * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) != 0)
        ;
}

double bench_tick_ns(void)
{
    return tick_ns;
}

__attribute__((noinline, aligned(64))) void bench_spin(unsigned iterations)
{
    for (; iterations > 0; iterations--)
        __asm__ volatile("");
}

unsigned bench_spin_iterations(unsigned ns)
{
    return (unsigned)(ns / spin_ns);
}

/* The fastest of several, so that a preemption does not count. */
static double measure_spin(void)
{
    double best = INFINITY;
    for (int i = 0; i < 50; i++) {
        uint64_t start = bench_now();
        bench_spin(200000);
        best = fmin(best, (double)(bench_now() - start) / 200000);
    }
    return best;
}

static double measure_tick(void)
{
    uint64_t start_ns = bench_now();
    uint64_t start = bench_tick();
    bench_sleep_us(20000);
    uint64_t end_ns = bench_now();
    uint64_t end = bench_tick();
    return (double)(end_ns - start_ns) / (double)(end - start);
}

void bench_tools_init(void)
{
    if (sched_getaffinity(0, sizeof(cores), &cores) != 0)
        bench_fail("cannot read which cores may be used");
    spin_ns = measure_spin();
    tick_ns = measure_tick();
}

/* -- cores ------------------------------------------------------------------------------------ */

unsigned bench_core_count(void)
{
    return (unsigned)CPU_COUNT(&cores);
}

int bench_core(unsigned index)
{
    index %= bench_core_count();
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &cores) && index-- == 0)
            return core;
    return 0;
}

void bench_pin(int core)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    if (pthread_setaffinity_np(pthread_self(), sizeof(one), &one) != 0)
        bench_fail("cannot pin a thread to core %d", core);
}

void bench_unpin(void)
{
    if (pthread_setaffinity_np(pthread_self(), sizeof(cores), &cores) != 0)
        bench_fail("cannot unpin a thread");
}

/* -- histograms of waits ---------------------------------------------------------------------- */

double bench_quantile_ns(const struct lg_histogram *ticks, double part)
{
    struct lg_histogram_summary summary;
    lg_histogram_summarize(ticks, &summary);
    return summary.count > 0 ? (double)lg_histogram_quantile(ticks, part) * tick_ns : NAN;
}
