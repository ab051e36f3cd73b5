#include "explore/verdict.h"

#include "explore/journal.h"
#include "explore/real.h"
#include "explore/reuse.h"
#include "explore/share.h"

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
    if (lg__journal_is_on)
        lg__journal_end(state == LG__OUTCOME_FOUND ? outcome->where : 0);
    outcome->state = state;
    lg__run_end();
    if (lg__campaign->plan.must_stop && state == LG__OUTCOME_FOUND)
        lg__real()->raise(SIGTRAP);
    lg__reuse_offer(state == LG__OUTCOME_EXITED);
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
        lg__verdict_add("      called from " LG__PLACE_CODE "\n",
                        thread->frames[depth - 1 - i].site);
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
    lg__campaign->outcome.changes = lg__run.changes - lg__run.changes_before;
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

/* Who has it, or how much of it is out. */
static void add_state(const struct lg__object *object)
{
    char name[NAME_SIZE];
    if (object->owner) {
        lg__name_write(object->owner->index, name, sizeof name);
        lg__verdict_add(" (%s has it)", name);
    } else if (object->kind == LG__OBJECT_RWLOCK && object->readers) {
        lg__verdict_add(" (%u %s it)", object->readers,
                        object->readers == 1 ? "thread reads" : "threads read");
    } else if (object->kind == LG__OBJECT_SEMAPHORE && lg__share_sum(object)) {
        lg__verdict_add(" (no unit is left, %u taken)", lg__share_sum(object));
    } else if (object->kind == LG__OBJECT_BARRIER) {
        lg__verdict_add(" (%u of %u have come)", object->arrived, object->value);
    }
}

/* Units of a semaphore are told of if somebody waits for one. */
static void add_units(const struct lg__thread *thread)
{
    for (uint32_t i = 0; i < lg__run.live_count; i++) {
        const struct lg__object *object = lg__run.live[i]->wait.object;
        bool is_new = object && object->kind == LG__OBJECT_SEMAPHORE && !object->is_signal;
        for (uint32_t j = 0; j < i && is_new; j++)
            is_new = lg__run.live[j]->wait.object != object;
        const struct lg__share *share = is_new ? lg__share_find(object, thread) : NULL;
        if (share)
            lg__verdict_add(
                "        holds %u of semaphore " LG__PLACE_DATA " since " LG__PLACE_CODE "\n",
                share->units, (unsigned long)object->address, (unsigned long)share->site);
    }
}

void lg__verdict_add_wait(const struct lg__thread *thread)
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
        add_state(object);
    } else if (wait->kind == LG__WAIT_ARRIVAL || wait->is_for_signal) {
        lg__verdict_add("for a signal");
    } else {
        lg__verdict_add("for the outside world");
    }
    lg__verdict_add(" at " LG__PLACE_CODE "\n", (unsigned long)wait->site);
    for (uint32_t i = 0; i < thread->held_count && i < 4; i++)
        lg__verdict_add("        holds %s " LG__PLACE_DATA " since " LG__PLACE_CODE "\n",
                        noun_of(thread->held[i].object), thread->held[i].object->address,
                        (unsigned long)thread->held[i].site);
    add_units(thread);
}

void lg__verdict_add_stuck(void)
{
    for (uint32_t i = 0; i < lg__run.live_count && i < 8; i++)
        if (lg__run.live[i]->state == LG__THREAD_BLOCKED)
            lg__verdict_add_wait(lg__run.live[i]);
    if (lg__run.live_count > 8)
        lg__verdict_add("  ... and %u more threads\n", lg__run.live_count - 8);
}

void lg__verdict_livelock(void)
{
    lg__verdict_add("all threads wait or go round in loops in which nothing changes any more\n");
    lg__verdict_add_stuck();
    lg__verdict_found(LG__FINDING_LIVELOCK, 0);
}
