/* finds: assert */
/* The function of a timer runs in a thread of its own, and counts what main counts, too. */
#include <assert.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

static sem_t has_rung;
static int count;

static void ring(union sigval unused)
{
    (void)unused;
    int seen = count;
    count = seen + 1;
    sem_post(&has_rung);
}

int main(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = ring};
    struct itimerspec soon = {{0, 0}, {0, 1000}};
    timer_t timer;
    sem_init(&has_rung, 0, 0);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer))
        return 2;
    timer_settime(timer, 0, &soon, NULL);
    int seen = count;
    count = seen + 1;
    sem_wait(&has_rung);
    assert(count == 2);
    return 0;
}
