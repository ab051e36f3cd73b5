/* finds: assert */
/* A destructor of the program's, which runs behind all handlers, expects a thread to be through that nobody has
 * joined. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int written, flushed;

static __attribute__((destructor)) void close_all(void)
{
    assert(atomic_load(&flushed) == atomic_load(&written));
}

static void *flush(void *unused)
{
    atomic_store(&flushed, 1);
    return unused;
}

int main(void)
{
    pthread_t thread;
    atomic_store(&written, 1);
    pthread_create(&thread, NULL, flush, NULL);
    pthread_detach(thread);
    return 0;
}
