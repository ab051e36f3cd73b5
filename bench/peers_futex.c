/* What the kernel gives, used by hand: the limit of every hand-over, and a pool that is strictly
 * first come, first served. */
#include "peers.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void futex_wait(uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* -- one word: 1 is there, 0 is not ----------------------------------------------------------- */

static void *word_create(unsigned capacity)
{
    uint32_t *word = bench_alloc(sizeof(*word));
    *word = capacity;
    return word;
}

static void word_take(uint32_t *word, char *token)
{
    (void)token;
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0) /* pairs with word_give */
        futex_wait(word, 0);
    __atomic_store_n(word, 0, __ATOMIC_RELAXED);
}

static void word_give(uint32_t *word, char *token)
{
    (void)token;
    __atomic_store_n(word, 1, __ATOMIC_RELEASE); /* pairs with word_take */
    futex_wake(word);
}

ALTERNATE_LOOP(word, uint32_t, char, word_take, word_give)

const struct pool_peer peer_futex = {
    .name = "raw futex", .create = word_create, .destroy = free, .alternate = word_alternate};

/* -- strict FIFO: a returned item goes to the first waiter and never to a newcomer ------------ */

struct waiter {
    struct waiter *next; /* guarded by the pool's mutex */
    void *item;          /* written before is_served */
    uint32_t is_served;
};

struct fifo {
    pthread_mutex_t mutex;
    struct waiter *first; /* this and the rest are guarded by mutex */
    struct waiter **end;
    unsigned count; /* items[0..count) are idle; 0 while somebody waits */
    void *items[];
};

static void *fifo_create(unsigned capacity)
{
    struct fifo *pool = bench_alloc(sizeof(*pool) + capacity * sizeof(void *));
    pthread_mutex_init(&pool->mutex, NULL);
    pool->end = &pool->first;
    for (unsigned i = 0; i < capacity; i++)
        pool->items[pool->count++] = pool;
    return pool;
}

static void fifo_take(struct fifo *pool, void **item)
{
    struct waiter self = {NULL, NULL, 0};
    pthread_mutex_lock(&pool->mutex);
    if (pool->count > 0) {
        *item = pool->items[--pool->count];
        pthread_mutex_unlock(&pool->mutex);
        return;
    }
    *pool->end = &self;
    pool->end = &self.next;
    pthread_mutex_unlock(&pool->mutex);
    while (__atomic_load_n(&self.is_served, __ATOMIC_ACQUIRE) == 0) /* pairs with fifo_give */
        futex_wait(&self.is_served, 0);
    *item = self.item;
}

static void fifo_give(struct fifo *pool, void **item)
{
    pthread_mutex_lock(&pool->mutex);
    struct waiter *waiter = pool->first;
    if (waiter == NULL) {
        pool->items[pool->count++] = *item;
        pthread_mutex_unlock(&pool->mutex);
        return;
    }
    pool->first = waiter->next;
    if (pool->first == NULL)
        pool->end = &pool->first;
    pthread_mutex_unlock(&pool->mutex);
    waiter->item = *item;
    uint32_t *word = &waiter->is_served;
    __atomic_store_n(word, 1, __ATOMIC_RELEASE); /* after this the waiter may be gone */
    futex_wake(word);
}

POOL_LOOPS(fifo, struct fifo, void *, fifo_take, fifo_give)

const struct pool_peer peer_fifo = {.name = "strict FIFO",
                                    .create = fifo_create,
                                    .destroy = free,
                                    .pairs = fifo_pairs,
                                    .loop = fifo_loop,
                                    .alternate = fifo_alternate};
