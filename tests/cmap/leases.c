#include "leases.h"

#include <stdlib.h>
#include <string.h>

bool leases_begin(struct leases *leases, size_t room)
{
    *leases = (struct leases){.room = room, .list = calloc(room + 1, sizeof *leases->list)};
    pthread_mutex_init(&leases->lock, NULL);
    return leases->list != NULL;
}

void leases_end(struct leases *leases)
{
    pthread_mutex_destroy(&leases->lock);
    free(leases->list);
    leases->list = NULL;
}

bool leases_put(struct leases *leases, const char *label, const struct lg_lease *lease)
{
    pthread_mutex_lock(&leases->lock);
    bool has_room = leases->count < leases->room;
    if (has_room)
        leases->list[leases->count++] = (struct lease_entry){label, *lease};
    pthread_mutex_unlock(&leases->lock);
    return has_room;
}

/* With the lock. */
static bool take_at(struct leases *leases, size_t index, struct lg_lease *lease)
{
    if (index >= leases->count)
        return false;
    *lease = leases->list[index].lease;
    leases->count--;
    memmove(&leases->list[index], &leases->list[index + 1],
            (leases->count - index) * sizeof *leases->list);
    return true;
}

bool leases_take(struct leases *leases, const char *label, struct lg_lease *lease)
{
    pthread_mutex_lock(&leases->lock);
    size_t index = leases->count;
    for (size_t i = 0; i < leases->count; i++)
        if (leases->list[i].label && !strcmp(leases->list[i].label, label))
            index = i;
    bool is_there = take_at(leases, index, lease);
    pthread_mutex_unlock(&leases->lock);
    return is_there;
}

bool leases_take_any(struct leases *leases, struct lg_lease *lease)
{
    pthread_mutex_lock(&leases->lock);
    bool is_there = take_at(leases, 0, lease);
    pthread_mutex_unlock(&leases->lock);
    return is_there;
}
