/* Deadlock: the library's own inequality and search (DESIGN.md, "The inequality"), over the threads of a
 * run.  A thread becomes a context when the search asks for it; an object or a thread is a resource.
 * Whoever has the baton is alone, so nothing changes during a search and nothing needs to be verified.
 *
 * Who holds a lock, runs a once, or has to end before a join is known for certain, and such a deadlock is
 * found when it closes.  Who will post a semaphore or come to a barrier is not: any thread that runs may.
 * When none can run, that nobody will is certain too, and the question left is why.  Then what is known by
 * use counts: units of a semaphore are with who took them, unless somebody has posted units that he had not
 * taken; a barrier misses those who were there in an earlier round.  If that explains all the waits, it is a
 * deadlock; else a signal is missing. */
#include "explore/graph.h"

#include "explore/deadlock.h"

#include "explore/baton.h"
#include "explore/share.h"
#include "explore/verdict.h"

#include <sys/mman.h>

#define ROWS 8

/* A writer needs as many units as there can be readers. */
#define ALL_READERS LG__NAMES_MAX

static struct lg_context *contexts; /* by thread index; zeroed */
static bool is_everybody_stuck;

bool lg__deadlock_reserve(void)
{
    contexts = mmap(NULL, LG__NAMES_MAX * sizeof *contexts, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return contexts != MAP_FAILED;
}

static uint64_t id_of(const struct lg__thread *thread)
{
    return (uint64_t)thread->index + 1;
}

static struct lg__thread *thread_of(uint64_t id)
{
    return &lg__run.threads[id - 1];
}

static bool visit_one(lg__visit *visit, void *arg, const struct lg__thread *holder, uint32_t units)
{
    struct lg__holding holding = {
        .holder = id_of(holder), .units = units, .unit = UINT32_MAX, .place = NULL};
    return visit(arg, &holding);
}

/* ---- Classes of resources ------------------------------------------------------------------------------ */

static uint32_t one(const void *object)
{
    (void)object;
    return 1;
}

static void survey_owner(const void *memory, lg__visit *visit, void *arg)
{
    const struct lg__object *object = memory;
    if (object->owner)
        visit_one(visit, arg, object->owner, 1);
}

static const struct lg__resource_class lock_class = {
    .noun = "lock", .capacity = one, .survey = survey_owner};

static void survey_end(const void *thread, lg__visit *visit, void *arg)
{
    visit_one(visit, arg, thread, 1);
}

static const struct lg__resource_class thread_class = {
    .noun = "thread", .capacity = one, .survey = survey_end};

static uint32_t all_readers(const void *object)
{
    (void)object;
    return ALL_READERS;
}

static uint32_t count_reads(const struct lg__thread *thread, const struct lg__object *object)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < thread->held_count && i < LG__HELD_MAX; i++)
        count += thread->held[i].object == object && thread->held[i].is_shared;
    return count;
}

/* Readers are known by what they note.  If that is not as many as the lock has (one has ended, one was
 * unlocked by another), none is known. */
static void survey_rwlock(const void *memory, lg__visit *visit, void *arg)
{
    const struct lg__object *object = memory;
    uint32_t known = 0;
    if (object->owner) {
        visit_one(visit, arg, object->owner, ALL_READERS);
        return;
    }
    for (uint32_t i = 0; i < lg__run.live_count; i++)
        known += count_reads(lg__run.live[i], object);
    for (uint32_t i = 0; i < lg__run.live_count && known == object->readers; i++) {
        uint32_t reads = count_reads(lg__run.live[i], object);
        if (reads && !visit_one(visit, arg, lg__run.live[i], reads))
            return;
    }
}

static const struct lg__resource_class rwlock_class = {
    .noun = "rwlock", .capacity = all_readers, .survey = survey_rwlock};

/* Only when nobody can run: then a semaphore that is waited for has no unit left. */
static uint32_t units_out(const void *object)
{
    return lg__share_sum(object);
}

static void survey_shares(const void *memory, lg__visit *visit, void *arg)
{
    const struct lg__object *object = memory;
    for (const struct lg__share *share = object->shares; share; share = share->next)
        if (share->units && !visit_one(visit, arg, share->thread, share->units))
            return;
}

static const struct lg__resource_class semaphore_class = {
    .noun = "semaphore", .capacity = units_out, .survey = survey_shares};

static bool is_at(const struct lg__thread *thread, const struct lg__object *barrier)
{
    return thread->wait.kind == LG__WAIT_TURN && thread->wait.object == barrier;
}

static uint32_t missing_parties(const struct lg__object *barrier)
{
    return barrier->value - barrier->arrived;
}

static uint32_t absent_parties(const void *memory)
{
    const struct lg__object *barrier = memory;
    uint32_t known = 0;
    for (const struct lg__share *share = barrier->shares; share; share = share->next)
        known += !is_at(share->thread, barrier);
    return known > missing_parties(barrier) ? known : missing_parties(barrier);
}

static void survey_absent(const void *memory, lg__visit *visit, void *arg)
{
    const struct lg__object *barrier = memory;
    for (const struct lg__share *share = barrier->shares; share; share = share->next)
        if (!is_at(share->thread, barrier) && !visit_one(visit, arg, share->thread, 1))
            return;
}

static const struct lg__resource_class barrier_class = {
    .noun = "barrier", .capacity = absent_parties, .survey = survey_absent};

/* ---- Threads as contexts -------------------------------------------------------------------------------- */

static struct lg__want want_of(const struct lg__object *object, bool is_reader)
{
    if (object->kind == LG__OBJECT_RWLOCK)
        return (struct lg__want){
            .class = &rwlock_class, .object = object, .need = is_reader ? 1 : ALL_READERS};
    return (struct lg__want){.class = &lock_class, .object = object, .need = 1};
}

/* What a thread waits for, as far as others are known to hold it; no class: nothing of the kind. */
static struct lg__want want_by_kind(const struct lg__wait *wait)
{
    const struct lg__want none = {0};
    bool is_known = is_everybody_stuck;
    switch (wait->kind) {
    case LG__WAIT_LOCK:
    case LG__WAIT_ONCE:
        return want_of(wait->object, false);
    case LG__WAIT_READ:
        return want_of(wait->object, true);
    case LG__WAIT_SIGNAL:
        return wait->is_signalled ? want_of(wait->mutex, false) : none;
    case LG__WAIT_END:
        return (struct lg__want){.class = &thread_class, .object = wait->thread, .need = 1};
    case LG__WAIT_COUNT:
        is_known = is_known && !wait->object->is_signal && lg__share_sum(wait->object) > 0;
        return is_known ? (struct lg__want){&semaphore_class, wait->object, .need = 1} : none;
    case LG__WAIT_TURN:
        return is_known ? (struct lg__want){&barrier_class, wait->object,
                                            .need = missing_parties(wait->object)}
                        : none;
    default:
        return none;
    }
}

/* The same, if it cannot go on by itself: it neither has it by now, nor a deadline. */
static struct lg__want find_want(const struct lg__thread *thread)
{
    struct lg__want want = {0};
    if (thread->state == LG__THREAD_BLOCKED && thread->wait.deadline == LG__NEVER)
        want = want_by_kind(&thread->wait);
    if (want.class && (thread->has_signal || lg__baton_is_ready(thread)))
        want.class = NULL;
    return want;
}

static struct lg_context *context_of(const struct lg__thread *thread)
{
    struct lg_context *context = &contexts[thread->index];
    context->id = id_of(thread);
    context->wait.want = find_want(thread);
    context->wait.word = context->wait.want.class ? LG__WAIT_WAITING : LG__WAIT_IDLE;
    return context;
}

/* What the search calls: in the library, contexts and waits of threads that run meanwhile. */

struct lg_context *lg__context_find(uint64_t id)
{
    const struct lg__thread *thread = thread_of(id);
    return thread->state == LG__THREAD_ENDED ? NULL : context_of(thread);
}

bool lg__wait_pin(struct lg__graph_wait *wait, uint64_t word)
{
    return wait->word == word;
}

void lg__wait_unpin(struct lg__graph_wait *wait)
{
    (void)wait;
}

/* The commonest cases, seen without contexts: who has the lock, or is to end, can run. */
static bool is_up_to_runner(const struct lg__wait *wait)
{
    const struct lg__thread *owner = NULL;
    if (wait->kind == LG__WAIT_LOCK)
        owner = wait->object->owner;
    else if (wait->kind == LG__WAIT_END)
        owner = wait->thread;
    return owner && owner->state == LG__THREAD_READY;
}

/* Who is stuck because of what the thread waits for, if it is so itself; NULL: it can go on. */
static const struct lg__search *find_stuck(const struct lg__thread *thread)
{
    if (is_up_to_runner(&thread->wait) || !find_want(thread).class)
        return NULL;
    struct lg_context *context = context_of(thread);
    if (!lg__search_is_needed(&context->wait))
        return NULL;
    struct lg__search *search = lg__search_begin_large();
    if (!lg__search_collect(search, context, context->wait.word) || search->has_overflown)
        return NULL;
    lg__search_reduce(search, LG__NONE);
    return search->members[0].has_progressed ? NULL : search;
}

/* ---- What is said ---------------------------------------------------------------------------------------- */

/* What would make it impossible. */
static const char *cure_of(const struct lg__search *search)
{
    uint32_t stuck = 0;
    bool has_thread = false, has_semaphore = false, has_barrier = false;
    for (uint32_t i = 0; i < search->member_count; i++) {
        const struct lg__member *member = &search->members[i];
        const struct lg__resource_class *class = member->context->wait.want.class;
        if (member->has_progressed)
            continue;
        stuck++;
        has_thread = has_thread || class == &thread_class;
        has_semaphore = has_semaphore || class == &semaphore_class;
        has_barrier = has_barrier || class == &barrier_class;
    }
    if (has_semaphore)
        return "take at once what is needed together, or give back what is held before waiting";
    if (has_thread || has_barrier)
        return "let go of what the others need before waiting for them";
    if (stuck > 1)
        return "take them in one order everywhere";
    const struct lg__object *object = search->members[0].context->wait.want.object;
    if (object->kind == LG__OBJECT_ONCE)
        return "have its function not call itself";
    if (object->kind == LG__OBJECT_RWLOCK)
        return "take it once, in the strongest mode that will be needed";
    return "take it once, or make it recursive";
}

void lg__deadlock_look(const struct lg__thread *self)
{
    uint32_t rows = 0;
    const struct lg__search *search = find_stuck(self);
    if (!search)
        return;
    lg__verdict_add("these threads wait for one another\n");
    for (uint32_t i = 0; i < search->member_count; i++) {
        const struct lg__thread *thread = thread_of(search->members[i].id);
        if (search->members[i].has_progressed)
            continue;
        lg__campaign->outcome.signature += thread->wait.site * 0x9e3779b97f4a7c15u;
        if (rows++ < ROWS)
            lg__verdict_add_wait(thread);
    }
    if (rows > ROWS)
        lg__verdict_add("  ... and %u more threads\n", rows - ROWS);
    lg__verdict_add("to make it impossible: %s\n", cure_of(search));
    lg__verdict_found(LG__FINDING_DEADLOCK, 0);
}

/* ---- Nobody can run -------------------------------------------------------------------------------------- */

static bool is_waiting_for_signal(void)
{
    for (uint32_t i = 0; i < lg__run.live_count; i++) {
        const struct lg__wait *wait = &lg__run.live[i]->wait;
        if ((wait->kind == LG__WAIT_SIGNAL && !wait->is_signalled) ||
            wait->kind == LG__WAIT_COUNT || wait->kind == LG__WAIT_TURN ||
            wait->kind == LG__WAIT_WORD || wait->kind == LG__WAIT_ARRIVAL || wait->is_for_signal)
            return true;
    }
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

/* The cure of the deadlock that all the threads are in or behind; NULL: some wait for something else. */
static const char *explain_everybody(void)
{
    const char *cure = NULL;
    is_everybody_stuck = true;
    for (uint32_t i = 0; i < lg__run.live_count; i++) {
        const struct lg__search *search = find_stuck(lg__run.live[i]);
        if (!search)
            return NULL;
        cure = cure_of(search);
    }
    return cure;
}

void lg__deadlock_everywhere(void)
{
    const char *cure = explain_everybody();
    lg__campaign->outcome.signature = sum_of_places();
    bool is_lost = !cure && is_waiting_for_signal();
    lg__verdict_add(cure      ? "these threads wait for one another, and nobody else is left\n"
                    : is_lost ? "nobody is left who could wake the threads that wait\n"
                              : "no thread can go on\n");
    lg__verdict_add_stuck();
    if (cure)
        lg__verdict_add("to make it impossible: %s\n", cure);
    lg__verdict_found(is_lost ? LG__FINDING_LOST_WAKEUP : LG__FINDING_DEADLOCK, 0);
}
