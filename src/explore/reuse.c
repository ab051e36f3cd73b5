#include "explore/reuse.h"

#include "explore/kernel.h"
#include "explore/pages.h"
#include "explore/residue.h"
#include "explore/run.h"
#include "explore/shared.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/resource.h>

/* Processes that had to end although another was hoped for: so many more than runs that had one already, and it is
 * not tried any more. */
#define TRIES     24
#define STACK     ((size_t)32 << 10)
#define INTERRUPT (-EINTR)

/* Shared. */
static struct turn {
    uint32_t
        state; /* atomic, futex: enum lg__reuse_state; a release, and an acquire where it is read */
    bool is_wanted; /* of the next process; written by the campaign before the fork */
} * turn;

/* Private, and not restored; NULL: each run has a process of its own. */
static struct {
    void *place[5]; /* where a run begins (__builtin_setjmp) */
    uint64_t faults;
    bool is_on;    /* this process may be used again */
    bool is_again; /* and has been */
    bool
        is_looked; /* the pages that it has written to are all kept, as long as there are no more faults */
    char stack[STACK] __attribute__((aligned(64)));
} * own;

/* The campaign's. */
static pid_t parked;
static uint64_t wasted, reused;

void lg__reuse_reserve(void)
{
    if (!lg__pages_reserve() || !lg__residue_reserve())
        return;
    turn = lg__shared_allocate(sizeof *turn);
    own = turn ? lg__pages_spare(sizeof *own) : NULL;
}

static void set_turn(enum lg__reuse_state state)
{
    __atomic_store_n(&turn->state, state, __ATOMIC_RELEASE);
    lg__kernel_call(SYS_futex, (long)&turn->state, FUTEX_WAKE, 1, 0);
}

static enum lg__reuse_state get_turn(void)
{
    return __atomic_load_n(&turn->state, __ATOMIC_ACQUIRE);
}

/* Returns when it is not so any more, or at a signal. */
static void sleep_while(enum lg__reuse_state state)
{
    while (get_turn() == state)
        if (lg__kernel_call(SYS_futex, (long)&turn->state, FUTEX_WAIT, state, 0) == INTERRUPT)
            return;
}

/* ---- The campaign ------------------------------------------------------------------------------------ */

/* What is explained or shown has a process of its own: it ends there anyway. */
static bool is_fit(const struct lg__plan *plan)
{
    return !plan->must_journal && !plan->must_show_output && !plan->must_stop;
}

pid_t lg__reuse_resume(void)
{
    if (!own)
        return 0;
    turn->is_wanted = is_fit(&lg__campaign->plan) && wasted < TRIES + reused;
    if (!turn->is_wanted)
        lg__reuse_end();
    pid_t run = parked;
    parked = 0;
    wasted += turn->is_wanted && !run;
    reused += run != 0;
    if (run)
        set_turn(LG__REUSE_RUNNING);
    else
        __atomic_store_n(&turn->state, LG__REUSE_RUNNING,
                         __ATOMIC_RELAXED); /* the fork orders it */
    return run;
}

enum lg__reuse_state lg__reuse_await(pid_t run)
{
    if (!own || !turn->is_wanted)
        return LG__REUSE_LEAVING;
    sleep_while(LG__REUSE_RUNNING);
    enum lg__reuse_state state = get_turn();
    if (state == LG__REUSE_PARKED)
        parked = run;
    return state;
}

void lg__reuse_end(void)
{
    int status;
    if (!parked)
        return;
    kill(parked, SIGKILL);
    while (lg__kernel_call(SYS_wait4, parked, (long)&status, 0, 0) == INTERRUPT)
        ;
    parked = 0;
}

/* ---- A run's process --------------------------------------------------------------------------------- */

bool lg__reuse_is_again(void)
{
    return own && own->is_again;
}

/* Each page that is written to for the first time is a fault, of this thread or another, dead or alive. */
static uint64_t count_faults(const struct rusage *usage)
{
    return (uint64_t)usage->ru_minflt + (uint64_t)usage->ru_majflt;
}

static struct rusage get_usage(void)
{
    struct rusage usage = {0};
    lg__kernel_call(SYS_getrusage, RUSAGE_SELF, (long)&usage, 0, 0);
    return usage;
}

/* All that the run writes from here on is undone after it.  A jump to the saved place finds this function's frame as
 * it is now, because the stack is among what is restored. */
void lg__reuse_enter(void)
{
    if (!own || !turn->is_wanted)
        return;
    if (__builtin_setjmp(own->place))
        return;
    own->is_on = lg__residue_watch() && lg__pages_keep();
    if (own->is_on)
        lg__residue_begin();
    else
        set_turn(LG__REUSE_LEAVING);
}

/* The kernel clears the word when the thread has done with memory. */
int lg__reuse_enter_thread(struct lg__thread *self)
{
    if (!own || !own->is_on)
        return (int)lg__kernel_call(SYS_gettid, 0, 0, 0, 0);
    lg__residue_watch();
    self->is_alive = 1;
    self->next_begun = lg__run.begun;
    lg__run.begun = self;
    return (int)lg__kernel_call(SYS_set_tid_address, (long)&self->is_alive, 0, 0, 0);
}

static void await_threads(void)
{
    for (struct lg__thread *thread = lg__run.begun; thread; thread = thread->next_begun)
        while (__atomic_load_n(&thread->is_alive, __ATOMIC_ACQUIRE))
            lg__kernel_call(SYS_futex, (long)&thread->is_alive, FUTEX_WAIT, 1, 0);
}

/* A second of processor time is enough for one process: a limit of that (ulimit -t) is for each run. */
static bool is_good_for_more(void)
{
    struct rusage usage = get_usage();
    if (usage.ru_utime.tv_sec || usage.ru_stime.tv_sec)
        return false;
    if (!own->is_looked || count_faults(&usage) != own->faults)
        own->is_looked = lg__pages_are_kept();
    return own->is_looked;
}

static void leave(void) __attribute__((noreturn));

static void leave(void)
{
    set_turn(LG__REUSE_LEAVING);
    for (;;)
        lg__kernel_call(SYS_exit_group, 0, 0, 0, 0);
}

/* On the stack that is not restored. */
static void park(void) __attribute__((noreturn, used));

static void park(void)
{
    await_threads();
    if (!is_good_for_more())
        leave();
    lg__pages_restore();
    own->is_again = true;
    set_turn(LG__REUSE_PARKED);
    while (get_turn() == LG__REUSE_PARKED)
        sleep_while(LG__REUSE_PARKED);
    struct rusage usage = get_usage();
    own->faults = count_faults(&usage);
    __builtin_longjmp(own->place, 1);
}

static void park_on(char *stack) __attribute__((noreturn));

static void park_on(char *stack)
{
#if defined(__x86_64__)
    __asm__ volatile("movq %0, %%rsp\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "call *%1"
                     :
                     : "r"(stack), "r"(park)
                     : "memory");
#else
    (void)stack;
#endif
    leave();
}

void lg__reuse_offer(bool is_well)
{
    if (!own || !own->is_on)
        return;
    if (is_well && lg__residue_is_clean() && lg__run.live_count == 1 && lg__self &&
        lg__self->index == 0)
        park_on(own->stack + STACK);
    set_turn(LG__REUSE_LEAVING);
}
