/* Every kind of mutex, tried, timed, and by each clock; a robust one whose owner ends. */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

static pthread_mutex_t recursive, checked, robust, plain = PTHREAD_MUTEX_INITIALIZER;
static pthread_spinlock_t spin;
static int count, spun;

static void make(pthread_mutex_t *mutex, int type, int robustness)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutexattr_setrobust(&attributes, robustness);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static void *die_with_it(void *unused)
{
    assert(!pthread_mutex_lock(&robust));
    return unused;
}

static void *work(void *unused)
{
    struct timespec past = {0, 0}, future;
    assert(!pthread_mutex_lock(&recursive) && !pthread_mutex_lock(&recursive));
    assert(!pthread_mutex_trylock(&recursive));
    count++;
    for (int i = 0; i < 3; i++)
        assert(!pthread_mutex_unlock(&recursive));
    assert(!pthread_mutex_lock(&checked));
    assert(pthread_mutex_lock(&checked) == EDEADLK);
    assert(!pthread_mutex_unlock(&checked));
    assert(pthread_mutex_unlock(&checked) == EPERM);
    int status = pthread_mutex_timedlock(&plain, &past);
    assert(!status || status == ETIMEDOUT);
    if (!status)
        pthread_mutex_unlock(&plain);
    clock_gettime(CLOCK_MONOTONIC, &future);
    future.tv_sec += 100000;
    status = pthread_mutex_clocklock(&plain, CLOCK_MONOTONIC, &future);
    assert(!status || status == ETIMEDOUT);
    if (!status)
        pthread_mutex_unlock(&plain);
    while (pthread_spin_trylock(&spin))
        continue;
    spun++;
    pthread_spin_unlock(&spin);
    pthread_spin_lock(&spin);
    spun++;
    pthread_spin_unlock(&spin);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    make(&recursive, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
    make(&checked, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
    make(&robust, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(count == 2 && spun == 4);
    pthread_create(&threads[0], NULL, die_with_it, NULL);
    pthread_join(threads[0], NULL);
    assert(pthread_mutex_lock(&robust) == EOWNERDEAD);
    assert(!pthread_mutex_consistent(&robust));
    assert(!pthread_mutex_unlock(&robust));
    assert(!pthread_mutex_lock(&robust) && !pthread_mutex_unlock(&robust));
    assert(!pthread_mutex_destroy(&plain) && !pthread_spin_destroy(&spin));
    return 0;
}
