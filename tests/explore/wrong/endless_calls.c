/* finds: crash */
/* One thread calls itself without end when the other has come first. */
#include <pthread.h>
#include <stddef.h>

static int is_set;

static int count(int depth)
{
    volatile char room[200];
    room[0] = (char)depth;
    return is_set ? count(depth + 1) + room[0] : room[0];
}

static void *work(void *unused)
{
    count(0);
    return unused;
}

static void *set(void *unused)
{
    is_set = 1;
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, work, NULL);
    pthread_create(&threads[1], NULL, set, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
