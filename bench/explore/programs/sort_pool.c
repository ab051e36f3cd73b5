/* Helpers sort what they are given and give parts to others.  Who gives says "work" under the pool's lock and hands the
 * part over under the helper's, but a helper looks for "work" under his own alone. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

#define HELPERS 3
#define ITEMS   16
#define FEW     4 /* are sorted alone */

enum state { IDLE, WORK, DONE };

static struct helper {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum state state;
    int *items;
    int count;
} helpers[HELPERS];

static pthread_mutex_t pool = PTHREAD_MUTEX_INITIALIZER;
static int idle = HELPERS;
static int items[ITEMS];

static struct helper *find_idle(void)
{
    struct helper *found = NULL;
    pthread_mutex_lock(&pool);
    for (int i = 0; i < HELPERS && !found; i++)
        if (helpers[i].state == IDLE)
            found = &helpers[i];
    if (found) {
#ifdef RIGHT
        pthread_mutex_lock(&found->lock);
#endif
        found->state = WORK;
        idle--;
    }
    pthread_mutex_unlock(&pool);
    return found;
}

static void give(struct helper *helper, int *part, int count)
{
#ifndef RIGHT
    pthread_mutex_lock(&helper->lock);
#endif
    helper->items = part;
    helper->count = count;
    pthread_cond_signal(&helper->changed);
    pthread_mutex_unlock(&helper->lock);
}

/* Smaller ones to the front.  Returns where the first item has come to. */
static int divide(int *part, int count)
{
    int border = 0;
    for (int i = 1; i < count; i++) {
        if (part[i] >= part[0])
            continue;
        int other = part[++border];
        part[border] = part[i];
        part[i] = other;
    }
    int first = part[0];
    part[0] = part[border];
    part[border] = first;
    return border;
}

static void sort(int *part, int count)
{
    while (count > 1) {
        int border = divide(part, count);
        struct helper *helper = border > FEW ? find_idle() : NULL;
        if (helper)
            give(helper, part, border);
        else
            sort(part, border);
        part += border + 1;
        count -= border + 1;
    }
}

static void end_all(void)
{
    for (int i = 0; i < HELPERS; i++) {
        pthread_mutex_lock(&helpers[i].lock);
        helpers[i].state = DONE;
        pthread_cond_signal(&helpers[i].changed);
        pthread_mutex_unlock(&helpers[i].lock);
    }
}

static enum state wait_for_work(struct helper *self)
{
    pthread_mutex_lock(&self->lock);
    while (self->state == IDLE)
        pthread_cond_wait(&self->changed, &self->lock);
    enum state state = self->state;
    pthread_mutex_unlock(&self->lock);
    return state;
}

static void *help(void *argument)
{
    struct helper *self = argument;
    while (wait_for_work(self) == WORK) {
        sort(self->items, self->count);
        pthread_mutex_lock(&pool);
#ifdef RIGHT
        pthread_mutex_lock(&self->lock);
#endif
        self->state = IDLE;
#ifdef RIGHT
        pthread_mutex_unlock(&self->lock);
#endif
        if (++idle == HELPERS)
            end_all();
        pthread_mutex_unlock(&pool);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[HELPERS];
    for (int i = 0; i < ITEMS; i++)
        items[i] = i * 7 % ITEMS ^ 8;
    for (int i = 0; i < HELPERS; i++) {
        pthread_mutex_init(&helpers[i].lock, NULL);
        pthread_cond_init(&helpers[i].changed, NULL);
        pthread_create(&threads[i], NULL, help, &helpers[i]);
    }
    give(find_idle(), items, ITEMS);
    for (int i = 0; i < HELPERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < ITEMS; i++)
        assert(items[i - 1] < items[i]);
    return 0;
}
