/* The exhaustion error: why there was nothing to lend, in the order in which users can act on it. */
#include "pool/pool.h"

#include "plat/clock.h"
#include "plat/text.h"
#include "pool/tick.h"

#include <stdio.h>
#include <string.h>

/* A lent slot whose holder has ended, or that is out for longer than a lease should be. */
static const struct lg__slot *find_leak(const struct lg_pool *pool, uint64_t now_ms)
{
    for (uint32_t i = 0; i < lg__pool_capacity(pool); i++) {
        const struct lg__slot *slot = &pool->slots[i];
        struct lg__leak leak;
        uint64_t holder;
        bool is_orphan =
            lg__slot_read_holder(slot, &holder) && holder != 0 && !lg__context_is_alive(holder);
        if (is_orphan || lg__leak_find(pool, slot, now_ms, &leak))
            return slot;
    }
    return NULL;
}

static void tell_leak(const struct lg_pool *pool, const struct lg__slot *slot, uint64_t now_ms,
                      struct lg_report *report)
{
    char name[LG_NAME_SIZE];
    char place[LG_PLACE_SIZE];
    uint64_t holder = 0;
    uint32_t age_ms = lg__age_ms(now_ms, lg__load_relaxed(&slot->since_ms));
    (void)lg__slot_read_holder(slot, &holder);
    lg__context_copy_name(holder, name);
    lg__copy_place(place, sizeof place, lg__load_relaxed(&slot->place));
    bool has_ended = holder != 0 && !lg__context_is_alive(holder);
    snprintf(report->detail, sizeof report->detail, "%s %s #%u, taken at %s %llu ms ago", name,
             has_ended ? "did not return" : "holds", (unsigned)(slot - pool->slots),
             place[0] ? place : "(unknown)", (unsigned long long)age_ms);
}

/* With the lock: when the oldest open began; UINT64_MAX: there is none. */
static uint64_t oldest_open(const struct lg_pool *pool)
{
    uint64_t begun_ns = UINT64_MAX;
    for (const struct lg__opening *opening = pool->openings; opening; opening = opening->next)
        begun_ns = opening->begun_ns < begun_ns ? opening->begun_ns : begun_ns;
    return begun_ns;
}

static void tell_hang(const struct lg_pool *pool, uint64_t open_ns, struct lg_report *report)
{
    snprintf(report->detail, sizeof report->detail,
             "one has run for %llu ms, its deadline was after %llu ms",
             (unsigned long long)(open_ns / 1000000),
             (unsigned long long)(pool->open_timeout_ns / 1000000));
}

/* What was seen under the lock. */
struct sight {
    uint64_t last_return_ns;
    uint64_t failures;
    uint64_t open_ns; /* for how long the oldest open has run; 0: there is none */
};

static void classify(struct lg_pool *pool, const struct lg_context *self, struct lg_report *report,
                     const struct sight *sight)
{
    uint64_t now_ns = lg__now_ns();
    const struct lg__slot *leak = find_leak(pool, now_ns / 1000000);
    if (report->cause == LG_EXHAUSTION_DEADLOCK)
        return; /* the detector has said so */
    if (sight->failures > 0) {
        report->cause = LG_EXHAUSTION_OPENS_FAIL;
    } else if (sight->open_ns > pool->open_timeout_ns) {
        report->cause = LG_EXHAUSTION_OPENS_HANG;
        tell_hang(pool, sight->open_ns, report);
    } else if (lg__load_relaxed(&pool->control) & LG__POOL_SUSPENDED) {
        report->cause = LG_EXHAUSTION_SUSPENDED;
    } else if (leak) {
        report->cause = LG_EXHAUSTION_LEAK;
        tell_leak(pool, leak, now_ns / 1000000, report);
    } else {
        /* Slow: nothing came back in the second half of the wait. */
        uint64_t half_ns = (now_ns - self->wait.since_ns) / 2;
        report->cause = now_ns - sight->last_return_ns > half_ns ? LG_EXHAUSTION_SLOW_HOLDERS
                                                                 : LG_EXHAUSTION_BACKLOG;
    }
}

/* Rule 12: with so many, one of the contexts can always go on.  Each may hold as much as any member of
 * the deadlock did before the last thing that it took or wants, and wants as much as any does. */
static struct lg__verdict verdict_for(struct lg_pool *pool, const struct lg_report *report,
                                      uint32_t contexts)
{
    uint32_t most_held = 0, most_wanted = 1;
    uint32_t listed =
        report->member_count < LG_REPORT_MEMBERS ? report->member_count : LG_REPORT_MEMBERS;
    for (uint32_t i = 0; i < listed; i++) {
        const struct lg_report_member *member = &report->members[i];
        bool is_waiting = strcmp(member->waits_name, pool->name) == 0;
        uint32_t wanted = is_waiting ? member->need : 1;
        uint32_t held = 0;
        for (uint32_t j = 0; j < member->hold_count && j < LG_REPORT_HOLDS; j++)
            held += strcmp(member->holds[j].name, pool->name) == 0;
        held -= !is_waiting && held > 0;
        most_held = held > most_held ? held : most_held;
        most_wanted = wanted > most_wanted ? wanted : most_wanted;
    }
    struct lg__verdict verdict = {.contexts = contexts};
    if (most_held > 0)
        verdict = lg__sizing_judge(pool, contexts, most_held + 1);
    verdict.minimum += most_held > 0 ? most_wanted - 1 : 0;
    return verdict;
}

static void tell_minimum(struct lg_pool *pool, struct lg_report *report, uint32_t contexts)
{
    struct lg__verdict verdict = verdict_for(pool, report, contexts);
    report->users = contexts;
    if (pool->advice[0] || verdict.minimum <= lg__pool_capacity(pool))
        return; /* its size is not for its users to choose, or large enough */
    report->minimum = verdict.minimum;
    report->declared = verdict.is_declared ? verdict.contexts : 0;
    if (!verdict.is_declared)
        report->users = verdict.contexts;
    lg__sizing_set_said(pool);
}

void lg__exhaustion_explain(struct lg_pool *pool, struct lg_context *self, int status)
{
    struct lg_report *report = lg__report_of(self);
    lg__raw_lock(&pool->lock);
    uint64_t now_ns = lg__now_ns(); /* under the lock: no waiter is younger */
    uint32_t waiting = pool->queue.count;
    uint64_t open_since_ns = oldest_open(pool);
    struct sight sight = {
        .last_return_ns = lg__load_relaxed(&pool->last_return_ns),
        /* Where everything is open, opens that failed before are not why this waits. */
        .failures = pool->empty_count + lg__pool_opens(pool) > 0 ? pool->failures_running : 0,
        .open_ns = open_since_ns < now_ns ? now_ns - open_since_ns : 0,
    };
    if (status == LG_EOPEN) /* and one that failed is, whatever has worked since */
        sight.failures++;
    uint64_t oldest_ns = pool->queue.first ? now_ns - pool->queue.first->since_ns : 0;
    if (sight.failures > 0 && status != LG_EDEADLK)
        lg__copy_name(report->detail, sizeof report->detail, pool->open_error);
    lg__raw_unlock(&pool->lock);
    report->waiting = waiting;
    report->oldest_ms = oldest_ns / 1000000;
    if (status == LG_EDEADLK) {
        uint32_t contexts = report->member_count > waiting + 1 ? report->member_count : waiting + 1;
        report->cause = LG_EXHAUSTION_DEADLOCK;
        tell_minimum(pool, report, contexts);
        return;
    }
    if (status == LG_EOPEN)
        report->kind = LG_REPORT_OPEN;
    if (status != LG_ECLOSED && status != LG_EPAUSED)
        classify(pool, self, report, &sight);
}
