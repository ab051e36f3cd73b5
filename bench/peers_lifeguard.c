/* Lifeguard in the shape of a peer. */
#include "peers.h"

#include <stdlib.h>

#include <lifeguard/lifeguard.h>

/* -- mutex ------------------------------------------------------------------------------------ */

static void init_plain(struct lg_mutex *mutex)
{
    if (lg_mutex_init(mutex, "bench", 0) != LG_OK)
        bench_fail("lg_mutex_init failed");
}

static void init_recursive(struct lg_mutex *mutex)
{
    if (lg_mutex_init(mutex, "bench", LG_MUTEX_RECURSIVE) != LG_OK)
        bench_fail("lg_mutex_init failed");
}

static inline void lock(struct lg_mutex *mutex) LG_ACQUIRES(mutex)
{
    if (lg_mutex_lock(mutex, LG_FOREVER) != LG_OK)
        bench_fail("lg_mutex_lock failed");
}

static inline void unlock(struct lg_mutex *mutex) LG_RELEASES(mutex)
{
    lg_mutex_unlock(mutex);
}

MUTEX_LOOPS(plain, struct lg_mutex, init_plain, lock, unlock)
static void init_nth(struct lg_mutex *mutex, unsigned n)
{
    static const char *const names[NESTED_MAX] = {"first", "second", "third",   "fourth",
                                                  "fifth", "sixth",  "seventh", "eighth"};
    if (lg_mutex_init(mutex, names[n], 0) != LG_OK)
        bench_fail("lg_mutex_init failed");
}

NESTED_LOOP(nested, struct lg_mutex, init_nth, lock, unlock)

const struct nested_peer peer_lg_nested = {NULL, NULL, nested_create, nested_nested};

MUTEX_LOOPS(recursive, struct lg_mutex, init_recursive, lock, unlock)

const struct mutex_peer peer_lg_mutex = {"lg_mutex",   NULL,        NULL,
                                         plain_create, plain_pairs, plain_loop};
const struct mutex_peer peer_lg_mutex_recursive = {
    "lg_mutex recursive", NULL, NULL, recursive_create, recursive_pairs, recursive_loop};

/* -- rwlock ----------------------------------------------------------------------------------- */

static void init_rwlock(struct lg_rwlock *rwlock)
{
    if (lg_rwlock_init(rwlock, "bench") != LG_OK)
        bench_fail("lg_rwlock_init failed");
}

static inline void read_lock(struct lg_rwlock *rwlock) LG_SHARES(rwlock)
{
    if (lg_rwlock_read(rwlock, LG_FOREVER) != LG_OK)
        bench_fail("lg_rwlock_read failed");
}

static inline void read_unlock(struct lg_rwlock *rwlock) LG_RELEASES_ANY(rwlock)
{
    lg_rwlock_unlock(rwlock);
}

static inline void write_lock(struct lg_rwlock *rwlock) LG_ACQUIRES(rwlock)
{
    if (lg_rwlock_write(rwlock, LG_FOREVER) != LG_OK)
        bench_fail("lg_rwlock_write failed");
}

RWLOCK_LOOPS(rwlock, struct lg_rwlock, init_rwlock, read_lock, read_unlock, write_lock, read_unlock)

const struct rwlock_peer peer_lg_rwlock = {.name = "lg_rwlock",
                                           .create = rwlock_create,
                                           .read_pairs = rwlock_read_pairs,
                                           .write_pairs = rwlock_write_pairs,
                                           .read_loop = rwlock_read_loop,
                                           .mix_loop = rwlock_mix_loop,
                                           .rare_loop = rwlock_rare_loop};

/* -- pool ------------------------------------------------------------------------------------- */

static int open_nothing(void *arg, const struct lg_open *open, void **resource)
{
    static char nothing;
    (void)arg;
    (void)open;
    *resource = &nothing;
    return LG_OK;
}

static void close_nothing(void *arg, void *resource)
{
    (void)arg;
    (void)resource;
}

static inline void checkout(struct lg_pool *pool, struct lg_lease *lease)
{
    int status = lg_pool_checkout(pool, LG_FOREVER, lease);
    if (status != LG_OK)
        bench_fail("lg_pool_checkout: %s", lg_status_name(status));
}

static inline void checkin(struct lg_pool *pool, struct lg_lease *lease)
{
    int status = lg_pool_checkin(pool, lease);
    if (status != LG_OK)
        bench_fail("lg_pool_checkin: %s", lg_status_name(status));
}

/* With everything open, so that no opener runs while we measure. */
static void *create_full(const struct lg_pool_options *options)
{
    static const struct lg_driver nothing = LG_DRIVER_INIT("nothing", open_nothing, close_nothing);
    struct lg_pool *pool;
    if (lg_pool_create(&nothing, NULL, options, &pool) != LG_OK)
        bench_fail("lg_pool_create failed");
    struct lg_lease *leases = bench_alloc(options->capacity * sizeof(*leases));
    for (unsigned i = 0; i < options->capacity; i++)
        checkout(pool, &leases[i]);
    for (unsigned i = 0; i < options->capacity; i++)
        checkin(pool, &leases[i]);
    free(leases);
    return pool;
}

/* The ages are HikariCP's defaults: what looks after resources is on. */
static struct lg_pool_options options_of(const char *name, unsigned capacity)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = name;
    options.capacity = capacity;
    options.idle_timeout_ms = 10 * 60 * 1000;
    options.lifetime_ms = 30 * 60 * 1000;
    return options;
}

static void *pool_create(unsigned capacity)
{
    struct lg_pool_options options = options_of("bench", capacity);
    return create_full(&options);
}

static void *ageless_create(unsigned capacity)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.name = "bench, ageless";
    options.capacity = capacity;
    return create_full(&options);
}

/* Newcomers never pass a waiter. */
static void *strict_create(unsigned capacity)
{
    struct lg_pool_options options = options_of("bench, strict", capacity);
    options.overtaking_us = 0;
    return create_full(&options);
}

/* No slot belongs to one context more than to another. */
static void *unbiased_create(unsigned capacity)
{
    struct lg_pool_options options = options_of("bench, unbiased", capacity);
    options.unbiased = 1;
    return create_full(&options);
}

static void count_event(void *arg, const struct lg_pool_event *event)
{
    (void)event;
    ++*(uint64_t *)arg; /* events come one at a time */
}

/* Somebody listens: three events a pair. */
static void *listened_create(unsigned capacity)
{
    static uint64_t events;
    struct lg_pool_options options = options_of("bench, listened", capacity);
    options.on_event = count_event;
    options.on_event_arg = &events;
    return create_full(&options);
}

static void pool_destroy(void *self)
{
    lg_pool_destroy(self);
}

POOL_LOOPS(pool, struct lg_pool, struct lg_lease, checkout, checkin)

const struct pool_peer peer_lg_pool = {.name = "lg_pool",
                                       .create = pool_create,
                                       .destroy = pool_destroy,
                                       .pairs = pool_pairs,
                                       .loop = pool_loop,
                                       .alternate = pool_alternate};

const struct pool_peer peer_lg_pool_ageless = {.name = "lg_pool, no idle timeout",
                                               .create = ageless_create,
                                               .destroy = pool_destroy,
                                               .pairs = pool_pairs,
                                               .loop = pool_loop,
                                               .alternate = pool_alternate};

const struct pool_peer peer_lg_pool_strict = {.name = "lg_pool, strict",
                                              .create = strict_create,
                                              .destroy = pool_destroy,
                                              .pairs = pool_pairs,
                                              .loop = pool_loop,
                                              .alternate = pool_alternate};

const struct pool_peer peer_lg_pool_unbiased = {.name = "lg_pool, unbiased",
                                                .create = unbiased_create,
                                                .destroy = pool_destroy,
                                                .pairs = pool_pairs,
                                                .loop = pool_loop,
                                                .alternate = pool_alternate};

const struct pool_peer peer_lg_pool_listened = {.name = "lg_pool, event sink",
                                                .create = listened_create,
                                                .destroy = pool_destroy,
                                                .pairs = pool_pairs,
                                                .loop = pool_loop,
                                                .alternate = pool_alternate};

/* -- mutex and condition, as a way to hand something over ------------------------------------- */

struct channel {
    struct lg_mutex mutex;
    struct lg_condition full;
    bool is_full; /* guarded by mutex */
};

static void *channel_create(unsigned capacity)
{
    struct channel *channel = bench_alloc(sizeof(*channel));
    channel->is_full = capacity > 0;
    return channel;
}

static void channel_take(struct channel *channel, char *token)
{
    (void)token;
    lock(&channel->mutex);
    while (!channel->is_full)
        if (lg_condition_wait(&channel->full, &channel->mutex, LG_FOREVER) != LG_OK)
            bench_fail("lg_condition_wait failed");
    channel->is_full = false;
    unlock(&channel->mutex);
}

static void channel_give(struct channel *channel, char *token)
{
    (void)token;
    lock(&channel->mutex);
    channel->is_full = true;
    lg_condition_signal(&channel->full);
    unlock(&channel->mutex);
}

ALTERNATE_LOOP(channel, struct channel, char, channel_take, channel_give)

const struct pool_peer peer_lg_condition = {.name = "lg_mutex + lg_condition",
                                            .create = channel_create,
                                            .destroy = free,
                                            .alternate = channel_alternate};
