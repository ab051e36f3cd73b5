/* What the programs over the explored library share: threads that are started and joined, calls that must
 * return what they must, and resources that know whether somebody uses them.
 *
 * The programs wait for ever where they wait: who is not woken shows as a thread that nobody is left to
 * wake, and no assertion depends on a time. */
#ifndef LG_TEST_CORE_H
#define LG_TEST_CORE_H

#include <assert.h>
#include <lifeguard/lifeguard.h>
#include <pthread.h>
#include <stddef.h>

#define OK(call)                                                                                   \
    do {                                                                                           \
        int status_of_call = (call);                                                               \
        assert(status_of_call == LG_OK);                                                           \
    } while (0)

#define THREADS_MAX 4

typedef void *work_function(void *arg);

/* Each function on a thread of its own, with its number; returns when all have ended.  The library's tables
 * are made before, so that their making is no part of each schedule. */
static inline void run_all(uint32_t count, work_function *const *functions)
{
    pthread_t threads[THREADS_MAX];
    assert(lg_context_self());
    for (uint32_t i = 0; i < count; i++)
        assert(!pthread_create(&threads[i], NULL, functions[i], (void *)(uintptr_t)i));
    for (uint32_t i = 0; i < count; i++)
        assert(!pthread_join(threads[i], NULL));
}

static inline void run_two(work_function *first, work_function *second)
{
    run_all(2, (work_function *const[]){first, second});
}

static inline void run_three(work_function *first, work_function *second, work_function *third)
{
    run_all(3, (work_function *const[]){first, second, third});
}

/* A number that threads count, without being a race by it. */
static inline uint32_t count_up(uint32_t *number)
{
    return __atomic_fetch_add(number, 1, __ATOMIC_RELAXED);
}

/* ---- Resources --------------------------------------------------------------------------------------- */

#define RESOURCES_MAX 16

struct resource {
    uint32_t users; /* plain: whoever has it must be the only one */
    uint32_t is_open;
};

static struct resource resources[RESOURCES_MAX] __attribute__((unused));
static uint32_t opened_count __attribute__((unused));
static uint32_t closed_count __attribute__((unused));

static inline int open_resource(void *arg, const struct lg_open *open, void **out)
{
    (void)arg, (void)open;
    uint32_t number = count_up(&opened_count);
    assert(number < RESOURCES_MAX);
    resources[number].is_open = 1;
    *out = &resources[number];
    return LG_OK;
}

static inline void close_resource(void *arg, void *resource)
{
    (void)arg;
    struct resource *closed = resource;
    assert(closed->is_open && !closed->users);
    closed->is_open = 0;
    count_up(&closed_count);
}

static inline struct lg_pool *make_pool(const struct lg_pool_options *options)
{
    static const struct lg_driver driver = LG_DRIVER_INIT("one", open_resource, close_resource);
    struct lg_pool *pool;
    assert(lg_context_self());
    OK(lg_pool_create(&driver, NULL, options, &pool));
    return pool;
}

/* Lend a resource and take it back, so often: it is open then, and its opener gone. */
static inline void lend(struct lg_pool *pool, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        struct lg_lease lease;
        OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
        OK(lg_pool_checkin(pool, &lease));
    }
}

static inline void use(const struct lg_lease *lease)
{
    struct resource *used = lease->resource;
    assert(used->is_open && used->users++ == 0);
    assert(used->is_open && --used->users == 0);
}

#endif
