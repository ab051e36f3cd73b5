/* finds: assert */
/* Calls that were left by a jump are none of those that the failure is in. */
#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <stddef.h>

static int count;

static void leave(jmp_buf place, int depth)
{
    if (depth)
        leave(place, depth - 1);
    longjmp(place, 1);
}

static void check(int value)
{
    assert(count == value);
}

static void *work(void *unused)
{
    jmp_buf place;
    if (!setjmp(place))
        leave(place, 20);
    int value = count;
    count = value + 1;
    check(value + 1);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
