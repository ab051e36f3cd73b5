/* The same, around the accessors.
// clang: reading variable 'ready_count' requires holding guard 'lg_use_its_accessor'
// clang: writing variable 'ready_count' requires holding guard 'lg_use_its_accessor' exclusively
// clang: reading variable 'ready' requires holding guard 'lg_use_its_accessor'
*/
#include "seeds.h"

int get(struct connection_pool *pool)
{
    return pool->ready_count > 0 ? pool->ready[--pool->ready_count] : -1;
}
