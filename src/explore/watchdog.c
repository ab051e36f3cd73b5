#include "explore/watchdog.h"

#include "explore/campaign.h"
#include "explore/fail.h"
#include "explore/kernel.h"
#include "explore/run.h"
#include "explore/together.h"
#include "explore/verdict.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define TICK_MS     20
#define BUSY_TICKS  100 /* of processor time without an event */
#define SLEEP_TICKS 150 /* asleep without an event */

LG__TOGETHER static struct {
    uint64_t heartbeat;
    uint64_t busy_from; /* processor time, in ticks of the kernel's */
    unsigned asleep;    /* ticks in which it was seen asleep */
    bool was_asked;
} state;

static void tick(int number)
{
    (void)number;
}

void lg__watchdog_begin(void)
{
    struct sigaction action = {.sa_handler = tick};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {{0, TICK_MS * 1000}, {0, TICK_MS * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

void lg__watchdog_reset(void)
{
    memset(&state, 0, sizeof state);
}

/* The state letter and the processor time of a thread, from /proc. */
static bool read_stat(pid_t run, pid_t thread, char *letter, uint64_t *busy)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)run, (int)thread);
    FILE *in = fopen(path, "r");
    if (!in)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, in);
    fclose(in);
    text[length] = 0;
    const char *end = strrchr(text, ')');
    unsigned long user, kernel;
    if (!end || sscanf(end + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", letter,
                       &user, &kernel) != 3)
        return false;
    *busy = user + kernel;
    return true;
}

static const char *name_of_call(long number)
{
    switch (number) {
    case SYS_read:
        return "read";
    case SYS_write:
        return "write";
    case SYS_wait4:
        return "wait4";
    case SYS_flock:
        return "flock";
    case SYS_fcntl:
        return "fcntl";
    case SYS_futex:
        return "futex";
    case SYS_accept:
        return "accept";
    case SYS_connect:
        return "connect";
    case SYS_recvfrom:
        return "recvfrom";
    case SYS_msgrcv:
        return "msgrcv";
    case SYS_rt_sigsuspend:
        return "rt_sigsuspend";
    case SYS_rt_sigtimedwait:
        return "rt_sigtimedwait";
    case SYS_poll:
        return "poll";
    case SYS_epoll_wait:
        return "epoll_wait";
    default:
        return "one that has no name here";
    }
}

/* The system call that a thread is in, and its place in the program's memory.  No signal is sent: it might
 * end the call. */
static long read_call(pid_t run, pid_t thread, uint64_t *site)
{
    char path[64];
    long number = -1;
    unsigned long place = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", (int)run, (int)thread);
    FILE *in = fopen(path, "r");
    if (!in)
        return -1;
    if (fscanf(in, "%ld %*x %*x %*x %*x %*x %*x %*x %lx", &number, &place) != 2)
        number = -1;
    fclose(in);
    *site = place;
    return number;
}

static void end_run(pid_t run, const char *format, const char *first, long second)
{
    struct lg__outcome *outcome = &lg__campaign->outcome;
    kill(run, SIGKILL);
    outcome->state = LG__OUTCOME_CANNOT;
    outcome->text[0] = 0;
    lg__verdict_add(format, first, second);
    if (lg__campaign->stuck_site)
        lg__verdict_add("it is at " LG__PLACE_CODE "\n", (unsigned long)lg__campaign->stuck_site);
}

static void ask(pid_t run, pid_t thread)
{
    state.was_asked = true;
    lg__campaign->stuck_site = 0;
    lg__kernel_call(SYS_tgkill, run, thread, LG__FAIL_ASK, 0);
}

static void look_at_busy(pid_t run, pid_t thread, uint64_t busy, const char *name)
{
    if (!state.busy_from)
        state.busy_from = busy;
    uint64_t limit = (uint64_t)sysconf(_SC_CLK_TCK) * BUSY_TICKS * TICK_MS / 1000;
    if (busy - state.busy_from < limit)
        return;
    if (!state.was_asked) {
        ask(run, thread);
        return;
    }
    end_run(run,
            "%s runs and runs, and comes to no event where another thread could be let run%.0ld: a "
            "loop without a call that -fsanitize=thread has put there; build with -O0 or -Og\n",
            name, 0);
}

static void look_at_sleeper(pid_t run, pid_t thread, const char *name)
{
    if (++state.asleep < SLEEP_TICKS)
        return;
    long number = read_call(run, thread, &lg__campaign->stuck_site);
    char who[128];
    snprintf(who, sizeof who, "%s sleeps in the system call %s", name, name_of_call(number));
    end_run(run, "%s (number %ld), which explore cannot schedule\n", who, number);
}

void lg__watchdog_look(pid_t run)
{
    struct lg__campaign *campaign = lg__campaign;
    pid_t thread = campaign->current_tid ? campaign->current_tid : run;
    char letter, name[64];
    uint64_t busy;
    if (campaign->heartbeat != state.heartbeat) {
        lg__watchdog_reset();
        state.heartbeat = campaign->heartbeat;
        return;
    }
    if (campaign->outcome.state != LG__OUTCOME_RUNNING || campaign->plan.must_stop ||
        !read_stat(run, thread, &letter, &busy))
        return;
    lg__name_write(campaign->current, name, sizeof name);
    if (letter == 'S' || letter == 'D')
        look_at_sleeper(run, thread, name);
    else
        look_at_busy(run, thread, busy, name);
}
