/* A driver that is stopped while somebody has looked at "stopping" and has not yet counted himself in. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int is_stopping, pending = 1, is_stopped, event;

static int enter(void)
{
    if (atomic_load(&is_stopping))
        return 0;
    atomic_fetch_add(&pending, 1);
    return 1;
}

static void leave(void)
{
    if (atomic_fetch_sub(&pending, 1) == 1)
        atomic_store(&event, 1);
}

static void *use(void *unused)
{
    if (enter()) {
        assert(!atomic_load(&is_stopped));
        leave();
    }
    return unused;
}

int main(void)
{
    pthread_t user;
    pthread_create(&user, NULL, use, NULL);
    atomic_store(&is_stopping, 1);
    leave();
    while (!atomic_load(&event))
        continue;
    atomic_store(&is_stopped, 1);
    pthread_join(user, NULL);
    return 0;
}
