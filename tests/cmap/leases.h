/* Leases: what a scenario has checked out, by label. */
#ifndef LG_CMAP_LEASES_H
#define LG_CMAP_LEASES_H

#include <lifeguard/pool.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct lease_entry {
    const char *label; /* NULL: none */
    struct lg_lease lease;
};

struct leases {
    pthread_mutex_t lock;
    struct lease_entry *list; /* under lock, as the next; those that are out, oldest first */
    size_t count;
    size_t room; /* r/o */
};

bool leases_begin(struct leases *leases, size_t room);
void leases_end(struct leases *leases);

/* False: there is no room. */
bool leases_put(struct leases *leases, const char *label, const struct lg_lease *lease);
/* The latest with this label.  False: there is none. */
bool leases_take(struct leases *leases, const char *label, struct lg_lease *lease);
bool leases_take_any(struct leases *leases, struct lg_lease *lease);

#endif
