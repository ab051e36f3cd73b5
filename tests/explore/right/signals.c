/* Signals in all their ways: handlers, masks, waits, timers, interrupted calls, a jump out of a handler. */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t handled, depth, value;
static pthread_t receiver;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static int is_set, started;

static void count(int number)
{
    (void)number;
    handled++;
}

static void count_in_receiver(int number)
{
    assert(pthread_equal(pthread_self(), receiver));
    count(number);
    sem_post(&semaphore);
}

static void *wait_for_condition(void *unused)
{
    receiver = pthread_self();
    pthread_mutex_lock(&mutex);
    started = 1;
    pthread_cond_broadcast(&condition);
    while (!is_set)
        pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void send_to_waiter(void)
{
    pthread_t thread;
    handled = 0;
    sem_init(&semaphore, 0, 0);
    signal(SIGUSR1, count_in_receiver);
    pthread_create(&thread, NULL, wait_for_condition, NULL);
    pthread_mutex_lock(&mutex);
    while (!started)
        pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    assert(!pthread_kill(thread, SIGUSR1));
    sem_wait(&semaphore);
    assert(handled == 1);
    pthread_mutex_lock(&mutex);
    is_set = 1;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
}

static void *take_signals(void *set)
{
    int number, sum = 0;
    while (!sigwait(set, &number) && number != SIGTERM)
        sum += number == SIGUSR2;
    assert(sum == 1 || sum == 2);
    return NULL;
}

static void *take_values(void *set)
{
    siginfo_t info;
    int sum = 0;
    for (int i = 0; i < 2; i++) {
        assert(sigwaitinfo(set, &info) == SIGRTMIN + 1);
        sum += info.si_value.sival_int;
    }
    assert(sum == 15);
    struct timespec moment = {0, 1000};
    assert(sigtimedwait(set, &info, &moment) == -1 && errno == EAGAIN);
    return NULL;
}

static void wait_in_threads(void)
{
    sigset_t set, values, old;
    pthread_t threads[2];
    sigemptyset(&set);
    sigemptyset(&values);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR2);
    sigaddset(&values, SIGRTMIN + 1);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    pthread_sigmask(SIG_BLOCK, &values, NULL);
    pthread_create(&threads[0], NULL, take_signals, &set);
    pthread_create(&threads[1], NULL, take_values, &values);
    kill(getpid(), SIGUSR2);
    kill(getpid(), SIGUSR2);
    kill(getpid(), SIGTERM);
    sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 7});
    pthread_sigqueue(threads[1], SIGRTMIN + 1, (union sigval){.sival_int = 8});
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void hold_back(void)
{
    sigset_t set, none;
    handled = 0;
    signal(SIGUSR2, count);
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR2);
    assert(handled == 0);
    sigpending(&set);
    assert(sigismember(&set, SIGUSR2) && !sigismember(&set, SIGUSR1));
    assert(sigsuspend(&none) == -1 && errno == EINTR && handled == 1);
    raise(SIGUSR2);
    assert(handled == 1);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    assert(handled == 2);
}

static sigjmp_buf place;

static void jump(int number)
{
    siglongjmp(place, number);
}

static void interrupt_calls(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = count;
    handled = 0;
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    unsigned rest = sleep(10);
    while (!handled)
        sleep(10);
    assert(handled == 1 && rest < 10);
    alarm(2);
    while (handled < 2) {
        struct timespec time;
        clock_gettime(CLOCK_REALTIME, &time);
        time.tv_sec += 10;
        assert(sem_timedwait(&semaphore, &time) == -1);
        assert(errno == EINTR || errno == ETIMEDOUT);
    }
    alarm(100);
    assert(alarm(0) <= 100 || handled == 3);
    struct itimerval ticks = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &ticks, NULL);
    while (handled < 5)
        pause();
    memset(&ticks, 0, sizeof ticks);
    setitimer(ITIMER_REAL, &ticks, NULL);
    signal(SIGALRM, jump);
    for (int i = 0; i < 2; i++) {
        if (!sigsetjmp(place, 1)) {
            alarm(1);
            for (;;)
                pause();
        }
    }
}

static void tell(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    value = info->si_value.sival_int;
}

/* Alone, in a loop without a call. */
static void wait_for_timer(void)
{
    struct sigaction action;
    struct sigevent event;
    struct itimerspec time = {{0, 0}, {0, 500000}};
    timer_t timer;
    memset(&action, 0, sizeof action);
    memset(&event, 0, sizeof event);
    action.sa_sigaction = tell;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGRTMIN, &action, NULL);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN;
    event.sigev_value.sival_int = 42;
    assert(!timer_create(CLOCK_MONOTONIC, &event, &timer));
    assert(!timer_settime(timer, 0, &time, NULL));
    while (!value)
        depth++;
    assert(value == 42);
    assert(!timer_delete(timer));
}

int main(void)
{
    send_to_waiter();
    wait_in_threads();
    hold_back();
    interrupt_calls();
    wait_for_timer();
    return 0;
}
