#include "explore/watchdog.h"

#include "explore/caller.h"
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
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
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

#define CALL(name)                                                                                 \
    {                                                                                              \
        SYS_##name, #name                                                                          \
    }

/* Those that may block. */
static const struct {
    long number;
    const char *name;
} calls[] = {
#if defined(__x86_64__)
    CALL(open),
    CALL(poll),
    CALL(select),
    CALL(epoll_wait),
    CALL(pause),
    CALL(vfork),
#endif
    CALL(read),
    CALL(write),
    CALL(readv),
    CALL(writev),
    CALL(pread64),
    CALL(pwrite64),
    CALL(preadv),
    CALL(pwritev),
    CALL(preadv2),
    CALL(pwritev2),
    CALL(openat),
    CALL(close),
    CALL(ppoll),
    CALL(pselect6),
    CALL(epoll_pwait),
    CALL(epoll_pwait2),
    CALL(connect),
    CALL(accept),
    CALL(accept4),
    CALL(recvfrom),
    CALL(recvmsg),
    CALL(recvmmsg),
    CALL(sendto),
    CALL(sendmsg),
    CALL(sendmmsg),
    CALL(sendfile),
    CALL(splice),
    CALL(tee),
    CALL(vmsplice),
    CALL(flock),
    CALL(fcntl),
    CALL(fsync),
    CALL(fdatasync),
    CALL(msync),
    CALL(ioctl),
    CALL(wait4),
    CALL(waitid),
    CALL(futex),
    CALL(nanosleep),
    CALL(clock_nanosleep),
    CALL(rt_sigsuspend),
    CALL(rt_sigtimedwait),
    CALL(msgrcv),
    CALL(msgsnd),
    CALL(semop),
    CALL(semtimedop),
    CALL(mq_timedreceive),
    CALL(mq_timedsend),
    CALL(io_getevents),
    CALL(io_pgetevents),
    CALL(io_uring_enter),
    CALL(getrandom),
    CALL(ptrace),
    CALL(restart_syscall)};

static const char *name_of_call(long number)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i].number == number)
            return calls[i].name;
    return "one that has no name here";
}

static bool read_memory(pid_t run, uint64_t address, void *out, size_t size)
{
    struct iovec here = {out, size}, there = {(void *)(uintptr_t)address, size};
    return process_vm_readv(run, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* The function that the instruction before a place calls, by way of a table of addresses; 0: it is no such call. */
static uint64_t called_before(pid_t run, uint64_t place)
{
    unsigned char code[16];
    int32_t distance;
    uint64_t at = place, target = 0;
    if (!read_memory(run, place - 6, code, 6))
        return 0;
    memcpy(&distance, code + 2, sizeof distance);
    if (code[1] == 0xe8) { /* call a stub, which jumps */
        at += (uint64_t)(int64_t)distance;
        if (!read_memory(run, at, code, sizeof code))
            return 0;
        size_t skipped = 0;
        if (!memcmp(code, "\xf3\x0f\x1e\xfa", 4)) /* endbr64 */
            skipped = 4;
        skipped += code[skipped] == 0xf2; /* bnd */
        if (code[skipped] != 0xff || code[skipped + 1] != 0x25)
            return 0;
        memcpy(&distance, code + skipped + 2, sizeof distance);
        at += skipped + 6;
    } else if (code[0] != 0xff || code[1] != 0x15) {
        return 0;
    }
    return read_memory(run, at + (uint64_t)(int64_t)distance, &target, sizeof target) ? target : 0;
}

/* The place in the program that has called what sleeps.  Old words lie on the stack as well: it is the one that has
 * called the function nearest to the place within libc.  `at` is that place, if there is none. */
static uint64_t find_caller(pid_t run, uint64_t stack, uint64_t at)
{
    uint64_t found = at, nearest = UINT64_MAX, word;
    lg__caller_look();
    for (size_t i = 0; i < 512 && read_memory(run, stack + 8 * i, &word, sizeof word); i++) {
        uint64_t called = lg__caller_is_instrumented(word) ? called_before(run, word) : 0;
        uint64_t distance = called < at ? at - called : called - at;
        if (called && distance < nearest) {
            nearest = distance;
            found = word;
        }
    }
    return found;
}

/* The system call that a thread is in, and its place in the program's memory.  No signal is sent: it might
 * end the call. */
static long read_call(pid_t run, pid_t thread, uint64_t *site)
{
    char path[64];
    long number = -1;
    unsigned long stack = 0, place = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", (int)run, (int)thread);
    FILE *in = fopen(path, "r");
    if (!in)
        return -1;
    if (fscanf(in, "%ld %*x %*x %*x %*x %*x %*x %lx %lx", &number, &stack, &place) != 3)
        number = -1;
    fclose(in);
    *site = number < 0 ? 0 : find_caller(run, stack, place);
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
