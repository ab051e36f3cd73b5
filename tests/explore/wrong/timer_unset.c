/* finds: deadlock */
/* Who sets the timer does so only if somebody waits already; else nobody ever will. */
#include <pthread.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int timer, is_waiting;

static void *wait_for_it(void *unused)
{
    uint64_t times;
    __atomic_store_n(&is_waiting, 1, __ATOMIC_SEQ_CST);
    (void)!read(timer, &times, sizeof times);
    return unused;
}

int main(void)
{
    struct itimerspec soon = {{0, 0}, {0, 1000}};
    pthread_t thread;
    timer = timerfd_create(CLOCK_MONOTONIC, 0);
    pthread_create(&thread, NULL, wait_for_it, NULL);
    if (__atomic_load_n(&is_waiting, __ATOMIC_SEQ_CST))
        timerfd_settime(timer, 0, &soon, NULL);
    pthread_join(thread, NULL);
    return 0;
}
