/* Semaphores of one as mutexes, and onces that are done. */
#include "peers.h"

#include <lifeguard/once.h>
#include <lifeguard/permits.h>
#include <lifeguard/semaphore.h>

#include <pthread.h>
#include <semaphore.h>

static void make_sem(sem_t *semaphore)
{
    if (sem_init(semaphore, 0, 1) != 0)
        bench_fail("sem_init failed");
}

static inline void sem_take(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        continue; /* a signal */
}

MUTEX_LOOPS(sem, sem_t, make_sem, sem_take, sem_post)

const struct mutex_peer peer_sem_pair = {"sem_t", NULL, NULL, sem_create, sem_pairs, sem_loop};

static void make_semaphore(struct lg_semaphore *semaphore)
{
    if (lg_semaphore_init(semaphore, "bench", 1, 0) != LG_OK)
        bench_fail("lg_semaphore_init failed");
}

static inline void take_one(struct lg_semaphore *semaphore)
{
    if (lg_semaphore_wait(semaphore, LG_FOREVER) != LG_OK)
        bench_fail("lg_semaphore_wait failed");
}

static inline void post_one(struct lg_semaphore *semaphore)
{
    if (lg_semaphore_post(semaphore, 1) != LG_OK)
        bench_fail("lg_semaphore_post failed");
}

MUTEX_LOOPS(semaphore, struct lg_semaphore, make_semaphore, take_one, post_one)

const struct mutex_peer peer_lg_semaphore = {"lg_semaphore",  NULL,          NULL, semaphore_create,
                                             semaphore_pairs, semaphore_loop};

static void make_permits(struct lg_permits *permits)
{
    if (lg_permits_init(permits, "bench", 1) != LG_OK)
        bench_fail("lg_permits_init failed");
}

static inline void acquire_one(struct lg_permits *permits)
{
    if (lg_permits_acquire(permits, 1, LG_FOREVER) != LG_OK)
        bench_fail("lg_permits_acquire failed");
}

static inline void release_one(struct lg_permits *permits)
{
    if (lg_permits_release(permits, 1) != LG_OK)
        bench_fail("lg_permits_release failed");
}

MUTEX_LOOPS(permits, struct lg_permits, make_permits, acquire_one, release_one)

const struct mutex_peer peer_lg_permits = {"lg_permits",   NULL,          NULL,
                                           permits_create, permits_pairs, permits_loop};

/* -- once ------------------------------------------------------------------------------------- */

static void do_nothing(void)
{
}

static pthread_once_t once_of_pthread = PTHREAD_ONCE_INIT;

static void *pthread_once_create(void)
{
    return &once_of_pthread;
}

static void pthread_once_pairs(void *self, uint64_t count)
{
    (void)self;
    for (; count > 0; count--)
        pthread_once(&once_of_pthread, do_nothing);
}

const struct mutex_peer peer_pthread_once = {
    .name = "pthread_once", .create = pthread_once_create, .pairs = pthread_once_pairs};

static int succeed(void *arg)
{
    (void)arg;
    return LG_OK;
}

static struct lg_once once_of_lg = LG_ONCE_INIT;

static void *lg_once_create(void)
{
    return &once_of_lg;
}

static void lg_once_pairs(void *self, uint64_t count)
{
    (void)self;
    for (; count > 0; count--)
        if (lg_once_call(&once_of_lg, succeed, NULL, LG_FOREVER) != LG_OK)
            bench_fail("lg_once_call failed");
}

const struct mutex_peer peer_lg_once = {
    .name = "lg_once", .create = lg_once_create, .pairs = lg_once_pairs};
