/* finds: assert */
/* A sleep orders nothing. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static atomic_int is_ready;

static void *make_ready(void *unused)
{
    atomic_store(&is_ready, 1);
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, make_ready, NULL);
    usleep(1000);
    assert(atomic_load(&is_ready));
    pthread_join(thread, NULL);
    return 0;
}
