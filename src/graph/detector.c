/* The detector: when a wait begins, is the waiter in a set that can never go on?
 *
 * Three steps, each only if the one before could not say no:
 *   1. First look: do contexts that run hold enough?  A load or two; nothing is shared, no lock.
 *   2. A small search on the stack, still without a lock.  Its "no" is final: whoever it saw running
 *      will look for itself when it blocks, and then sees this wait (W1: of all who close a ring the
 *      last to begin sees the others).
 *   3. The judgement, one at a time under the detector lock: a large search, verified.  Two who close
 *      one ring at once are judged one after the other, and the second finds the ring gone.
 *
 * Lock rank: detector lock, then one pin at a time, then the lock of the queue of what the pinned one
 * waits for.  No callback runs under it. */
#include "graph/detector.h"

#include "graph/compose.h"
#include "plat/clock.h"
#include "plat/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum detect { DETECT_UNSET, DETECT_ERROR, DETECT_LOG, DETECT_OFF };

static struct lg__raw_lock detector_lock;
static struct lg_report composed; /* under detector_lock */
static uint32_t detect_mode;      /* atomic; enum detect, set at first use */

void lg__detector_hold(void)
{
    lg__raw_lock(&detector_lock);
}

void lg__detector_let_go(void)
{
    lg__raw_unlock(&detector_lock);
}

void lg__detector_fork_prepare(void)
{
    lg__raw_lock(&detector_lock);
}

void lg__detector_fork_parent(void)
{
    lg__raw_unlock(&detector_lock);
}

void lg__detector_fork_child(void)
{
    detector_lock = (struct lg__raw_lock){0};
}

/* A log callback that is called while a wait goes on may wait itself, which takes a record of its own:
 * it runs under another context. */
static struct lg_context *begin_guest(void)
{
    return lg__context_set_aside();
}

static void end_guest(struct lg_context *self)
{
    if (lg_context_resume(self) == LG_EBUSY) { /* the callback holds on to something: let it be */
        (void)lg_context_detach();
        (void)!lg_context_resume(self);
    }
}

static enum detect read_mode(const char *wish)
{
    if (wish && strcmp(wish, "log") == 0)
        return DETECT_LOG;
    if (wish && strcmp(wish, "off") == 0)
        return DETECT_OFF;
    return DETECT_ERROR;
}

/* Once the mode is set: the callback may wait, and ask for it.  As in log_as_guest, it runs under
 * another context, for this one's wait has begun. */
static void log_bad_mode(const char *wish)
{
    char text[160];
    snprintf(text, sizeof text,
             "LIFEGUARD_DETECT is \"%.40s\", which is none of error, log, off; using error", wish);
    struct lg_context *self = begin_guest();
    lg__log(LG_LOG_WARN, "bad-environment", NULL, 0, text);
    end_guest(self);
}

static enum detect get_mode(void)
{
    uint32_t mode = lg__load_acquire(&detect_mode);
    if (lg__likely(mode != DETECT_UNSET))
        return mode;
    const char *wish = getenv("LIFEGUARD_DETECT");
    mode = read_mode(wish); /* two threads may both read it, and read the same */
    lg__store_release(&detect_mode, mode);
    if (mode == DETECT_ERROR && wish && strcmp(wish, "error") != 0)
        log_bad_mode(wish);
    return mode;
}

/* The order in which members are tried as victims (rule 3): whoever may keep its wait longest goes
 * last, a condition's re-lock very last; one that was told already and released nothing goes after
 * those that were not. */
static uint32_t category(const struct lg__member *member)
{
    if (member->is_relock)
        return 2;
    return lg__load_relaxed(&member->context->has_been_told) ? 1 : 0;
}

static bool goes_before(const struct lg__search *search, uint32_t a, uint32_t b)
{
    const struct lg__member *x = &search->members[a];
    const struct lg__member *y = &search->members[b];
    if (category(x) != category(y))
        return category(x) < category(y);
    lg_deadline x_deadline = x->is_relock ? LG_FOREVER : x->deadline;
    lg_deadline y_deadline = y->is_relock ? LG_FOREVER : y->deadline;
    if (x_deadline != y_deadline)
        return x_deadline < y_deadline;
    if (a == 0 || b == 0)
        return a == 0; /* the closer */
    return x->since_ns > y->since_ns;
}

/* Whether a term would not be served even if all others gave back what they hold. */
static bool is_its_own(const struct lg__search *search, const struct lg__term *term)
{
    const struct lg__resource *resource = &search->resources[term->resource];
    int64_t of_others = resource->outside;
    for (uint32_t e = resource->holders; e != LG__NONE; e = search->edges[e].next_holder)
        if (search->edges[e].holder != term->member)
            of_others += search->edges[e].units;
    return of_others < term->need;
}

/* The same for the whole of what a member waits for. */
static bool waits_for_itself(const struct lg__search *search, const struct lg__member *member)
{
    uint32_t own = 0;
    for (uint32_t i = 0; i < member->term_count; i++)
        own += is_its_own(search, &search->terms[member->first_term + i]);
    return member->is_all ? own > 0 : own == member->term_count;
}

/* Whether a stuck member is one of those who hold themselves up: to remove it frees somebody whom it
 * waits for, through any chain, or it waits for itself alone.  All others only hang off a deadlock; to
 * fail one of them would leave it as it is.  Leaves the marks of the reduction without the member. */
static bool is_part(struct lg__search *search, uint32_t member)
{
    lg__search_reach(search, member);
    lg__search_reduce(search, member);
    for (uint32_t i = 0; i < search->member_count; i++) {
        const struct lg__member *other = &search->members[i];
        if (i != member && other->is_stuck && other->is_reached && other->has_progressed)
            return true;
    }
    return waits_for_itself(search, &search->members[member]);
}

/* Begin a walk: the members that the last reduction left. */
static void begin_walk(struct lg__search *search)
{
    for (uint32_t i = 0; i < search->member_count; i++) {
        search->members[i].is_stuck = !search->members[i].has_progressed;
        search->members[i].was_tried = !search->members[i].is_stuck;
    }
}

/* The next member of the walk in order of precedence, or LG__NONE. */
static uint32_t next_of_walk(struct lg__search *search)
{
    uint32_t best = LG__NONE;
    for (uint32_t i = 0; i < search->member_count; i++)
        if (!search->members[i].was_tried && (best == LG__NONE || goes_before(search, i, best)))
            best = i;
    if (best != LG__NONE)
        search->members[best].was_tried = true;
    return best;
}

/* The first part of a deadlock, in that order, whose removal lets the root go on; if none does (there
 * are several deadlocks, or the root is free by now), the first part; if no single member is one (as
 * with three contexts that all read what each wants to write), the very first.  The marks of the last
 * reduction say who is stuck, and are spoilt afterwards. */
static uint32_t choose_victim(struct lg__search *search)
{
    begin_walk(search);
    uint32_t first = LG__NONE;
    uint32_t first_part = LG__NONE;
    uint32_t member;
    while ((member = next_of_walk(search)) != LG__NONE) {
        first = first == LG__NONE ? member : first;
        if (!is_part(search, member))
            continue;
        if (member == 0 || search->members[0].has_progressed)
            return member;
        first_part = first_part == LG__NONE ? member : first_part;
    }
    return first_part == LG__NONE ? first : first_part;
}

/* End the victim's wait and leave it the composed report: it cannot return before the pin is gone.
 * False: its wait had ended already, and so the judgement is void. */
static bool strike(struct lg__member *member)
{
    struct lg_context *victim = member->context;
    if (!lg__wait_pin(&victim->wait, member->word))
        return false;
    member->was_freed = lg__wait_end_this(&victim->wait, member->word, LG__WAIT_VICTIM, 0);
    if (member->was_freed) {
        uint32_t told = lg__load_relaxed(&victim->has_been_told);
        if (told < LG__TOLD_AGAIN)
            lg__store_relaxed(&victim->has_been_told, told + 1);
        *lg__report_of(victim) = composed;
    }
    lg__wait_unpin(&victim->wait);
    if (member->was_freed && victim != lg__self)
        lg__wait_wake(&victim->wait);
    return member->was_freed;
}

/* End one wait after the other until nobody is stuck but for his place.  All who are stuck were
 * verified, and stay so but for those whom a strike frees.  False: somebody's wait ended by itself;
 * look again. */
static bool strike_until_free(struct lg__search *search)
{
    while (lg__search_reduce(search, LG__NONE) < search->member_count) {
        uint32_t victim = choose_victim(search);
        lg__search_reduce(search, LG__NONE); /* the marks that compose reads */
        lg__compose_deadlock(&composed, search, victim);
        if (!strike(&search->members[victim]))
            return false;
    }
    return true;
}

/* Whether, if the member passes, whoever keeps it waiting goes on too. */
static bool helps_to_pass(struct lg__search *search, uint32_t member)
{
    lg__search_reduce_in_order(search);
    uint32_t term;
    uint32_t blocker = lg__search_blocker(search, member, &term);
    search->members[member].was_freed = true;
    lg__search_reduce_in_order(search);
    search->members[member].was_freed = false;
    return search->members[blocker].has_progressed;
}

static bool passes_before(const struct lg__search *search, uint32_t a, uint32_t b)
{
    return search->terms[search->members[a].passing].place <
           search->terms[search->members[b].passing].place;
}

/* After a reduction in order: of those who are stuck only because of their places the first, by place,
 * whose passing helps; if none does alone, the first.  LG__NONE: there are none. */
static uint32_t choose_passer(struct lg__search *search)
{
    uint32_t first = LG__NONE;
    for (uint32_t i = 0; i < search->member_count; i++)
        search->members[i].was_tried =
            lg__search_blocker(search, i, &search->members[i].passing) == LG__NONE;
    for (;;) {
        uint32_t next = LG__NONE;
        for (uint32_t i = 0; i < search->member_count; i++)
            if (!search->members[i].was_tried &&
                (next == LG__NONE || passes_before(search, i, next)))
                next = i;
        if (next == LG__NONE)
            return first;
        if (helps_to_pass(search, next))
            return next;
        search->members[next].was_tried = true;
        first = first == LG__NONE ? next : first;
    }
}

/* If its wait has ended by itself, it is not stuck either. */
static void let_pass(struct lg__member *member)
{
    struct lg__wait *wait = &member->context->wait;
    member->was_freed = true;
    if (!lg__wait_pin(wait, member->word))
        return;
    struct lg__wait *queued =
        wait->group ? &wait->group->branches[member->passing - member->first_term] : wait;
    queued->want.class->let_pass(queued->want.object, queued, member->word);
    lg__wait_unpin(wait);
}

/* Rule 4: let whoever fits pass those who are stuck ahead of it, until nobody is stuck for his place
 * alone.  It is served now, or when what it wants comes back from one that is not stuck, and then gives
 * back what it held.  Victims come first, for they are needed all the same, and with them gone fewer
 * have to pass. */
static void let_all_pass(struct lg__search *search)
{
    while (lg__search_reduce_in_order(search) < search->member_count) {
        uint32_t passer = choose_passer(search);
        if (passer == LG__NONE)
            return;
        let_pass(&search->members[passer]);
    }
}

/* LIFEGUARD_DETECT=log: a report for the log and nobody is failed. */
static void note_for_log(struct lg__search *search, bool *must_log)
{
    lg__search_reduce(search, LG__NONE);
    begin_walk(search);
    if (search->members[0].has_progressed || !is_part(search, 0))
        return; /* it only hangs off an older one, which was said */
    lg__search_reduce(search, LG__NONE);
    lg__compose_deadlock(&composed, search, LG__NONE);
    *lg__report_of(lg__self) = composed;
    *must_log = true;
}

/* One judgement.  Whoever finds itself stuck acts, whether or not it closed the ring: two who begin
 * at once may each take the other's deadlock for the older one.  False: something moved while we
 * looked; look again, because the rest may be stuck all the same. */
static bool judge_once(struct lg_context *waiter, enum detect mode, bool *must_log)
{
    uint64_t word = lg__load_full(&waiter->wait.word);
    struct lg__search *search = lg__search_begin_large();
    if (LG__WAIT_STATE(word) != LG__WAIT_WAITING || !lg__search_collect(search, waiter, word))
        return true;
    lg__search_reduce_in_order(search);
    if (search->members[0].has_progressed || search->has_overflown)
        return true;
    if (!lg__search_verify(search))
        return false;
    if (mode == DETECT_LOG)
        note_for_log(search, must_log);
    else if (!strike_until_free(search))
        return false;
    let_all_pass(search);
    return true;
}

static void log_report(enum lg_log_level level, const struct lg_report *report)
{
    if (!lg__log_is_wanted(level))
        return;
    char text[4096];
    lg_report_write(report, LG_REPORT_TEXT, text, sizeof text);
    struct lg_log_field fields[] = {
        {"name", report->name}, {"closer", report->closer}, {"victim", report->victim}};
    lg__log(level, "deadlock", fields, 3, text);
}

static void log_told_again(const struct lg_context *victim)
{
    char name[LG_NAME_SIZE];
    char text[160];
    lg__context_copy_name(victim->id, name);
    snprintf(text, sizeof text,
             "%s got LG_EDEADLK twice and released nothing in between: release, then try again",
             name);
    struct lg_log_field field = {"context", name};
    lg__log(LG_LOG_WARN, "deadlock-again", &field, 1, text);
}

static void log_as_guest(void)
{
    struct lg_context *self = begin_guest();
    log_report(LG_LOG_WARN, lg__report_of(self));
    end_guest(self);
}

static void judge(struct lg_context *waiter, enum detect mode)
{
    bool must_log = false;
    lg__raw_lock(&detector_lock);
    while (!judge_once(waiter, mode, &must_log))
        continue;
    lg__raw_unlock(&detector_lock);
    if (must_log)
        log_as_guest();
}

/* Step 2, apart for its room on the stack: 16 kB that a first look does not touch. */
static __attribute__((noinline)) bool small_search_says_no(struct lg_context *waiter)
{
    struct lg__small_search small;
    uint64_t word = lg__load_full(&waiter->wait.word);
    lg__search_begin_small(&small);
    if (LG__WAIT_STATE(word) != LG__WAIT_WAITING ||
        !lg__search_collect(&small.search, waiter, word))
        return true;
    if (small.search.has_overflown)
        return false;
    lg__search_reduce_in_order(&small.search);
    return small.search.members[0].has_progressed;
}

/* Step 1, at one's own wait.  Pinned, although nobody else writes the record: what it waits for may be gone
 * as soon as somebody has served it.  False also if that has happened. */
static bool first_look_says_maybe(struct lg__wait *wait)
{
    uint64_t word = lg__load_relaxed(&wait->word);
    if (LG__WAIT_STATE(word) != LG__WAIT_WAITING || !lg__wait_pin(wait, word))
        return false;
    bool is_needed = lg__search_is_needed(wait);
    lg__wait_unpin(wait);
    return is_needed;
}

void lg__detector_look(struct lg_context *waiter)
{
    enum detect mode = get_mode();
    if (mode == DETECT_OFF)
        return;
    /* Another's is looked at by the searches. */
    if (waiter == lg__self && !first_look_says_maybe(&waiter->wait))
        return;
    if (!small_search_says_no(waiter))
        judge(waiter, mode);
}

/* A timeout: the report of who holds what, and whether those who do can go on at all. */
static void explain(struct lg__search *search, struct lg_report *report)
{
    lg__search_reduce(search, LG__NONE);
    bool is_stuck =
        !search->members[0].has_progressed && !search->has_overflown && lg__search_verify(search);
    lg__compose_timeout(report, search);
    if (is_stuck)
        report->cause = LG_EXHAUSTION_DEADLOCK;
}

void lg__detector_explain(struct lg_context *waiter)
{
    lg__raw_lock(&detector_lock);
    struct lg__search *search = lg__search_begin_large();
    if (lg__search_collect(search, waiter, lg__load_relaxed(&waiter->wait.word)))
        explain(search, lg__report_of(waiter));
    lg__raw_unlock(&detector_lock);
}

void lg__detector_explain_want(struct lg_context *self, const struct lg__want *want,
                               enum lg_report_kind kind)
{
    /* A wait that begins and is taken back at once, for the sake of one way to compose.  Nobody may
     * take it for a real one, and no request may end it. */
    struct lg_cancel *token = self->wait.cancel;
    self->wait.cancel = NULL;
    (void)lg__wait_begin(&self->wait, want, LG__WAIT_OUTSIDE);
    lg__raw_lock(&detector_lock);
    struct lg__search *search = lg__search_begin_large();
    bool is_there = lg__search_collect(search, self, lg__load_relaxed(&self->wait.word));
    if (is_there && kind == LG_REPORT_DEADLOCK) {
        if (self->has_been_told < LG__TOLD_AGAIN)
            lg__store_relaxed(&self->has_been_told, self->has_been_told + 1);
        lg__search_reduce(search, LG__NONE);
        lg__compose_deadlock(lg__report_of(self), search, 0);
    } else if (is_there) {
        explain(search, lg__report_of(self));
    }
    lg__raw_unlock(&detector_lock);
    lg__wait_retract(&self->wait);
    self->wait.cancel = token;
}

void lg__detector_log(struct lg_context *victim)
{
    log_report(LG_LOG_INFO, lg__report_of(victim));
    if (lg__load_relaxed(&victim->has_been_told) != LG__TOLD_TWICE)
        return;
    lg__store_relaxed(&victim->has_been_told, (uint32_t)LG__TOLD_AGAIN);
    log_told_again(victim);
}
