/* POSIX threads: mutexes, a hand-written pool over mutex and condition, hand-over by condition and
 * by semaphore. */
#include "peers.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

/* -- mutexes ---------------------------------------------------------------------------------- */

static void init_kind(pthread_mutex_t *mutex, int kind)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, kind);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static void init_normal(pthread_mutex_t *mutex)
{
    pthread_mutex_init(mutex, NULL);
}

static void init_recursive(pthread_mutex_t *mutex)
{
    init_kind(mutex, PTHREAD_MUTEX_RECURSIVE);
}

static void init_errorcheck(pthread_mutex_t *mutex)
{
    init_kind(mutex, PTHREAD_MUTEX_ERRORCHECK);
}

MUTEX_LOOPS(normal, pthread_mutex_t, init_normal, pthread_mutex_lock, pthread_mutex_unlock)
MUTEX_LOOPS(recursive, pthread_mutex_t, init_recursive, pthread_mutex_lock, pthread_mutex_unlock)
MUTEX_LOOPS(errorcheck, pthread_mutex_t, init_errorcheck, pthread_mutex_lock, pthread_mutex_unlock)

const struct mutex_peer peer_pthread = {"pthread_mutex", NULL,         NULL,
                                        normal_create,   normal_pairs, normal_loop};
const struct mutex_peer peer_pthread_recursive = {
    "pthread_mutex recursive", NULL, NULL, recursive_create, recursive_pairs, recursive_loop};
const struct mutex_peer peer_pthread_errorcheck = {
    "pthread_mutex errorcheck", NULL, NULL, errorcheck_create, errorcheck_pairs, errorcheck_loop};

/* -- rwlock ----------------------------------------------------------------------------------- */

static void init_rwlock(pthread_rwlock_t *lock)
{
    pthread_rwlock_init(lock, NULL);
}

RWLOCK_LOOPS(rwlock, pthread_rwlock_t, init_rwlock, pthread_rwlock_rdlock, pthread_rwlock_unlock,
             pthread_rwlock_wrlock, pthread_rwlock_unlock)

const struct rwlock_peer peer_pthread_rwlock = {.name = "pthread_rwlock",
                                                .create = rwlock_create,
                                                .read_pairs = rwlock_read_pairs,
                                                .write_pairs = rwlock_write_pairs,
                                                .read_loop = rwlock_read_loop,
                                                .mix_loop = rwlock_mix_loop,
                                                .rare_loop = rwlock_rare_loop};

/* -- the pool that everybody writes: a stack under a mutex, and a condition ------------------- */

struct lifo {
    pthread_mutex_t mutex;
    pthread_cond_t not_empty;
    unsigned count; /* items[0..count) are idle; guarded by mutex */
    void *items[];
};

static void *lifo_create(unsigned capacity)
{
    struct lifo *pool = bench_alloc(sizeof(*pool) + capacity * sizeof(void *));
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->not_empty, NULL);
    for (unsigned i = 0; i < capacity; i++)
        pool->items[pool->count++] = pool;
    return pool;
}

static inline void lifo_take(struct lifo *pool, void **item)
{
    pthread_mutex_lock(&pool->mutex);
    while (pool->count == 0)
        pthread_cond_wait(&pool->not_empty, &pool->mutex);
    *item = pool->items[--pool->count];
    pthread_mutex_unlock(&pool->mutex);
}

static inline void lifo_give(struct lifo *pool, void **item)
{
    pthread_mutex_lock(&pool->mutex);
    pool->items[pool->count++] = *item;
    pthread_cond_signal(&pool->not_empty);
    pthread_mutex_unlock(&pool->mutex);
}

POOL_LOOPS(lifo, struct lifo, void *, lifo_take, lifo_give)

const struct pool_peer peer_lifo = {.name = "mutex+cond LIFO",
                                    .create = lifo_create,
                                    .destroy = free,
                                    .pairs = lifo_pairs,
                                    .loop = lifo_loop,
                                    .alternate = lifo_alternate};

/* -- hand-over by condition, signalled outside the mutex -------------------------------------- */

struct channel {
    pthread_mutex_t mutex;
    pthread_cond_t full;
    bool is_full; /* guarded by mutex */
};

static void *channel_create(unsigned capacity)
{
    struct channel *channel = bench_alloc(sizeof(*channel));
    pthread_mutex_init(&channel->mutex, NULL);
    pthread_cond_init(&channel->full, NULL);
    channel->is_full = capacity > 0;
    return channel;
}

static void channel_take(struct channel *channel, char *token)
{
    (void)token;
    pthread_mutex_lock(&channel->mutex);
    while (!channel->is_full)
        pthread_cond_wait(&channel->full, &channel->mutex);
    channel->is_full = false;
    pthread_mutex_unlock(&channel->mutex);
}

static void channel_give(struct channel *channel, char *token)
{
    (void)token;
    pthread_mutex_lock(&channel->mutex);
    channel->is_full = true;
    pthread_mutex_unlock(&channel->mutex);
    pthread_cond_signal(&channel->full);
}

ALTERNATE_LOOP(channel, struct channel, char, channel_take, channel_give)

const struct pool_peer peer_cond = {.name = "pthread mutex+cond",
                                    .create = channel_create,
                                    .destroy = free,
                                    .alternate = channel_alternate};

/* -- hand-over by semaphore ------------------------------------------------------------------- */

static void *sem_create(unsigned capacity)
{
    sem_t *semaphore = bench_alloc(sizeof(*semaphore));
    sem_init(semaphore, 0, capacity);
    return semaphore;
}

static void sem_take(sem_t *semaphore, char *token)
{
    (void)token;
    while (sem_wait(semaphore) != 0)
        ;
}

static void sem_give(sem_t *semaphore, char *token)
{
    (void)token;
    sem_post(semaphore);
}

ALTERNATE_LOOP(sem, sem_t, char, sem_take, sem_give)

const struct pool_peer peer_sem = {
    .name = "sem_t", .create = sem_create, .destroy = free, .alternate = sem_alternate};
