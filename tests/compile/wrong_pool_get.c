/* A pool with a mutex that get() forgets: two processes lease one connection.
// clang: calling function 'connection_pool_ready_count' requires holding mutex 'pool->mutex' exclusively
// clang: calling function 'connection_pool_ready' requires holding mutex 'pool->mutex' exclusively
// clang: calling function 'connection_pool_leased' requires holding mutex 'pool->mutex' exclusively
*/
#include "seeds.h"

int get(struct connection_pool *pool)
{
    if (*connection_pool_ready_count(pool) == 0)
        return -1;
    int connection = (*connection_pool_ready(pool))[--*connection_pool_ready_count(pool)];
    (*connection_pool_leased(pool))[(*connection_pool_leased_count(pool))++] = connection;
    return connection;
}
