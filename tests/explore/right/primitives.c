/* Read-write locks, semaphores, barriers, once, and thread-specific data, with what they promise. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <time.h>

#define THREADS 3

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t units;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int value, made, serials, inside, ended;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void make(void)
{
    made++;
}

static void note_end(void *data)
{
    pthread_mutex_lock(&mutex);
    ended += *(int *)data;
    pthread_mutex_unlock(&mutex);
}

static void enter_and_leave(void)
{
    struct timespec past = {1, 0};
    while (sem_timedwait(&units, &past))
        sem_wait(&units) == 0 ? sem_post(&units) : 0;
    pthread_mutex_lock(&mutex);
    assert(++inside <= 2);
    pthread_mutex_unlock(&mutex);
    pthread_mutex_lock(&mutex);
    inside--;
    pthread_mutex_unlock(&mutex);
    sem_post(&units);
}

static void *work(void *one)
{
    pthread_setspecific(key, one);
    pthread_once(&once, make);
    assert(made == 1);
    pthread_rwlock_wrlock(&lock);
    value++;
    pthread_rwlock_unlock(&lock);
    pthread_rwlock_rdlock(&lock);
    int seen = value;
    assert(seen == value && seen >= 1);
    pthread_rwlock_unlock(&lock);
    enter_and_leave();
    int status = pthread_barrier_wait(&barrier);
    pthread_mutex_lock(&mutex);
    serials += status == PTHREAD_BARRIER_SERIAL_THREAD;
    pthread_mutex_unlock(&mutex);
    assert(value == THREADS);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int one = 1;
    sem_init(&units, 0, 2);
    pthread_barrier_init(&barrier, NULL, THREADS);
    pthread_key_create(&key, note_end);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, &one);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert(serials == 1 && ended == THREADS && made == 1);
    assert(pthread_rwlock_tryrdlock(&lock) == 0 && pthread_rwlock_trywrlock(&lock) == EBUSY);
    pthread_rwlock_unlock(&lock);
    return 0;
}
