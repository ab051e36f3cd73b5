/* The shared things of two bug reports that began this library: a pool of connections that has a mutex
 * and does not use it, so that it leases one connection twice; and a counter, a map and a log file whose
 * increments, entries and lines are lost.  The wrong_ programs beside this header are those programs,
 * right_seeds.c is their mended twin. */
#include <lifeguard/guarded.h>
#include <lifeguard/mutex.h>

#include <stdio.h>

#define CONNECTIONS 10

struct connection_pool {
    struct lg_mutex mutex;
    int ready[CONNECTIONS] LG_GUARDED;
    int leased[CONNECTIONS] LG_GUARDED;
    int ready_count LG_GUARDED;
    int leased_count LG_GUARDED;
};
LG_GUARD(connection_pool, mutex, ready)
LG_GUARD(connection_pool, mutex, leased)
LG_GUARD(connection_pool, mutex, ready_count)
LG_GUARD(connection_pool, mutex, leased_count)

#define ENTRIES 100

struct shared_map {
    struct lg_mutex lock;
    int values[ENTRIES] LG_GUARDED;
};
LG_GUARD(shared_map, lock, values)

int get(struct connection_pool *pool);
void increment_counter(void);
void update_shared_data(struct shared_map *map, int key, int value);
void write_to_log(const char *message);
