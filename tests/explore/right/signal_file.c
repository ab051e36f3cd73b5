/* Signals as a file: read one and several, polled, not waited for, with another set, of a timer and of a thread. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static int file, handed_over;

static void *send_it(void *unused)
{
    handed_over = 1;
    kill(getpid(), SIGUSR1);
    return unused;
}

static unsigned next(void)
{
    struct signalfd_siginfo info;
    assert(read(file, &info, sizeof info) == sizeof info);
    return info.ssi_signo;
}

int main(void)
{
    struct signalfd_siginfo several[4];
    struct pollfd one;
    pthread_t thread;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGALRM);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    file = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    assert(file >= 0);
    assert(read(file, several, sizeof several) == -1 && errno == EAGAIN);
    assert(read(file, several, 1) == -1 && errno == EINVAL);
    close(file);

    file = signalfd(-1, &set, 0);
    pthread_create(&thread, NULL, send_it, NULL);
    assert(next() == SIGUSR1 && handed_over == 1);
    pthread_join(thread, NULL);

    one = (struct pollfd){.fd = file, .events = POLLIN};
    assert(poll(&one, 1, 0) == 0);
    raise(SIGUSR1);
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 7});
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 8});
    assert(poll(&one, 1, 0) == 1);
    assert(read(file, several, sizeof several) == 3 * sizeof *several);
    assert(several[0].ssi_signo == SIGUSR1 && several[1].ssi_int == 7 && several[2].ssi_int == 8);
    assert(poll(&one, 1, 0) == 0);

    struct itimerspec soon = {{0, 0}, {0, 1000}};
    timer_t timer;
    assert(!timer_create(CLOCK_MONOTONIC, NULL, &timer));
    assert(!timer_settime(timer, 0, &soon, NULL));
    assert(poll(&one, 1, -1) == 1);
    assert(next() == SIGALRM);

    sigdelset(&set, SIGUSR1);
    assert(signalfd(file, &set, 0) == file);
    raise(SIGUSR1);
    assert(poll(&one, 1, 0) == 0);
    sigaddset(&set, SIGUSR1);
    assert(signalfd(file, &set, 0) == file);
    assert(next() == SIGUSR1);
    close(file);
    return 0;
}
