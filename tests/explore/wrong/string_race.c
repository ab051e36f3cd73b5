/* finds: assert */
#include <assert.h>
#include <pthread.h>
#include <string.h>

static char current[32] = "idle";

static void *set(void *unused)
{
    strcpy(current, "stopped");
    return unused;
}

/* Between its two looks it may be another. */
static void *look(void *unused)
{
    char copy[32];
    size_t length = strlen(current);
    strcpy(copy, current);
    assert(strlen(copy) == length);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, set, NULL);
    pthread_create(&threads[1], NULL, look, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
