/* mongo-c-driver: mongoc_client_pool.  No server is asked: a client is only taken and given back.
 *
 * The first client taken starts the driver's monitor; it looks for its server on a port of this
 * machine where nobody listens, as rarely as it can be told to. */
#include "peers.h"

#include <stdlib.h>

#include <mongoc/mongoc.h>

static void ignore_log(mongoc_log_level_t level, const char *domain, const char *text, void *arg)
{
    (void)level;
    (void)domain;
    (void)text;
    (void)arg;
}

static inline void clients_take(mongoc_client_pool_t *pool, mongoc_client_t **item)
{
    *item = mongoc_client_pool_pop(pool);
}

static inline void clients_give(mongoc_client_pool_t *pool, mongoc_client_t **item)
{
    mongoc_client_pool_push(pool, *item);
}

/* Clients are made when they are taken first: take them all once. */
static void fill(mongoc_client_pool_t *pool, unsigned capacity)
{
    mongoc_client_t **clients = bench_alloc(capacity * sizeof(mongoc_client_t *));
    for (unsigned i = 0; i < capacity; i++)
        clients_take(pool, &clients[i]);
    for (unsigned i = 0; i < capacity; i++)
        clients_give(pool, &clients[i]);
    free(clients);
}

static void *clients_create(unsigned capacity)
{
    static bool is_initialised; /* created on the main thread only */
    char address[128];
    if (!is_initialised) {
        mongoc_log_set_handler(ignore_log, NULL);
        mongoc_init();
    }
    is_initialised = true;
    snprintf(address, sizeof(address),
             "mongodb://127.0.0.1:1/?maxPoolSize=%u&heartbeatFrequencyMS=100000000", capacity);
    mongoc_uri_t *uri = mongoc_uri_new(address);
    mongoc_client_pool_t *pool = uri != NULL ? mongoc_client_pool_new(uri) : NULL;
    if (pool == NULL)
        bench_fail("mongoc_client_pool_new failed");
    mongoc_uri_destroy(uri);
    fill(pool, capacity);
    return pool;
}

static void clients_destroy(void *self)
{
    mongoc_client_pool_destroy(self);
}

POOL_LOOPS(clients, mongoc_client_pool_t, mongoc_client_t *, clients_take, clients_give)

const struct pool_peer peer_mongoc = {.name = "mongoc_client_pool",
                                      .version = mongoc_get_version,
                                      .create = clients_create,
                                      .destroy = clients_destroy,
                                      .pairs = clients_pairs,
                                      .loop = clients_loop,
                                      .alternate = clients_alternate};
