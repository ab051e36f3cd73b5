/* Publication by release and acquire, by fences, a ticket lock, and a compare-and-swap loop: all ordered, no
 * race.  Run with --races=fail. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

static int message, fenced;
static atomic_int is_sent, is_fenced, next_ticket, now_serving, sum;
static int guarded;

static void *send(void *unused)
{
    message = 42;
    atomic_store_explicit(&is_sent, 1, memory_order_release);
    fenced = 7;
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&is_fenced, 1, memory_order_relaxed);
    return unused;
}

static void *receive(void *unused)
{
    while (!atomic_load_explicit(&is_sent, memory_order_acquire))
        continue;
    assert(message == 42);
    while (!atomic_load_explicit(&is_fenced, memory_order_relaxed))
        continue;
    atomic_thread_fence(memory_order_acquire);
    assert(fenced == 7);
    return unused;
}

static void *take_ticket(void *unused)
{
    int mine = atomic_fetch_add(&next_ticket, 1);
    while (atomic_load(&now_serving) != mine)
        continue;
    guarded++;
    atomic_fetch_add(&now_serving, 1);
    int old = atomic_load(&sum);
    while (!atomic_compare_exchange_weak(&sum, &old, old + 2))
        continue;
    return unused;
}

int main(void)
{
    pthread_t threads[4];
    pthread_create(&threads[0], NULL, receive, NULL);
    pthread_create(&threads[1], NULL, send, NULL);
    pthread_create(&threads[2], NULL, take_ticket, NULL);
    pthread_create(&threads[3], NULL, take_ticket, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert(guarded == 2 && atomic_load(&sum) == 4);
    return 0;
}
