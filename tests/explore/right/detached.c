/* Detached threads, a thread started by a thread, main that ends first, a caller's own stack. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int count;
static char stack[256 * 1024] __attribute__((aligned(64)));

static void *grandchild(void *unused)
{
    atomic_fetch_add(&count, 1);
    return unused;
}

static void *child(void *unused)
{
    pthread_t thread;
    pthread_create(&thread, NULL, grandchild, NULL);
    pthread_detach(thread);
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_create(&thread, &attributes, child, NULL);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_JOINABLE);
    pthread_attr_setstack(&attributes, stack, sizeof stack);
    pthread_create(&thread, &attributes, grandchild, NULL);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    assert(atomic_load(&count) >= 1);
    pthread_exit(NULL);
}
