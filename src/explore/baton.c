#include "explore/baton.h"

#include "explore/alarm.h"
#include "explore/deadlock.h"
#include "explore/input.h"
#include "explore/journal.h"
#include "explore/kernel.h"
#include "explore/reuse.h"
#include "explore/signal.h"
#include "explore/strategy.h"
#include "explore/tally.h"
#include "explore/verdict.h"

#include <linux/futex.h>

/* Events of one thread in a row, with others ready, after which it has to give way. */
#define FAIR_EVENTS 20000

/* Rounds of spinning threads, with nothing changed and nobody else who could run: then it is a livelock.  Each
 * is some reads of one place, so it is a million of them: a loop may come to its end by itself. */
#define IDLE_ROUNDS 65536

/* ---- Handing over -------------------------------------------------------------------------------- */

/* The words of a thread's baton. */
enum { AWAKE, CHOSEN, ASLEEP };

/* All threads are on one processor.  Who has given the baton away leaves that to the others once before it
 * sleeps: if it is chosen again by then, neither the sleep nor the wake has to be paid for. */
static void sleep_until_chosen(struct lg__thread *self)
{
    uint32_t awake = AWAKE;
    if (__atomic_load_n(&self->baton, __ATOMIC_ACQUIRE) != CHOSEN)
        lg__kernel_call(SYS_sched_yield, 0, 0, 0, 0);
    if (__atomic_compare_exchange_n(&self->baton, &awake, ASLEEP, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_ACQUIRE))
        while (__atomic_load_n(&self->baton, __ATOMIC_ACQUIRE) != CHOSEN)
            lg__kernel_call(SYS_futex, (long)&self->baton, FUTEX_WAIT_PRIVATE, ASLEEP, 0);
    __atomic_store_n(&self->baton, AWAKE, __ATOMIC_RELAXED);
}

/* Pairs with sleep_until_chosen: all that was written with the baton is seen by the next who has it.  Who is
 * seen awake finds that it was chosen before it sleeps, because it says so of the same word. */
static void wake(struct lg__thread *next)
{
    if (__atomic_exchange_n(&next->baton, CHOSEN, __ATOMIC_ACQ_REL) == ASLEEP)
        lg__kernel_call(SYS_futex, (long)&next->baton, FUTEX_WAKE_PRIVATE, 1, 0);
}

/* The next event that has to be looked at, because others must have their turn, or an alarm is due: by the
 * event, so that it does not depend on what is known to be shared. */
void lg__baton_set_stop(struct lg__thread *thread)
{
    uint64_t stop = thread->fair = thread->events + FAIR_EVENTS;
    if (lg__alarm_next != LG__NEVER) {
        uint64_t now = lg__run_now_ns();
        uint64_t rest = lg__alarm_next > now ? (lg__alarm_next - now) / LG__EVENT_NS + 1 : 1;
        stop = rest < FAIR_EVENTS ? thread->events + rest : stop;
    }
    thread->stop = lg__strategy_stop(thread, stop);
}

static void begin_turn(struct lg__thread *thread)
{
    thread->resumed_at = thread->events;
    lg__baton_set_stop(thread);
}

static void pass(struct lg__thread *from, struct lg__thread *to)
{
    lg__run.retired += from->events - from->resumed_at;
    from->resumed_at = from->events;
    lg__run.current = to;
    lg__campaign->current = to->index;
    lg__campaign->current_tid = to->tid;
    begin_turn(to);
    wake(to);
}

/* ---- Who could run ------------------------------------------------------------------------------- */

static bool is_lock_free(const struct lg__object *object, const struct lg__thread *thread)
{
    if (object->kind == LG__OBJECT_RWLOCK)
        return !object->owner && !object->readers;
    return !object->owner || (object->owner == thread && object->is_recursive);
}

bool lg__baton_is_ready(const struct lg__thread *thread)
{
    const struct lg__wait *wait = &thread->wait;
    if (wait->is_cancellable && thread->is_cancelled)
        return !wait->mutex || is_lock_free(wait->mutex, thread);
    switch (wait->kind) {
    case LG__WAIT_NONE:
        return true;
    case LG__WAIT_LOCK:
        return is_lock_free(wait->object, thread);
    case LG__WAIT_READ:
        return !wait->object->owner;
    case LG__WAIT_COUNT:
        return wait->object->value > 0;
    case LG__WAIT_SIGNAL:
        return wait->is_signalled && is_lock_free(wait->mutex, thread);
    case LG__WAIT_TURN:
        return wait->object->generation != wait->stamp;
    case LG__WAIT_END:
        return wait->thread->state == LG__THREAD_ENDED;
    case LG__WAIT_ONCE:
        return wait->object->is_done || !wait->object->owner;
    case LG__WAIT_WORD:
        return wait->is_signalled;
    case LG__WAIT_TIME:
        return false;
    case LG__WAIT_ARRIVAL:
        return lg__signal_arrived(thread, wait->stamp) != 0;
    case LG__WAIT_CHANGE:
        return lg__run.changes != wait->stamp;
    case LG__WAIT_INPUT:
        return lg__input_is_ready(wait);
    }
    return false;
}

/* Its time is over, or may be taken to be. */
static bool is_timed_out(const struct lg__thread *thread)
{
    const struct lg__wait *wait = &thread->wait;
    if (wait->deadline == LG__NEVER)
        return false;
    if (wait->mutex && !is_lock_free(wait->mutex, thread))
        return false;
    return (lg__campaign->plan.is_time_early && !wait->is_punctual) ||
           lg__run_now_ns() >= wait->deadline;
}

static bool can_run(const struct lg__thread *thread)
{
    return thread->state == LG__THREAD_READY || thread->has_signal || lg__baton_is_ready(thread) ||
           is_timed_out(thread);
}

/* The end of the process is put off, and who gives way is not chosen, if anybody else can run. */
static bool must_stand_back(const struct lg__thread *thread)
{
    return thread->is_yielding ||
           (thread->pending == LG__EVENT_EXIT && thread->state == LG__THREAD_READY &&
            lg__campaign->plan.is_exit_late);
}

static uint32_t collect_candidates(void)
{
    struct lg__thread **candidates = lg__run.candidates;
    uint32_t count = 0, back = 0;
    for (uint32_t i = 0; i < lg__run.live_count; i++) {
        struct lg__thread *thread = lg__run.live[i];
        if (!can_run(thread))
            continue;
        if (must_stand_back(thread))
            back++;
        else
            candidates[count++] = thread;
    }
    if (count || !back)
        return count;
    for (uint32_t i = 0; i < lg__run.live_count; i++)
        if (can_run(lg__run.live[i]))
            candidates[count++] = lg__run.live[i];
    return count;
}

/* ---- Nobody can run ------------------------------------------------------------------------------ */

static uint64_t earliest_deadline(void)
{
    uint64_t earliest = lg__alarm_next;
    for (uint32_t i = 0; i < lg__run.live_count; i++) {
        const struct lg__thread *thread = lg__run.live[i];
        const struct lg__wait *wait = &thread->wait;
        if (wait->deadline < earliest && (!wait->mutex || is_lock_free(wait->mutex, thread)))
            earliest = wait->deadline;
    }
    return earliest;
}

static bool release_spinners(void)
{
    bool is_any = false;
    for (uint32_t i = 0; i < lg__run.live_count; i++)
        is_any = is_any || lg__run.live[i]->wait.kind == LG__WAIT_CHANGE;
    if (!is_any)
        return false;
    if (lg__run.changes != lg__run.idle_changes)
        lg__run.idle_rounds = 0;
    if (++lg__run.idle_rounds > IDLE_ROUNDS)
        lg__verdict_livelock();
    lg__baton_changed();
    lg__run.idle_changes = lg__run.changes;
    return true;
}

/* Let time pass, wait for the outside world, or give the verdict that nobody will ever run. */
static void be_idle(void)
{
    uint64_t deadline = earliest_deadline();
    if (lg__input_await(deadline != LG__NEVER))
        return;
    if (deadline != LG__NEVER &&
        (deadline != lg__alarm_next || ++lg__run.idle_alarms < IDLE_ROUNDS)) {
        uint64_t now = lg__run_now_ns();
        if (deadline > now)
            lg__run.leapt_ns += deadline - now;
        return;
    }
    if (!lg__signal_await() && !release_spinners())
        lg__deadlock_everywhere();
}

/* ---- Deciding ------------------------------------------------------------------------------------ */

static void record(const struct lg__thread *from, const struct lg__thread *to)
{
    struct lg__outcome *outcome = &lg__campaign->outcome;
    bool is_preempted = from->state != LG__THREAD_ENDED && !from->is_yielding && can_run(from);
    outcome->preemptions += is_preempted;
    if (outcome->switch_count == LG__SWITCHES_MAX) {
        outcome->has_lost_switches = true;
        return;
    }
    lg__campaign->switches[outcome->switch_count++] =
        (struct lg__switch){.ordinal = from->events,
                            .site = from->pending_site,
                            .address = from->pending_address,
                            .from = from->index,
                            .to = to->index,
                            .kind = is_preempted ? LG__SWITCH_PREEMPT : LG__SWITCH_FREE,
                            .event = from->pending};
}

static void let_signals_come(struct lg__thread *self)
{
    if (lg__alarm_next != LG__NEVER)
        lg__alarm_look(self);
    if (__atomic_load_n(&lg__signal_outside, __ATOMIC_RELAXED))
        lg__signal_look_outside();
}

/* Half of the steps that a run may have, or all, are over. */
static void lose_patience(void)
{
    uint64_t most = lg__campaign->plan.steps_max;
    if (lg__campaign->outcome.steps > most)
        lg__verdict_too_long();
    lg__run.changes_before = lg__run.changes;
    lg__run.patience = most;
}

static struct lg__thread *choose(struct lg__thread *self)
{
    struct lg__outcome *outcome = &lg__campaign->outcome;
    uint32_t count;
    if (lg__journal_is_on)
        lg__journal_settle();
    let_signals_come(self);
    while ((count = collect_candidates()) == 0) {
        be_idle();
        let_signals_come(self);
    }
    lg__run.idle_alarms = 0;
    outcome->steps++;
    outcome->choices += count > 1;
    lg__campaign->heartbeat++;
    if (outcome->steps > lg__run.patience)
        lose_patience();
    struct lg__thread *next = lg__strategy_pick(self, lg__run.candidates, count);
    if (next != self)
        record(self, next);
    return next;
}

/* A blocked thread that was chosen has what it waited for, or has run out of time. */
static void end_wait(struct lg__thread *thread)
{
    if (thread->state != LG__THREAD_BLOCKED)
        return;
    thread->wait.has_timed_out = !thread->has_signal && !lg__baton_is_ready(thread);
    thread->state = LG__THREAD_READY;
}

static void decide(struct lg__thread *self)
{
    struct lg__thread *next = choose(self);
    self->is_yielding = false;
    end_wait(next);
    if (next == self) {
        lg__baton_set_stop(self);
        return;
    }
    pass(self, next);
    sleep_until_chosen(self);
}

/* A handler that has come before the event has had events of its own. */
static void note(struct lg__thread *self, enum lg__event_kind kind, uintptr_t address,
                 uint64_t site, enum lg__entry_state state)
{
    self->pending = kind;
    self->pending_address = address;
    self->pending_site = site;
    lg__journal_event(self, state);
    self->pending = LG__EVENT_NONE;
}

/* ---- What others call ---------------------------------------------------------------------------- */

void lg__baton_look(struct lg__thread *self, enum lg__event_kind kind, uint32_t var,
                    uintptr_t address, uint64_t site)
{
    self->pending = kind;
    self->pending_var = var;
    self->pending_address = address;
    self->pending_site = site;
    if (lg__run.live_count > 1) {
        lg__tally_event(self);
        decide(self);
    } else {
        let_signals_come(self);
        lg__baton_set_stop(self);
    }
    self->pending = LG__EVENT_NONE;
    if (self->has_signal)
        lg__signal_deliver(self);
    if (lg__journal_is_on)
        note(self, kind, address, site, LG__ENTRY_DONE);
}

void lg__baton_point(struct lg__thread *self, enum lg__event_kind kind, uint32_t var,
                     uintptr_t address, uint64_t site)
{
    self->events++;
    lg__baton_look(self, kind, var, address, site);
}

void lg__baton_yield(struct lg__thread *self, uint64_t site)
{
    self->is_yielding = true;
    lg__baton_point(self, LG__EVENT_YIELD, 0, 0, site);
    self->is_yielding = false;
}

/* Until it is chosen: the wait is over, or a signal has arrived. */
static void wait_once(struct lg__thread *self)
{
    self->events++;
    self->state = LG__THREAD_BLOCKED;
    self->wait.has_timed_out = false;
    if (!lg__baton_is_ready(self)) {
        if (lg__journal_is_on)
            lg__journal_event(self, LG__ENTRY_BLOCKED);
        lg__deadlock_look(self);
    }
    lg__tally_event(self);
    decide(self);
}

/* The handlers have run.  Whether the wait goes on after them. */
static bool goes_on(struct lg__thread *self, bool must_restart)
{
    const struct lg__wait *wait = &self->wait;
    if (lg__baton_is_ready(self))
        return false;
    self->was_interrupted = wait->is_interruptible && !(must_restart && wait->is_restartable);
    return !self->was_interrupted;
}

bool lg__baton_wait(struct lg__thread *self)
{
    enum lg__event_kind kind = self->pending;
    uint64_t address = self->pending_address, site = self->pending_site;
    self->was_interrupted = false;
    do
        wait_once(self);
    while (self->has_signal && goes_on(self, lg__signal_deliver(self)));
    bool is_granted = !self->wait.has_timed_out && !self->was_interrupted;
    if (lg__journal_is_on && !self->was_interrupted)
        note(self, kind, address, site, is_granted ? LG__ENTRY_DONE : LG__ENTRY_TIMED_OUT);
    self->wait = (struct lg__wait){.deadline = LG__NEVER};
    self->pending = LG__EVENT_NONE;
    return is_granted;
}

void lg__baton_enter(struct lg__thread *thread)
{
    lg__run_make_room();
    lg__run.live[lg__run.live_count++] = thread;
    lg__run.created++;
}

void lg__baton_await(struct lg__thread *self)
{
    sleep_until_chosen(self);
    self->tid = lg__reuse_enter_thread(self);
    lg__campaign->current_tid = self->tid;
    self->pending = LG__EVENT_NONE;
}

void lg__baton_leave(struct lg__thread *self)
{
    uint32_t place = 0;
    while (lg__run.live[place] != self)
        place++;
    lg__run.live_count--;
    for (; place < lg__run.live_count; place++)
        lg__run.live[place] = lg__run.live[place + 1];
    self->state = LG__THREAD_ENDED;
    self->pending = LG__EVENT_END;
    self->pending_site = 0;
    self->pending_address = 0;
    self->events++;
    if (lg__journal_is_on)
        lg__journal_event(self, LG__ENTRY_DONE);
    if (!lg__run.live_count)
        return;
    struct lg__thread *next = choose(self);
    end_wait(next);
    pass(self, next);
}
