/* A scenario is run, judged, and then cleared away whatever came of it.
 *
 * What was reported until the last operation ended is judged, and nothing that the clearing away
 * causes.  The pool delivers an event on whichever thread comes by, perhaps a little after the call that
 * caused it has returned: so expected events that are still missing are waited for a while. */
#include "run.h"

#include "journal.h"
#include "leases.h"
#include "match.h"
#include "mock.h"
#include "pace.h"
#include "threads.h"

#include <string.h>

#define SETTLE_MS 2000  /* for events that are on their way */
#define DRAIN_MS  10000 /* for the pool to close what it has */

#define EVENT_ROOM 65536 /* a dropped event is a failure */

struct run {
    const struct scenario *scenario; /* r/o */
    struct lg_pool *pool;            /* r/o */
    lg_deadline deadline;            /* r/o; no operation goes on after it */
    struct leases leases;
    struct journal journal;
    struct mock mock;
    struct pace pace;
    struct threads threads;
};

static lg_deadline earlier(lg_deadline one, lg_deadline other)
{
    return one < other ? one : other;
}

/* A status of the pool in the words of the format. */
static struct outcome outcome_error(int status)
{
    struct outcome outcome = {.kind = OUTCOME_ERROR};
    const char *text = lg_status_text(status);
    switch (status) {
    case LG_ETIMEDOUT:
        outcome.type = "WaitQueueTimeoutError";
        text = "Timed out while checking out a connection from connection pool";
        break;
    case LG_ECLOSED:
        outcome.type = "PoolClosedError";
        text = "Attempted to check out a connection from closed connection pool";
        break;
    case LG_EPAUSED:
        outcome.type = "PoolClearedError";
        text = "Connection pool for " EVENT_ADDRESS " was cleared because another operation failed";
        break;
    default:
        outcome.type = status == LG_EOPEN ? "ConnectionError" : lg_status_name(status);
        break;
    }
    snprintf(outcome.text, sizeof outcome.text, "%s", text);
    return outcome;
}

static struct outcome check_out(struct run *run, const struct operation *operation)
{
    uint64_t limit_ms = run->scenario->settings.wait_timeout_ms;
    lg_deadline own = limit_ms ? lg_after_ms(limit_ms) : LG_FOREVER;
    struct lg_lease lease;
    if (operation->thread)
        pace_ask(&run->pace, 1);
    else
        pace_set(&run->pace, PACE_ASKING);
    int status = lg_pool_checkout(run->pool, earlier(own, run->deadline), &lease);
    if (operation->thread)
        pace_ask(&run->pace, -1);
    if (status == LG_ETIMEDOUT && run->deadline < own)
        return outcome_broken("checkOut never ended");
    if (status != LG_OK)
        return outcome_error(status);
    if (lg_lease_id(&lease) == 0)
        return outcome_broken("checkOut gave a connection without an id");
    if (!leases_put(&run->leases, operation->label, &lease))
        return outcome_broken("more leases than operations");
    return (struct outcome){0};
}

static struct outcome check_in(struct run *run, const struct operation *operation)
{
    struct lg_lease lease;
    if (!leases_take(&run->leases, operation->label, &lease))
        return outcome_broken("no connection is labelled \"%s\"", operation->label);
    int status = lg_pool_checkin(run->pool, &lease);
    return status == LG_OK ? (struct outcome){0} : outcome_error(status);
}

static struct outcome wait_for_event(struct run *run, const struct operation *operation)
{
    lg_deadline deadline = earlier(lg_after_ms(operation->ms), run->deadline);
    if (!operation->thread)
        pace_set_awaiting(&run->pace, operation->event, operation->count);
    if (journal_wait(&run->journal, operation->event, operation->count, deadline))
        return (struct outcome){0};
    return outcome_broken("%llu of %llu %s came in time",
                          (unsigned long long)journal_count(&run->journal, operation->event),
                          (unsigned long long)operation->count, event_names[operation->event]);
}

/* The main thread gives the others time to get where they are going. */
static void settle(struct run *run)
{
    lg_deadline patience = lg_after_ms(PACE_PATIENCE_MS);
    pace_set_resting(&run->pace, LG_FOREVER);
    while (!pace_is_settled(&run->pace, mock_opening(&run->mock)) && lg_after_ms(0) < patience)
        journal_rest(&run->journal, lg_after_ms(1));
}

static struct outcome rest(struct run *run, const struct operation *operation)
{
    lg_deadline until = lg_after_ms(operation->ms);
    if (!operation->thread)
        pace_set_resting(&run->pace, until);
    journal_rest(&run->journal, earlier(until, run->deadline));
    if (!operation->thread)
        settle(run);
    return until <= run->deadline ? (struct outcome){0} : outcome_broken("the wait is too long");
}

static struct outcome status_outcome(int status)
{
    return status == LG_OK ? (struct outcome){0} : outcome_error(status);
}

/* Those who waited in the pool are sent away; the main thread goes on when they are. */
static struct outcome clear_pool(struct run *run, const struct operation *operation)
{
    uint32_t how = LG_CLEAR_PAUSE | (operation->is_interrupting ? LG_CLEAR_INTERRUPT : 0);
    int status = lg_pool_clear(run->pool, how);
    if (!operation->thread)
        settle(run);
    return status_outcome(status);
}

/* The same.  Close does not wait for what is lent. */
static struct outcome close_pool(struct run *run, const struct operation *operation)
{
    int status = lg_pool_close(run->pool, LG_TRY, NULL, 0, NULL);
    if (!operation->thread)
        settle(run);
    return status_outcome(status == LG_ETIMEDOUT ? LG_OK : status);
}

static struct outcome perform(void *arg, const struct operation *operation)
{
    struct run *run = arg;
    switch (operation->name) {
    case OPERATION_START:
        return threads_start(&run->threads, operation->target);
    case OPERATION_WAIT:
        return rest(run, operation);
    case OPERATION_WAIT_FOR_THREAD:
        pace_set(&run->pace, PACE_JOINING);
        return threads_join(&run->threads, operation->target);
    case OPERATION_WAIT_FOR_EVENT:
        return wait_for_event(run, operation);
    case OPERATION_CHECK_OUT:
        return check_out(run, operation);
    case OPERATION_CHECK_IN:
        return check_in(run, operation);
    case OPERATION_CLEAR:
        return clear_pool(run, operation);
    case OPERATION_CLOSE:
        return close_pool(run, operation);
    case OPERATION_READY:
        return status_outcome(lg_pool_ready(run->pool));
    }
    return outcome_broken("an operation without a meaning");
}

/* All operations, or up to the first that goes wrong on the main thread. */
static struct outcome perform_all(struct run *run, struct complaint *complaint)
{
    struct outcome outcome = {0};
    for (size_t i = 0; i < run->scenario->operation_count; i++) {
        const struct operation *operation = &run->scenario->operations[i];
        outcome =
            operation->thread ? threads_hand(&run->threads, operation) : perform(run, operation);
        pace_set(&run->pace, PACE_RUNNING);
        if (outcome.kind == OUTCOME_BROKEN)
            complain(complaint, "operations[%zu]: %s", i, outcome.text);
        if (outcome.kind != OUTCOME_FINE)
            break;
    }
    return outcome;
}

static void judge_error(const struct scenario *scenario, const struct outcome *outcome,
                        struct complaint *complaint)
{
    if (outcome->kind != OUTCOME_ERROR && scenario->error)
        complain(complaint, "an error is expected, and there was none");
    if (outcome->kind != OUTCOME_ERROR)
        return;
    if (!scenario->error) {
        complain(complaint, "an error that is not expected: %s: %s", outcome->type, outcome->text);
        return;
    }
    json_t *actual = json_pack("{ssssss}", "type", outcome->type, "message", outcome->text,
                               "address", EVENT_ADDRESS);
    match(actual, scenario->error, true, "the error", complaint);
    json_decref(actual);
}

static json_t *drop_ignored(const struct scenario *scenario, json_t *events)
{
    json_t *kept = json_array();
    size_t index;
    json_t *event;
    json_array_foreach(events, index, event)
    {
        const char *type = json_string_value(json_object_get(event, "type"));
        size_t i = 0;
        while (i < EVENT_TYPES && strcmp(event_names[i], type) != 0)
            i++;
        if (i == EVENT_TYPES || !scenario->is_ignored[i])
            json_array_append(kept, event);
    }
    return kept;
}

static void judge_events(const struct scenario *scenario, json_t *events,
                         struct complaint *complaint)
{
    json_t *actual = drop_ignored(scenario, events);
    match(actual, scenario->events, false, "events", complaint);
    json_decref(actual);
}

/* False: out of memory. */
static bool begin(struct run *run, const struct scenario *scenario)
{
    *run = (struct run){
        .scenario = scenario,
        .deadline = lg_after_ms(RUN_TIMEOUT_MS),
        .threads = {.perform = perform, .arg = run, .room = scenario->operation_count},
    };
    if (!leases_begin(&run->leases, scenario->operation_count))
        return false;
    if (!journal_begin(&run->journal, scenario)) {
        leases_end(&run->leases);
        return false;
    }
    pace_begin(&run->pace, &run->journal, &run->threads.busy, &scenario->settings);
    mock_begin(&run->mock, &scenario->fail_point, &run->pace);
    return true;
}

static bool create_pool(struct run *run, struct complaint *complaint)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    event_fill_options(&options, &run->scenario->settings);
    options.name = EVENT_ADDRESS;
    options.detached = 1;      /* a scenario's threads check in what others took */
    options.overtaking_us = 0; /* the format wants strict order */
    options.start_paused = 1;
    options.clear_on_open_failure = 1;
    options.on_event = journal_note;
    options.on_event_arg = &run->journal;
    options.event_room = EVENT_ROOM;
    int status = lg_pool_create(&run->mock.driver, &run->mock, &options, &run->pool);
    run->pace.pool = run->pool;
    if (status == LG_OK)
        return true;
    run->mock.is_destroyed = true; /* nobody else will */
    return complain(complaint, "no pool: %s: %s", lg_status_name(status), lg_status_text(status));
}

/* All operations, and what came of them.  Returns what the pool has reported by then. */
static json_t *perform_and_judge(struct run *run, struct complaint *complaint)
{
    const struct scenario *scenario = run->scenario;
    struct outcome outcome = perform_all(run, complaint);
    judge_error(scenario, &outcome, complaint);
    if (is_content(complaint))
        journal_wait_relevant(&run->journal, json_array_size(scenario->events),
                              lg_after_ms(SETTLE_MS));
    json_t *events = journal_copy(&run->journal);
    outcome = threads_look(&run->threads);
    if (outcome.kind == OUTCOME_BROKEN)
        complain(complaint, "on a thread: %s", outcome.text);
    if (scenario->events)
        judge_events(scenario, events, complaint);
    return events;
}

/* Nothing may be left behind: neither a thread, nor a lease, nor a resource. */
static void clear_away(struct run *run, struct complaint *complaint)
{
    struct lg_lease lease;
    journal_stop(&run->journal);
    lg_pool_close(run->pool, LG_TRY, NULL, 0, NULL);
    threads_end(&run->threads);
    while (leases_take_any(&run->leases, &lease)) {
        int status = lg_pool_checkin(run->pool, &lease);
        if (status != LG_OK)
            complain(complaint, "at the end, checkIn gave %s", lg_status_name(status));
    }
    int status = lg_pool_close(run->pool, lg_after_ms(DRAIN_MS), NULL, 0, NULL);
    if (status != LG_OK)
        complain(complaint, "at the end, close gave %s", lg_status_name(status));
}

static void end(struct run *run, struct complaint *complaint)
{
    lg_pool_destroy(run->pool);
    mock_end(&run->mock, &run->scenario->settings, complaint);
    pace_end(&run->pace);
    if (!is_content(&run->journal.fault))
        complain(complaint, "%s", run->journal.fault.text);
    journal_end(&run->journal);
    leases_end(&run->leases);
}

bool run_scenario(const struct scenario *scenario, struct complaint *complaint, json_t **events)
{
    struct run run;
    *events = NULL;
    if (!begin(&run, scenario))
        return complain(complaint, "out of memory");
    if (create_pool(&run, complaint)) {
        *events = perform_and_judge(&run, complaint);
        clear_away(&run, complaint);
    }
    end(&run, complaint);
    return is_content(complaint);
}
