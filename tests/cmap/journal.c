#include "journal.h"

#include <errno.h>
#include <time.h>

bool journal_begin(struct journal *journal, const struct scenario *scenario)
{
    pthread_condattr_t attributes;
    *journal = (struct journal){.scenario = scenario, .events = json_array()};
    if (!journal->events)
        return false;
    pthread_mutex_init(&journal->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&journal->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return true;
}

void journal_end(struct journal *journal)
{
    pthread_cond_destroy(&journal->changed);
    pthread_mutex_destroy(&journal->lock);
    json_decref(journal->events);
}

/* What the pool promises of its sink.  With the lock. */
static void check_promises(struct journal *journal, const struct lg_pool_event *event)
{
    struct complaint *fault = &journal->fault;
    if (event_index(event) == EVENT_TYPES)
        complain(fault, "the pool sent an event of the unknown type %d", (int)event->type);
    if (event->dropped > 0)
        complain(fault, "the pool dropped %llu events", (unsigned long long)event->dropped);
    if (event->number <= journal->last_number)
        complain(fault, "event %llu came after event %llu", (unsigned long long)event->number,
                 (unsigned long long)journal->last_number);
    journal->last_number = event->number;
}

void journal_note(void *arg, const struct lg_pool_event *event)
{
    struct journal *journal = arg;
    bool is_alone = __atomic_add_fetch(&journal->inside, 1, __ATOMIC_SEQ_CST) == 1;
    pthread_mutex_lock(&journal->lock);
    if (!is_alone)
        complain(&journal->fault, "the pool called its sink twice at a time");
    check_promises(journal, event);
    size_t index = event_index(event);
    if (index < EVENT_TYPES) {
        json_t *object = event_describe(event, &journal->scenario->settings);
        if (json_array_append_new(journal->events, object) != 0)
            complain(&journal->fault, "out of memory");
        journal->counts[index]++;
    }
    pthread_cond_broadcast(&journal->changed);
    pthread_mutex_unlock(&journal->lock);
    __atomic_sub_fetch(&journal->inside, 1, __ATOMIC_SEQ_CST);
}

/* With the lock.  False: there is no time left, or the run is over. */
static bool wait_for_change(struct journal *journal, lg_deadline deadline)
{
    struct timespec until = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)};
    if (journal->is_stopped)
        return false;
    return pthread_cond_timedwait(&journal->changed, &journal->lock, &until) != ETIMEDOUT;
}

bool journal_wait(struct journal *journal, size_t event, uint64_t count, lg_deadline deadline)
{
    pthread_mutex_lock(&journal->lock);
    while (journal->counts[event] < count && wait_for_change(journal, deadline))
        continue;
    bool is_there = journal->counts[event] >= count;
    pthread_mutex_unlock(&journal->lock);
    return is_there;
}

/* With the lock. */
static uint64_t count_relevant(const struct journal *journal)
{
    uint64_t count = 0;
    for (size_t i = 0; i < EVENT_TYPES; i++)
        count += journal->scenario->is_ignored[i] ? 0 : journal->counts[i];
    return count;
}

bool journal_wait_relevant(struct journal *journal, uint64_t count, lg_deadline deadline)
{
    pthread_mutex_lock(&journal->lock);
    while (count_relevant(journal) < count && wait_for_change(journal, deadline))
        continue;
    bool is_there = count_relevant(journal) >= count;
    pthread_mutex_unlock(&journal->lock);
    return is_there;
}

void journal_rest(struct journal *journal, lg_deadline deadline)
{
    pthread_mutex_lock(&journal->lock);
    while (wait_for_change(journal, deadline))
        continue;
    pthread_mutex_unlock(&journal->lock);
}

void journal_stop(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    journal->is_stopped = true;
    pthread_cond_broadcast(&journal->changed);
    pthread_mutex_unlock(&journal->lock);
}

uint64_t journal_count(struct journal *journal, size_t event)
{
    pthread_mutex_lock(&journal->lock);
    uint64_t count = journal->counts[event];
    pthread_mutex_unlock(&journal->lock);
    return count;
}

json_t *journal_copy(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    json_t *copy = json_copy(journal->events);
    pthread_mutex_unlock(&journal->lock);
    return copy;
}
