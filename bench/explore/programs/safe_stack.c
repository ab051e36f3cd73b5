/* A stack of three slots from which three threads take one and put it back.  Who takes first closes the slot, by taking
 * its link out, and then changes the top; he may do so with a top that has been taken and put back meanwhile, and
 * a link that is old.  It needs several such errors in a row until one slot has two owners. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#define SLOTS   3
#define THREADS 3
#define ROUNDS  2

enum { END = -2, CLOSED = -1 };

static struct {
    atomic_int link;
    int owner;
} slots[SLOTS];

static atomic_int top, left;

static int take(void)
{
    while (atomic_load(&left) > 1) {
        int first = atomic_load(&top);
        int link = atomic_exchange(&slots[first].link, CLOSED);
        if (link < 0)
            continue;
        int expected = first;
        if (atomic_compare_exchange_strong(&top, &expected, link)) {
            atomic_fetch_sub(&left, 1);
            return first;
        }
        atomic_exchange(&slots[first].link, link);
    }
    return CLOSED;
}

static void put(int slot)
{
    int first = atomic_load(&top);
    do
        atomic_store(&slots[slot].link, first);
    while (!atomic_compare_exchange_strong(&top, &first, slot));
    atomic_fetch_add(&left, 1);
}

static void *work(void *argument)
{
    int mine = *(int *)argument;
    for (int i = 0; i < ROUNDS; i++) {
        int slot;
        while ((slot = take()) < 0)
            continue;
        slots[slot].owner = mine;
        assert(slots[slot].owner == mine);
        put(slot);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < SLOTS; i++)
        atomic_init(&slots[i].link, i + 1 < SLOTS ? i + 1 : END);
    atomic_init(&left, SLOTS);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, work, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
