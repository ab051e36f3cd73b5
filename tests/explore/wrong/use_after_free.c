/* finds: use-after-free */
#include <pthread.h>
#include <stdlib.h>

struct node {
    int value;
};

static struct node *_Atomic shared;

static void *use(void *unused)
{
    struct node *node = shared;
    if (node)
        node->value++;
    return unused;
}

static void *drop(void *unused)
{
    struct node *node = shared;
    shared = NULL;
    free(node);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    shared = calloc(1, sizeof(struct node));
    pthread_create(&threads[0], NULL, use, NULL);
    pthread_create(&threads[1], NULL, drop, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
