/* N threads set two variables one after the other; a checker must never see the first alone. */
#include <pthread.h>
#include <stdlib.h>

#ifndef N
#define N 3
#endif

static int a, b;

static void *set(void *unused)
{
    a = 1;
    b = -1;
    return unused;
}

static void *check(void *unused)
{
    if (!((a == 0 && b == 0) || (a == 1 && b == -1)))
        abort();
    return unused;
}

int main(void)
{
    static pthread_t threads[N + 1];
    for (int i = 0; i < N; i++)
        pthread_create(&threads[i], NULL, set, NULL);
    pthread_create(&threads[N], NULL, check, NULL);
    for (int i = 0; i <= N; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
