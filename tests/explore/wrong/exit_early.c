/* finds: assert */
/* Nobody joins the threads: what they find is only seen if they run before main ends. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static int a, b;

static void *set(void *unused)
{
    a = 1;
    b = 1;
    return unused;
}

static void *check(void *unused)
{
    int first = a;
    assert(first == b || first == 1);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, set, NULL);
    pthread_create(&threads[1], NULL, check, NULL);
    return 0;
}
