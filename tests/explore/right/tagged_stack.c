/* A stack of three slots whose top has a number that changes with each change of it: who holds an old top fails. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS   3
#define THREADS 3
#define NONE    SLOTS

static struct {
    atomic_uint link;
    int owner;
} slots[SLOTS];

/* The number in the upper half, the slot in the lower. */
static _Atomic uint64_t top;

static uint64_t next_top(uint64_t old, uint32_t slot)
{
    return ((old >> 32) + 1) << 32 | slot;
}

static uint32_t take(void)
{
    uint64_t old = atomic_load(&top);
    while ((uint32_t)old != NONE) {
        uint32_t slot = (uint32_t)old;
        if (atomic_compare_exchange_strong(&top, &old,
                                           next_top(old, atomic_load(&slots[slot].link))))
            return slot;
    }
    return NONE;
}

static void put(uint32_t slot)
{
    uint64_t old = atomic_load(&top);
    do
        atomic_store(&slots[slot].link, (uint32_t)old);
    while (!atomic_compare_exchange_strong(&top, &old, next_top(old, slot)));
}

static void *work(void *argument)
{
    int mine = *(int *)argument;
    for (int i = 0; i < 2; i++) {
        uint32_t slot = take();
        assert(slot != NONE);
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
    for (uint32_t i = 0; i < SLOTS; i++)
        atomic_init(&slots[i].link, i + 1);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, work, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
