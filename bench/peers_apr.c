/* Apache Portable Runtime: apr_reslist. */
#include "peers.h"

#include <stdlib.h>

#include <apr_general.h>
#include <apr_reslist.h>
#include <apu_version.h>

struct reslist {
    apr_pool_t *memory;
    apr_reslist_t *list;
};

static apr_status_t open_nothing(void **resource, void *arg, apr_pool_t *memory)
{
    static char nothing;
    (void)arg;
    (void)memory;
    *resource = &nothing;
    return APR_SUCCESS;
}

static apr_status_t close_nothing(void *resource, void *arg, apr_pool_t *memory)
{
    (void)resource;
    (void)arg;
    (void)memory;
    return APR_SUCCESS;
}

static void *reslist_create(unsigned capacity)
{
    static bool is_initialised; /* created on the main thread only */
    struct reslist *pool = bench_alloc(sizeof(*pool));
    int size = (int)capacity;
    if (!is_initialised && apr_initialize() != APR_SUCCESS)
        bench_fail("apr_initialize failed");
    is_initialised = true;
    if (apr_pool_create(&pool->memory, NULL) != APR_SUCCESS ||
        apr_reslist_create(&pool->list, size, size, size, 0, open_nothing, close_nothing, NULL,
                           pool->memory) != APR_SUCCESS)
        bench_fail("apr_reslist_create failed");
    return pool;
}

static void reslist_destroy(void *self)
{
    struct reslist *pool = self;
    apr_reslist_destroy(pool->list);
    apr_pool_destroy(pool->memory);
    free(pool);
}

static inline void reslist_take(struct reslist *pool, void **item)
{
    if (apr_reslist_acquire(pool->list, item) != APR_SUCCESS)
        bench_fail("apr_reslist_acquire failed");
}

static inline void reslist_give(struct reslist *pool, void **item)
{
    if (apr_reslist_release(pool->list, *item) != APR_SUCCESS)
        bench_fail("apr_reslist_release failed");
}

POOL_LOOPS(reslist, struct reslist, void *, reslist_take, reslist_give)

const struct pool_peer peer_apr = {.name = "apr_reslist",
                                   .version = apu_version_string,
                                   .create = reslist_create,
                                   .destroy = reslist_destroy,
                                   .pairs = reslist_pairs,
                                   .loop = reslist_loop,
                                   .alternate = reslist_alternate};
