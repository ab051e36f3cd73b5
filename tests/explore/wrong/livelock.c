/* finds: livelock */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int turn;

static void *wait_for_turn(void *unused)
{
    /* Nobody ever sets it to 2. */
    while (atomic_load(&turn) != 2)
        continue;
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_turn, NULL);
    atomic_store(&turn, 1);
    pthread_join(thread, NULL);
    return 0;
}
