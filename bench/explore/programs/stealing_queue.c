/* A work-stealing queue whose owner takes from the tail without the lock, and looks at the head too early. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#define ITEMS 4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int head, tail, taken[ITEMS];
static int items[ITEMS];

static void take(int item)
{
    int before = atomic_fetch_add(&taken[item], 1);
    assert(!before);
}

static void push(int item)
{
    int at = atomic_load(&tail);
    items[at] = item;
    atomic_store(&tail, at + 1);
}

/* The owner's: it should look at the head after it has drawn the tail back. */
static void pop(void)
{
    int first = atomic_load(&head);
    int last = atomic_load(&tail) - 1;
    if (last < first)
        return;
    atomic_store(&tail, last);
    take(items[last]);
}

static void *steal(void *unused)
{
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&lock);
        int first = atomic_load(&head);
        if (first < atomic_load(&tail)) {
            int item = items[first];
            atomic_store(&head, first + 1);
            take(item);
        }
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

int main(void)
{
    pthread_t thief;
    pthread_create(&thief, NULL, steal, NULL);
    for (int i = 0; i < ITEMS; i++) {
        push(i);
        if (i % 2)
            pop();
    }
    pop();
    pthread_join(thief, NULL);
    return 0;
}
