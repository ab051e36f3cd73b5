#include <assert.h>
#include <stddef.h>
#include <threads.h>
#include <time.h>

static mtx_t mutex;
static cnd_t condition;
static once_flag flag = ONCE_FLAG_INIT;
static tss_t slot;
static int made, is_ready, ended;

static void make(void)
{
    made++;
}

static void note_end(void *data)
{
    ended += *(int *)data;
}

static int wait_for_it(void *one)
{
    tss_set(slot, one);
    call_once(&flag, make);
    mtx_lock(&mutex);
    while (!is_ready)
        cnd_wait(&condition, &mutex);
    mtx_unlock(&mutex);
    return 5;
}

static int make_ready(void *unused)
{
    (void)unused;
    struct timespec moment = {0, 1000};
    thrd_sleep(&moment, NULL);
    thrd_yield();
    call_once(&flag, make);
    while (mtx_trylock(&mutex) == thrd_busy)
        thrd_yield();
    is_ready = 1;
    cnd_signal(&condition);
    mtx_unlock(&mutex);
    thrd_exit(6);
}

int main(void)
{
    thrd_t threads[2];
    int results[2], one = 1;
    mtx_init(&mutex, mtx_timed | mtx_recursive);
    cnd_init(&condition);
    tss_create(&slot, note_end);
    thrd_create(&threads[0], wait_for_it, &one);
    thrd_create(&threads[1], make_ready, NULL);
    thrd_join(threads[0], &results[0]);
    thrd_join(threads[1], &results[1]);
    assert(results[0] == 5 && results[1] == 6 && made == 1 && ended == 1);
    return 0;
}
