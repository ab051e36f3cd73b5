/* Robust mutexes: the C library's and Lifeguard's. */
#include "peers.h"

#include <pthread.h>

#include <lifeguard/robust_mutex.h>

static void make_plain(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static inline void lock_plain(pthread_mutex_t *mutex)
{
    if (pthread_mutex_lock(mutex) != 0)
        bench_fail("pthread_mutex_lock failed");
}

static inline void unlock_plain(pthread_mutex_t *mutex)
{
    pthread_mutex_unlock(mutex);
}

static void make_ours(struct lg_robust_mutex *mutex)
{
    if (lg_robust_mutex_init(mutex, "bench", 0) != LG_OK)
        bench_fail("cannot make a robust mutex");
}

static inline void lock_ours(struct lg_robust_mutex *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (lg_robust_mutex_lock(mutex, LG_FOREVER) != LG_OK)
        bench_fail("lg_robust_mutex_lock failed");
}

static inline void unlock_ours(struct lg_robust_mutex *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    lg_robust_mutex_unlock(mutex);
}

/* Too large for the room that MUTEX_LOOPS has beside a mutex. */
struct ours {
    struct lg_robust_mutex *mutex;
};

static void make_far(struct ours *ours)
{
    ours->mutex = bench_alloc(sizeof(*ours->mutex));
    make_ours(ours->mutex);
}

static inline void lock_far(struct ours *ours)
{
    lock_ours(ours->mutex);
}

static inline void unlock_far(struct ours *ours)
{
    unlock_ours(ours->mutex);
}

MUTEX_LOOPS(plain, pthread_mutex_t, make_plain, lock_plain, unlock_plain)
MUTEX_LOOPS(ours, struct ours, make_far, lock_far, unlock_far)

const struct mutex_peer peer_pthread_robust = {
    "pthread_mutex, robust", NULL, NULL, plain_create, plain_pairs, plain_loop};
const struct mutex_peer peer_lg_robust = {"lg_robust_mutex", NULL,       NULL,
                                          ours_create,       ours_pairs, ours_loop};
