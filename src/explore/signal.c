#include "explore/signal.h"
#include "explore/signal_file.h"

#include "explore/baton.h"
#include "explore/fail.h"
#include "explore/kernel.h"
#include "explore/real.h"
#include "explore/together.h"
#include "explore/variable.h"
#include "explore/verdict.h"

#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

#define NUMBERS 65 /* from 1 */

LG__TOGETHER uint64_t lg__signal_outside;

static struct sigaction actions[NUMBERS];
static bool is_known[NUMBERS];
static struct lg__arrival *waiting; /* for the process: no thread can have them yet */
static struct lg__clock told;       /* by all senders */

static uint64_t bit_of(int number)
{
    return (uint64_t)1 << (number - 1);
}

uint64_t lg__signal_bits(const sigset_t *set)
{
    uint64_t bits;
    memcpy(&bits, set, sizeof bits);
    return bits;
}

void lg__signal_set_of(uint64_t bits, sigset_t *set)
{
    sigemptyset(set);
    memcpy(set, &bits, sizeof bits);
}

/* ---- What is done about them ------------------------------------------------------------------------- */

bool lg__signal_is_kept(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
           number == SIGABRT || number == SIGSYS || number == SIGTRAP || number == LG__FAIL_ASK;
}

/* What was set before the run began; for those that the runtime handles itself, nothing. */
const struct sigaction *lg__signal_action(int number)
{
    if (!is_known[number]) {
        is_known[number] = true;
        if (lg__signal_is_kept(number))
            actions[number] = (struct sigaction){.sa_handler = SIG_DFL};
        else
            lg__real()->sigaction(number, NULL, &actions[number]);
    }
    return &actions[number];
}

static bool has_handler(const struct sigaction *action)
{
    return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

/* From the kernel, on any thread, which need not have the baton. */
static void note_outside(int number, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    __atomic_fetch_or(&lg__signal_outside, bit_of(number), __ATOMIC_SEQ_CST);
}

void lg__signal_act(int number, const struct sigaction *action)
{
    (void)lg__signal_action(number);
    actions[number] = *action;
    struct sigaction real = *action;
    if (number == LG__FAIL_ASK)
        return;
    if (has_handler(action) && !lg__signal_is_kept(number)) {
        real.sa_sigaction = note_outside;
        real.sa_flags = SA_SIGINFO | SA_RESTART;
    }
    if (has_handler(action) || !lg__signal_is_kept(number))
        lg__real()->sigaction(number, &real, NULL);
}

void lg__signal_forget(void)
{
    for (int number = 1; number < NUMBERS; number++)
        if (is_known[number] && has_handler(&actions[number]))
            lg__real()->sigaction(number, &actions[number], NULL);
}

static bool is_harmless(int number)
{
    return number == SIGCHLD || number == SIGURG || number == SIGWINCH || number == SIGCONT;
}

static bool is_ignored(int number)
{
    const struct sigaction *action = lg__signal_action(number);
    return action->sa_handler == SIG_IGN || (action->sa_handler == SIG_DFL && is_harmless(number));
}

static void end_by(int number, uint64_t site) __attribute__((noreturn));

static void end_by(int number, uint64_t site)
{
    if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
        lg__run_cannot("the program stops itself by a signal\n");
    lg__campaign->outcome.code = number;
    lg__verdict_add("signal %d (%s) ends the program, sent by %s\n", number, strsignal(number),
                    site ? "itself" : "a timer or from outside");
    enum lg__finding finding = number == SIGABRT ? LG__FINDING_ABORT : LG__FINDING_CRASH;
    if (site)
        lg__verdict_found_by(lg__run.current, finding, site);
    lg__campaign->outcome.signature = (uint64_t)number;
    lg__verdict_found(finding, 0);
}

/* ---- Arriving ------------------------------------------------------------------------------------------ */

static uint64_t bits_of(const struct lg__arrival *list)
{
    uint64_t bits = 0;
    for (; list; list = list->next)
        bits |= bit_of(list->info.si_signo);
    return bits;
}

static void look_again(struct lg__thread *thread)
{
    thread->has_signal = (bits_of(thread->arrivals) & ~thread->blocked) != 0;
}

/* One of each of the old signals, all of the real-time ones. */
static void append(struct lg__arrival **list, const siginfo_t *info, uint64_t site)
{
    bool is_one = info->si_signo < SIGRTMIN;
    while (*list) {
        if (is_one && (*list)->info.si_signo == info->si_signo)
            return;
        list = &(*list)->next;
    }
    *list = lg__run_allocate(sizeof **list);
    (*list)->info = *info;
    (*list)->site = site;
}

static struct lg__arrival *cut(struct lg__arrival **list, uint64_t bits)
{
    struct lg__arrival **best = NULL;
    for (; *list; list = &(*list)->next)
        if ((bit_of((*list)->info.si_signo) & bits) &&
            (!best || (*list)->info.si_signo < (*best)->info.si_signo))
            best = list;
    if (!best)
        return NULL;
    struct lg__arrival *found = *best;
    *best = found->next;
    return found;
}

static bool awaits(const struct lg__thread *thread, int number)
{
    return thread->wait.kind == LG__WAIT_ARRIVAL && (thread->wait.stamp & bit_of(number));
}

/* Who gets a signal to the process: main, as the kernel does it, or the first that does not block it; nobody
 * if somebody waits for it, or all block it. */
static struct lg__thread *receiver_of(int number)
{
    struct lg__thread *first = NULL;
    for (uint32_t i = 0; i < lg__run.live_count; i++) {
        struct lg__thread *thread = lg__run.live[i];
        if (awaits(thread, number))
            return NULL;
        if (!first && !(thread->blocked & bit_of(number)))
            first = thread;
    }
    return first;
}

void lg__signal_send(struct lg__thread *thread, const siginfo_t *info, uint64_t site)
{
    int number = info->si_signo;
    if (thread && thread->state == LG__THREAD_ENDED)
        return;
    if (lg__self)
        lg__variable_release(lg__self, &told);
    lg__baton_changed();
    if (!thread)
        thread = receiver_of(number);
    bool is_held = !thread || awaits(thread, number) || (thread->blocked & bit_of(number));
    if (!is_held && is_ignored(number))
        return;
    if (number == SIGKILL || number == SIGSTOP ||
        (!is_held && lg__signal_action(number)->sa_handler == SIG_DFL))
        end_by(number, site);
    append(thread ? &thread->arrivals : &waiting, info, site);
    if (thread)
        look_again(thread);
    lg__signal_file_update();
}

void lg__signal_look_outside(void)
{
    uint64_t bits = __atomic_exchange_n(&lg__signal_outside, 0, __ATOMIC_SEQ_CST);
    for (int number = 1; number < NUMBERS; number++) {
        if (!(bits & bit_of(number)))
            continue;
        siginfo_t info = {.si_signo = number, .si_code = SI_KERNEL};
        lg__campaign->outcome.is_unrepeatable = true;
        lg__signal_send(NULL, &info, 0);
    }
}

static bool is_anybody_waiting(void)
{
    for (uint32_t i = 0; i < lg__run.live_count; i++) {
        const struct lg__wait *wait = &lg__run.live[i]->wait;
        if (wait->kind == LG__WAIT_ARRIVAL ||
            (wait->kind == LG__WAIT_TIME && wait->is_for_signal) ||
            (wait->kind == LG__WAIT_INPUT && lg__signal_file_is_any()))
            return true;
    }
    return false;
}

bool lg__signal_await(void)
{
    siginfo_t info;
    struct timespec moment = {0, 1000000};
    if (!is_anybody_waiting() || waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT))
        return false;
    lg__kernel_call(SYS_ppoll, 0, 0, (long)&moment, 0);
    lg__signal_look_outside();
    return true;
}

/* ---- Being delivered ----------------------------------------------------------------------------------- */

static void set_kernel_mask(uint64_t bits)
{
    sigset_t set;
    lg__signal_set_of(bits, &set);
    for (int number = 1; number < NUMBERS; number++)
        if (lg__signal_is_kept(number))
            sigdelset(&set, number);
    lg__real()->pthread_sigmask(SIG_SETMASK, &set, NULL);
}

void lg__signal_block(struct lg__thread *self, uint64_t bits)
{
    bits &= ~(bit_of(SIGKILL) | bit_of(SIGSTOP));
    if (bits != self->blocked)
        set_kernel_mask(bits);
    self->blocked = bits;
    for (struct lg__arrival *mine; (mine = cut(&waiting, ~bits));)
        append(&self->arrivals, &mine->info, mine->site);
    look_again(self);
    lg__signal_file_update();
}

static void call_handler(const struct sigaction *action, siginfo_t *info)
{
    if (!(action->sa_flags & SA_SIGINFO)) {
        action->sa_handler(info->si_signo);
        return;
    }
    ucontext_t context;
    getcontext(&context);
    action->sa_sigaction(info->si_signo, info, &context);
}

/* What the thread was about to do stays as it was. */
static void handle(struct lg__thread *self, struct lg__arrival *arrival)
{
    int number = arrival->info.si_signo;
    struct sigaction action = *lg__signal_action(number);
    if (is_ignored(number))
        return;
    if (!has_handler(&action))
        end_by(number, arrival->site);
    if (action.sa_flags & (int)SA_RESETHAND)
        lg__signal_act(number, &(struct sigaction){.sa_handler = SIG_DFL});
    struct lg__wait wait = self->wait;
    enum lg__event_kind pending = self->pending;
    uint32_t var = self->pending_var;
    uint64_t site = self->pending_site, address = self->pending_address;
    uint64_t blocked = self->blocked;
    bool is_yielding = self->is_yielding;
    self->wait = (struct lg__wait){.deadline = LG__NEVER};
    self->events++;
    lg__clock_join(&self->clock, &told);
    lg__signal_block(self, blocked | lg__signal_bits(&action.sa_mask) |
                               (action.sa_flags & SA_NODEFER ? 0 : bit_of(number)));
    call_handler(&action, &arrival->info);
    lg__signal_block(self, blocked);
    self->wait = wait;
    self->pending = pending;
    self->pending_var = var;
    self->pending_site = site;
    self->pending_address = address;
    self->is_yielding = is_yielding;
}

bool lg__signal_deliver(struct lg__thread *self)
{
    bool must_restart = true;
    struct lg__arrival *arrival;
    while (self->has_signal && (arrival = cut(&self->arrivals, ~self->blocked))) {
        const struct sigaction *action = lg__signal_action(arrival->info.si_signo);
        if (has_handler(action) && !(action->sa_flags & SA_RESTART))
            must_restart = false;
        look_again(self);
        handle(self, arrival);
    }
    look_again(self);
    lg__signal_file_update();
    return must_restart;
}

uint64_t lg__signal_pending(void)
{
    uint64_t bits = bits_of(waiting);
    for (uint32_t i = 0; i < lg__run.live_count; i++)
        bits |= bits_of(lg__run.live[i]->arrivals);
    return bits;
}

/* ---- Being waited for ---------------------------------------------------------------------------------- */

uint64_t lg__signal_arrived(const struct lg__thread *thread, uint64_t bits)
{
    return (bits_of(thread->arrivals) | bits_of(waiting)) & bits;
}

bool lg__signal_take(struct lg__thread *self, uint64_t bits, siginfo_t *info)
{
    struct lg__arrival *arrival = cut(&self->arrivals, bits);
    if (!arrival)
        arrival = cut(&waiting, bits);
    if (!arrival)
        return false;
    look_again(self);
    lg__signal_file_update();
    lg__clock_join(&self->clock, &told);
    *info = arrival->info;
    return true;
}
