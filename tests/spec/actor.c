/* The threads of a run. */
#include "spec/spec.h"

#include "graph/context.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void actor_hold(struct actor *actor, const struct hold *hold)
{
    if (actor->held_count < SPEC_HOLDS_MAX)
        actor->held[actor->held_count++] = *hold;
}

struct hold *actor_find(struct actor *actor, const struct object *object)
{
    for (uint32_t i = actor->held_count; i > 0; i--)
        if (actor->held[i - 1].object == object)
            return &actor->held[i - 1];
    return NULL;
}

void actor_drop(struct actor *actor, struct hold *hold)
{
    size_t behind = (size_t)(&actor->held[actor->held_count] - hold) - 1;
    memmove(hold, hold + 1, behind * sizeof *hold);
    actor->held_count--;
}

lg_deadline action_deadline(const struct action *action)
{
    return action->hours ? lg_after_ms(action->hours * 3600000ull) : LG_FOREVER;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* "LG_EDEADLK: A wants b, B wants a", whoever closed it. */
static void add_members(char *out, const struct lg_report *report)
{
    char members[LG_REPORT_MEMBERS][SPEC_LINE_SIZE];
    uint32_t count =
        report->member_count < LG_REPORT_MEMBERS ? report->member_count : LG_REPORT_MEMBERS;
    for (uint32_t i = 0; i < count; i++)
        snprintf(members[i], sizeof members[i], "%s wants %s", report->members[i].context,
                 report->members[i].waits_name);
    qsort(members, count, sizeof members[0], compare_lines);
    for (uint32_t i = 0; i < count; i++)
        snprintf(out + strlen(out), SPEC_LINE_SIZE - strlen(out), "%s %s", i ? "," : ":",
                 members[i]);
}

static void write_result(char *out, int status, const struct thing *had)
{
    const char *name = !had ? "" : had->object ? had->object->name : had->thread;
    if (status == LG_OK)
        snprintf(out, SPEC_LINE_SIZE, "ok%s%s", had ? " " : "", name);
    else if (status == SPEC_NOT_HELD)
        snprintf(out, SPEC_LINE_SIZE, "not held");
    else if (status == SPEC_EXIT)
        snprintf(out, SPEC_LINE_SIZE, "ended");
    else
        snprintf(out, SPEC_LINE_SIZE, "%s", lg_status_name(status));
    if (status == LG_EDEADLK)
        add_members(out, lg_report_last());
}

static int perform_from(struct actor *actor, const struct step *step, uint32_t first)
{
    int status = LG_OK;
    bool is_done = false;
    for (uint32_t i = first; i < step->action_count && status == LG_OK && !is_done; i++) {
        status = step->actions[i].verb->perform(actor, &step->actions[i]);
        is_done = step->actions[i].verb->has_body;
    }
    return status;
}

/* The step is the one that is being done, so it stays. */
int actor_do_rest(struct actor *actor, const struct action *action)
{
    const struct step *step = actor->step;
    return perform_from(actor, step, (uint32_t)(action - step->actions) + 1);
}

void actor_let_all_go(struct actor *actor)
{
    while (actor->held_count > 0) {
        struct hold *last = &actor->held[--actor->held_count];
        last->object->kind->let_go(last);
    }
}

static const struct step *next_step(struct actor *actor)
{
    pthread_mutex_lock(&actor->lock);
    while (!actor->step && !actor->must_end)
        pthread_cond_wait(&actor->changed, &actor->lock);
    const struct step *step = actor->step;
    pthread_mutex_unlock(&actor->lock);
    return step;
}

static void *act(void *arg)
{
    struct actor *actor = arg;
    struct lg_cancel_scope scope;
    const struct step *step;
    int status = LG_OK;
    if (lg_context_set_name(actor->name) != LG_OK ||
        lg_cancel_enter(actor->cancel, &scope) != LG_OK)
        abort();
    actor->id = lg_context_id(lg_context_self());
    lg__store_release(&actor->context, lg_context_self());
    while (status != SPEC_EXIT && (step = next_step(actor)) != NULL) {
        char result[SPEC_LINE_SIZE];
        actor->had = NULL;
        status = perform_from(actor, step, 0);
        write_result(result, status, actor->had);
        pthread_mutex_lock(&actor->lock);
        memcpy(actor->result, result, sizeof result);
        actor->step = NULL;
        actor->is_leaving = status == SPEC_EXIT;
        pthread_mutex_unlock(&actor->lock);
    }
    if (status != SPEC_EXIT)
        actor_let_all_go(actor);
    lg_cancel_leave(&scope);
    return NULL;
}

bool actor_start(struct actor *actor, struct actor *crew, const char *name,
                 struct lg_cancel *cancel)
{
    *actor = (struct actor){.name = name, .crew = crew, .cancel = cancel};
    pthread_mutex_init(&actor->lock, NULL);
    pthread_cond_init(&actor->changed, NULL);
    if (pthread_create(&actor->thread, NULL, act, actor) != 0)
        return false;
    while (!lg__load_acquire(&actor->context))
        sched_yield();
    return true;
}

void actor_take(struct actor *actor, const struct step *step)
{
    pthread_mutex_lock(&actor->lock);
    actor->step = step;
    pthread_cond_signal(&actor->changed);
    pthread_mutex_unlock(&actor->lock);
}

static void join(struct actor *actor)
{
    if (!actor->has_ended)
        pthread_join(actor->thread, NULL);
    actor->has_ended = true;
}

bool actor_is_idle(struct actor *actor)
{
    pthread_mutex_lock(&actor->lock);
    bool is_idle = !actor->step;
    bool is_leaving = actor->is_leaving;
    pthread_mutex_unlock(&actor->lock);
    if (is_leaving)
        join(actor);
    return is_idle;
}

void actor_dismiss(struct actor *actor)
{
    pthread_mutex_lock(&actor->lock);
    actor->must_end = true;
    pthread_cond_signal(&actor->changed);
    pthread_mutex_unlock(&actor->lock);
}

void actor_end(struct actor *actor)
{
    join(actor);
    actor_let_all_go(actor); /* what a thread held that has exited */
    pthread_cond_destroy(&actor->changed);
    pthread_mutex_destroy(&actor->lock);
}
