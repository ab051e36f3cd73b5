/* A lock-free stack whose pop is fooled by a node that was popped and pushed again. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

struct node {
    struct node *_Atomic next;
    atomic_int owners;
};

static struct node nodes[3];
static struct node *_Atomic top;

static void push(struct node *node)
{
    struct node *old = atomic_load(&top);
    do
        atomic_store(&node->next, old);
    while (!atomic_compare_exchange_strong(&top, &old, node));
}

static struct node *pop(void)
{
    struct node *old = atomic_load(&top);
    while (old && !atomic_compare_exchange_strong(&top, &old, atomic_load(&old->next)))
        continue;
    if (old)
        assert(atomic_fetch_add(&old->owners, 1) == 0);
    return old;
}

static void give_back(struct node *node)
{
    atomic_fetch_sub(&node->owners, 1);
    push(node);
}

static void *work(void *unused)
{
    struct node *first = pop();
    struct node *second = pop();
    if (first)
        give_back(first);
    pop();
    (void)second;
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 3; i++)
        push(&nodes[i]);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
