/* A map that any number of threads change.
// clang: calling function 'shared_map_values' requires holding mutex 'map->lock' exclusively
*/
#include "seeds.h"

void update_shared_data(struct shared_map *map, int key, int value)
{
    (*shared_map_values(map))[key] = value;
}
