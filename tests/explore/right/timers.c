/* Timers that are files, and timers that call a function in a thread of its own; once and again and again. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
static sem_t called;
static int calls;
static void call(union sigval value)
{
    assert(value.sival_int == 7);
    __atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST);
    sem_post(&called);
}
static int file, plain;
static void *reader(void *unused)
{
    uint64_t times;
    assert(read(file, &times, 8) == 8 && times >= 1);
    assert(plain == 5);
    return unused;
}
int main(void)
{
    struct itimerspec once = {{0, 0}, {3600, 0}}, old, often = {{0, 1000000}, {0, 1000000}},
                      none = {{0, 0}, {0, 0}};
    uint64_t times;
    pthread_t thread;
    file = timerfd_create(CLOCK_MONOTONIC, 0);
    assert(file >= 0);
    plain = 5;
    assert(!timerfd_settime(file, 0, &once, NULL));
    assert(!timerfd_gettime(file, &old) && old.it_value.tv_sec > 3000);
    pthread_create(&thread, NULL, reader, NULL);
    pthread_join(thread, NULL);
    assert(!timerfd_settime(file, 0, &often, NULL));
    struct pollfd one = {.fd = file, .events = POLLIN};
    assert(poll(&one, 1, -1) == 1);
    assert(!timerfd_settime(file, 0, &none, &old) && old.it_interval.tv_nsec == 1000000);
    assert(poll(&one, 1, 0) == 0);
    close(file);
    timer_t timer;
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD, .sigev_notify_function = call, .sigev_value.sival_int = 7};
    sem_init(&called, 0, 0);
    assert(!timer_create(CLOCK_MONOTONIC, &event, &timer));
    assert(!timer_settime(timer, 0, &once, NULL));
    sem_wait(&called);
    assert(!timer_gettime(timer, &old) && !old.it_value.tv_sec);
    assert(!timer_settime(timer, 0, &often, NULL));
    sem_wait(&called);
    sem_wait(&called);
    assert(!timer_delete(timer));
    assert(timer_delete(timer) == -1 && errno == EINVAL);
    return 0;
}
