/* libzdb: its pool of connections, over SQLite databases that live in memory.
 *
 * It cannot wait: when all connections are out it returns NULL, so its users poll.  Each checkout
 * asks the database whether it is still there, and that is part of what is measured. */
#include "peers.h"

#include <sched.h>
#include <stdlib.h>

#include <zdb.h>

struct zdb {
    URL_T url;
    ConnectionPool_T connections;
};

static inline void zdb_take(struct zdb *pool, Connection_T *item)
{
    while ((*item = ConnectionPool_getConnection(pool->connections)) == NULL)
        sched_yield();
}

static inline void zdb_give(struct zdb *pool, Connection_T *item)
{
    ConnectionPool_returnConnection(pool->connections, *item);
}

static void *zdb_create(unsigned capacity)
{
    struct zdb *pool = bench_alloc(sizeof(*pool));
    pool->url = URL_new("sqlite:///:memory:");
    if (pool->url == NULL)
        bench_fail("libzdb refuses the address of a database in memory");
    pool->connections = ConnectionPool_new(pool->url);
    ConnectionPool_setInitialConnections(pool->connections, (int)capacity);
    ConnectionPool_setMaxConnections(pool->connections, (int)capacity);
    ConnectionPool_start(pool->connections);
    return pool;
}

static void zdb_destroy(void *self)
{
    struct zdb *pool = self;
    ConnectionPool_free(&pool->connections);
    URL_free(&pool->url);
    free(pool);
}

POOL_LOOPS(zdb, struct zdb, Connection_T, zdb_take, zdb_give)

/* It says "libzdb/3.1" and whose it is. */
static const char *zdb_version(void)
{
    static char text[16]; /* asked for on the main thread only */
    sscanf(ConnectionPool_version(), "libzdb/%15[0-9.]", text);
    return text;
}

const struct pool_peer peer_zdb = {.name = "libzdb (polls)",
                                   .version = zdb_version,
                                   .create = zdb_create,
                                   .destroy = zdb_destroy,
                                   .pairs = zdb_pairs,
                                   .loop = zdb_loop,
                                   .alternate = zdb_alternate};
