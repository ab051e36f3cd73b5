/* The lock of one map and the data of another.
// clang: calling function 'shared_map_values' requires holding mutex 'map->lock' exclusively
*/
#include "seeds.h"

static struct shared_map other = {.lock = LG_MUTEX_INIT("other")};

void update_shared_data(struct shared_map *map, int key, int value)
{
    LG_WITH_MUTEX(&other.lock, LG_FOREVER, status) {
        (*shared_map_values(map))[key] = value;
    }
    (void)status;
}
