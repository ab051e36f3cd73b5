#include "explore/verdict.h"

#include "explore/real.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 64

static void end_run(enum lg__outcome_state state) __attribute__((noreturn));

static void end_run(enum lg__outcome_state state)
{
    struct lg__outcome *outcome = &lg__campaign->outcome;
    outcome->threads = lg__run.created;
    outcome->events = lg__run_events();
    outcome->state = state;
    if (lg__campaign->plan.must_stop && state == LG__OUTCOME_FOUND)
        raise(SIGTRAP);
    lg__real()->_exit(0);
    __builtin_unreachable();
}

static void add_text(const char *format, va_list arguments)
{
    char *text = lg__campaign->outcome.text;
    size_t used = strlen(text);
    vsnprintf(text + used, LG__OUTCOME_TEXT - used, format, arguments);
}

void lg__verdict_add(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_text(format, arguments);
    va_end(arguments);
}

void lg__run_cannot(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    lg__campaign->outcome.text[0] = 0;
    add_text(format, arguments);
    va_end(arguments);
    end_run(LG__OUTCOME_CANNOT);
}

void lg__verdict_add_calls(const struct lg__thread *thread)
{
    uint32_t depth = thread->depth < LG__FRAMES_MAX ? thread->depth : LG__FRAMES_MAX;
    /* The outermost was called by libc or by the runtime. */
    for (uint32_t i = 0; i < 4 && i + 1 < depth; i++)
        lg__verdict_add("      called from " LG__PLACE_CODE "\n", thread->frames[depth - 1 - i]);
}

/* ---- Findings --------------------------------------------------------------------------------------- */

void lg__verdict_found(enum lg__finding finding, uint64_t where)
{
    struct lg__outcome *outcome = &lg__campaign->outcome;
    outcome->finding = finding;
    outcome->where = where;
    outcome->signature =
        ((uint64_t)finding << 56) ^ where * 0x9e3779b97f4a7c15u ^ outcome->signature;
    end_run(LG__OUTCOME_FOUND);
}

void lg__verdict_found_by(const struct lg__thread *thread, enum lg__finding finding, uint64_t where)
{
    char name[NAME_SIZE];
    lg__name_write(thread->index, name, sizeof name);
    lg__verdict_add("    by %s at " LG__PLACE_CODE "\n", name, where);
    lg__verdict_add_calls(thread);
    lg__verdict_found(finding, where);
}

void lg__verdict_exited(int status)
{
    lg__campaign->outcome.code = status;
    if (status) {
        lg__verdict_add("the program ended with exit code %d\n", status);
        lg__verdict_found(LG__FINDING_EXIT_CODE, 0);
    }
    end_run(LG__OUTCOME_EXITED);
}

void lg__verdict_too_long(void)
{
    end_run(LG__OUTCOME_TOO_LONG);
}

void lg__verdict_diverged(const struct lg__thread *thread, const struct lg__switch *record,
                          const char *reason)
{
    char name[NAME_SIZE];
    lg__name_write(thread->index, name, sizeof name);
    lg__verdict_add("%s at its event %lu (%s) " LG__PLACE_CODE ": %s\n", name,
                    (unsigned long)thread->events, lg__event_name(thread->pending),
                    (unsigned long)thread->pending_site, reason);
    lg__verdict_add("recorded: event %lu (%s) " LG__PLACE_CODE "\n", (unsigned long)record->ordinal,
                    lg__event_name(record->event), (unsigned long)record->site);
    end_run(LG__OUTCOME_DIVERGED);
}

/* ---- Who waits for whom ------------------------------------------------------------------------------ */

static const char *noun_of(const struct lg__object *object)
{
    switch (object->kind) {
    case LG__OBJECT_MUTEX:
        return "mutex";
    case LG__OBJECT_SPIN:
        return "spin lock";
    case LG__OBJECT_RWLOCK:
        return "rwlock";
    case LG__OBJECT_CONDITION:
        return "condition";
    case LG__OBJECT_SEMAPHORE:
        return "semaphore";
    case LG__OBJECT_BARRIER:
        return "barrier";
    case LG__OBJECT_ONCE:
        return "once";
    case LG__OBJECT_STREAM:
        return "stream";
    default:
        return "futex";
    }
}

/* What it waits for: the mutex of a wait that was signalled already. */
static const struct lg__object *wanted_by(const struct lg__thread *thread)
{
    const struct lg__wait *wait = &thread->wait;
    return wait->kind == LG__WAIT_SIGNAL && wait->is_signalled ? wait->mutex : wait->object;
}

static void add_wait(const struct lg__thread *thread)
{
    const struct lg__wait *wait = &thread->wait;
    const struct lg__object *object = wanted_by(thread);
    char name[NAME_SIZE];
    lg__name_write(thread->index, name, sizeof name);
    lg__verdict_add("  %-5s waits ", name);
    if (wait->kind == LG__WAIT_END) {
        lg__name_write(wait->thread->index, name, sizeof name);
        lg__verdict_add("for the end of %s", name);
    } else if (wait->kind == LG__WAIT_CHANGE) {
        lg__verdict_add("in a loop for a change of " LG__PLACE_DATA,
                        (unsigned long)thread->pending_address);
    } else if (object) {
        lg__verdict_add("for %s " LG__PLACE_DATA, noun_of(object), object->address);
        if (object->owner) {
            lg__name_write(object->owner->index, name, sizeof name);
            lg__verdict_add(" (%s has it)", name);
        }
    } else {
        lg__verdict_add("for the outside world");
    }
    lg__verdict_add(" at " LG__PLACE_CODE "\n", (unsigned long)wait->site);
    for (uint32_t i = 0; i < thread->held_count && i < 4; i++)
        lg__verdict_add("        holds %s " LG__PLACE_DATA " since " LG__PLACE_CODE "\n",
                        noun_of(thread->held[i].object), thread->held[i].object->address,
                        (unsigned long)thread->held[i].site);
}

static bool is_lock_wait(const struct lg__thread *thread)
{
    enum lg__wait_kind kind = thread->wait.kind;
    return kind == LG__WAIT_LOCK || kind == LG__WAIT_READ ||
           (kind == LG__WAIT_SIGNAL && thread->wait.is_signalled);
}

/* The thread that one waits for, where it is only one. */
static const struct lg__thread *awaited_by(const struct lg__thread *thread)
{
    if (thread->state != LG__THREAD_BLOCKED || thread->wait.deadline != LG__NEVER)
        return NULL;
    if (thread->wait.kind == LG__WAIT_END)
        return thread->wait.thread;
    if (is_lock_wait(thread) && wanted_by(thread))
        return wanted_by(thread)->owner;
    return NULL;
}

/* Whether following who waits for whom from a thread ends in a ring. */
static bool ends_in_ring(const struct lg__thread *thread)
{
    uint32_t steps = 0;
    while (thread && steps++ <= lg__run.live_count)
        thread = awaited_by(thread);
    return thread != NULL;
}

static bool is_waiting_for_signal(void)
{
    for (uint32_t i = 0; i < lg__run.live_count; i++) {
        const struct lg__thread *thread = lg__run.live[i];
        enum lg__wait_kind kind = thread->wait.kind;
        if (thread->state == LG__THREAD_BLOCKED &&
            ((kind == LG__WAIT_SIGNAL && !thread->wait.is_signalled) || kind == LG__WAIT_COUNT ||
             kind == LG__WAIT_TURN || kind == LG__WAIT_WORD))
            return true;
    }
    return false;
}

static bool is_any_ring(void)
{
    for (uint32_t i = 0; i < lg__run.live_count; i++)
        if (ends_in_ring(lg__run.live[i]))
            return true;
    return false;
}

/* The sum over the places where threads wait: the same whatever the threads are called. */
static uint64_t sum_of_places(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < lg__run.live_count; i++)
        sum += lg__run.live[i]->wait.site * 0x9e3779b97f4a7c15u;
    return sum;
}

static void found_stuck(enum lg__finding finding, uint64_t where)
{
    for (uint32_t i = 0; i < lg__run.live_count && i < 8; i++)
        if (lg__run.live[i]->state == LG__THREAD_BLOCKED)
            add_wait(lg__run.live[i]);
    if (lg__run.live_count > 8)
        lg__verdict_add("  ... and %u more threads\n", lg__run.live_count - 8);
    lg__verdict_found(finding, where);
}

void lg__verdict_deadlock(void)
{
    bool is_lost = !is_any_ring() && is_waiting_for_signal();
    lg__campaign->outcome.signature = sum_of_places();
    lg__verdict_add(is_lost ? "nobody is left who could wake the threads that wait\n"
                            : "no thread can go on\n");
    found_stuck(is_lost ? LG__FINDING_LOST_WAKEUP : LG__FINDING_DEADLOCK, 0);
    __builtin_unreachable();
}

void lg__verdict_livelock(void)
{
    lg__verdict_add("all threads wait or go round in loops in which nothing changes any more\n");
    found_stuck(LG__FINDING_LIVELOCK, 0);
    __builtin_unreachable();
}

void lg__verdict_look(const struct lg__thread *self)
{
    const struct lg__thread *thread = awaited_by(self);
    uint32_t steps = 0;
    for (; thread && thread != self && steps <= lg__run.live_count; steps++)
        thread = awaited_by(thread);
    if (thread != self)
        return;
    lg__verdict_add("these threads wait for one another\n");
    do {
        lg__campaign->outcome.signature += thread->wait.site * 0x9e3779b97f4a7c15u;
        add_wait(thread);
        thread = awaited_by(thread);
    } while (thread != self);
    lg__verdict_found(LG__FINDING_DEADLOCK, 0);
}
