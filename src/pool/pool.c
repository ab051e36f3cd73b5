/* A pool's life, its counts, and what fork does to it. */
#include "pool/bias.h"
#include "pool/options.h"
#include "pool/request.h"

#include "plat/clock.h"
#include "plat/memory.h"
#include "plat/panic.h"
#include "plat/text.h"
#include "pool/tick.h"

#include <sched.h>
#include <string.h>

/* All pools, for fork, the ends of contexts and the metrics.  Lock rank: before any pool's lock. */
static struct lg__raw_lock list_lock;
static struct lg_pool *list_head; /* under list_lock */

static uint32_t get_capacity(const void *object)
{
    return lg__pool_capacity(object);
}

static uint32_t get_extent(const void *object)
{
    return lg__pool_extent(object);
}

/* Visit who holds one of the first `count` slots. */
static void survey_slots(const struct lg_pool *pool, uint32_t count, lg__visit *visit, void *arg)
{
    uint64_t control = lg__load_full(&pool->control);
    bool will_resume = (control & LG__POOL_SUSPENDED) && !(control & LG__POOL_CLOSED);
    bool is_unowned = lg__load_relaxed(&pool->is_unowned) != 0 || will_resume;
    uint64_t now_ms = lg__tick_now_ms();
    for (uint32_t i = 0; i < count; i++) {
        const struct lg__slot *slot = &pool->slots[i];
        struct lg__holding holding = {.units = 1, .unit = i};
        if (!lg__slot_read_holder(slot, &holding.holder))
            continue;
        if (is_unowned)
            holding.holder = 0;
        holding.place = lg__load_relaxed(&slot->place);
        holding.age_ms = lg__age_ms(now_ms, lg__load_relaxed(&slot->since_ms));
        if (!visit(arg, &holding))
            return;
    }
}

/* A surplus slot is no unit of the capacity: who holds it keeps nobody waiting. */
static void survey(const void *object, lg__visit *visit, void *arg)
{
    survey_slots(object, lg__pool_capacity(object), visit, arg);
}

static void survey_all(const void *object, lg__visit *visit, void *arg)
{
    survey_slots(object, lg__pool_extent(object), visit, arg);
}

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, ((const struct lg_pool *)object)->name);
}

static void copy_advice(const void *object, char *out)
{
    lg__copy_name(out, LG_REPORT_ADVICE, ((const struct lg_pool *)object)->advice);
}

const struct lg__resource_class lg__pool_class = {
    .noun = "pool",
    .capacity = get_capacity,
    .survey = survey,
    .copy_name = copy_name,
    .copy_advice = copy_advice,
    .visit_ahead = lg__queue_visit_ahead,
    .let_pass = lg__queue_let_pass,
    .tag_offset = offsetof(struct lg_pool, tag),
    .may_wander = true,
};

const struct lg__resource_class lg__pool_closing_class = {
    .noun = "pool",
    .capacity = get_extent,
    .survey = survey_all,
    .copy_name = copy_name,
};

uint64_t lg__pool_set_flag(struct lg_pool *pool, uint64_t flag)
{
    return __atomic_or_fetch(&pool->control, flag, __ATOMIC_SEQ_CST); /* S2 */
}

void lg__pool_clear_flag(struct lg_pool *pool, uint64_t flag)
{
    if (lg__load_relaxed(&pool->control) & flag)
        __atomic_and_fetch(&pool->control, ~flag, __ATOMIC_SEQ_CST);
}

static void link_pool(struct lg_pool *pool)
{
    lg__raw_lock(&list_lock);
    static uint64_t pools; /* under list_lock */
    pool->serial = ++pools;
    pool->hint_offset =
        offsetof(struct lg_context, hints) + pool->serial % LG__HINTS * sizeof(struct lg__hint);
    pool->next = list_head;
    if (list_head)
        list_head->previous = pool;
    list_head = pool;
    lg__raw_unlock(&list_lock);
}

static void unlink_pool(struct lg_pool *pool)
{
    lg__raw_lock(&list_lock);
    if (pool->previous)
        pool->previous->next = pool->next;
    else
        list_head = pool->next;
    if (pool->next)
        pool->next->previous = pool->previous;
    lg__raw_unlock(&list_lock);
}

struct lg_pool *lg__pool_find_orphan(uint64_t id)
{
    lg__raw_lock(&list_lock);
    struct lg_pool *pool = list_head;
    while (pool && !lg__orphan_is_in(pool, id))
        pool = pool->next;
    if (pool) {
        lg__pool_enter(pool);
        lg__raw_lock(&pool->lock);
        pool->references++;
        lg__raw_unlock(&pool->lock);
    }
    lg__raw_unlock(&list_lock);
    return pool;
}

void lg__pool_each(void (*visit)(void *arg, struct lg_pool *pool), void *arg)
{
    lg__raw_lock(&list_lock);
    for (struct lg_pool *pool = list_head; pool; pool = pool->next)
        visit(arg, pool);
    lg__raw_unlock(&list_lock);
}

/* The slots never move: there is room for as many as a pool may ever have, and what is not used costs
 * addresses alone.  Notes and shares follow the slots. */
static size_t room_of(const struct lg_pool *pool)
{
    size_t each = sizeof *pool->slots + sizeof *pool->notes;
    if (pool->nested == LG_NESTED_SHARE)
        each += sizeof *pool->shares;
    return LG_POOL_CAPACITY_MAX * each;
}

static bool reserve_slots(struct lg_pool *pool)
{
    pool->slots = lg__reserve(room_of(pool));
    if (!pool->slots)
        return false;
    pool->notes = (struct lg__note *)(void *)(pool->slots + LG_POOL_CAPACITY_MAX);
    if (pool->nested == LG_NESTED_SHARE)
        pool->shares = (struct lg__shares *)(void *)(pool->notes + LG_POOL_CAPACITY_MAX);
    return true;
}

static bool alloc_parts(struct lg_pool *pool, const struct lg_pool_options *options)
{
    if (options->on_event)
        pool->events = lg__events_create(options, pool->name);
    return reserve_slots(pool) && lg__leaks_create(pool, options->leak_after_ms != 0) &&
           (pool->events || !options->on_event);
}

static void free_pool(struct lg_pool *pool)
{
    lg__free(pool->events);
    lg__leaks_destroy(pool);
    lg__unmap(pool->slots, room_of(pool));
    lg__free(pool);
}

/* Tell of the birth, and have opened what should be.  If there is no thread for the keeper now, a
 * checkout will try again. */
static void begin_life(struct lg_pool *pool, const struct lg_pool_options *options)
{
    bool is_paused = options->start_paused;
    if (pool->events) {
        lg__raw_lock(&pool->lock);
        pool->events->options = options;
        lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_POOL_CREATED});
        if (!is_paused)
            lg__pool_tell(pool, (struct lg__event){.type = LG_EVENT_POOL_READY});
        lg__raw_unlock(&pool->lock);
        lg__pool_deliver(pool);
        pool->events->options = NULL;
    }
    if (pool->min_size > 0 && !is_paused)
        (void)lg__keeper_kick(pool);
}

int lg_pool_create(const struct lg_driver *driver, void *arg, const struct lg_pool_options *options,
                   struct lg_pool **out)
{
    struct lg_pool_options known;
    struct lg_driver table;
    if (!out)
        return LG_EINVAL;
    *out = NULL;
    int status = lg__options_read_driver(driver, &table);
    if (status == LG_OK)
        status = lg__options_read(options, &known);
    if (status != LG_OK)
        return status;
    struct lg_pool *pool = lg__alloc(sizeof *pool);
    if (!pool)
        return LG_ENOMEM;
    pool->driver = table;
    pool->arg = arg;
    lg__options_apply(pool, &known);
    if (!alloc_parts(pool, &known)) {
        free_pool(pool);
        return LG_ENOMEM;
    }
    link_pool(pool);
    begin_life(pool, &known);
    *out = pool;
    return LG_OK;
}

void lg__pool_unref(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    bool is_last = --pool->references == 0;
    lg__raw_unlock(&pool->lock);
    if (!is_last)
        return;
    if (pool->driver.destroy)
        pool->driver.destroy(pool->arg);
    free_pool(pool);
}

static void wait_for_exit(void *arg, struct lg_context *context)
{
    while (lg__load_acquire(&context->returning) == arg && context != lg__self) /* R1 */
        sched_yield();
}

/* The pool of a hint, with list_lock; NULL: it is gone. */
static struct lg_pool *find_pool(const struct lg__hint *hint)
{
    struct lg_pool *pool = list_head;
    while (pool && pool->serial != hint->pool_serial)
        pool = pool->next;
    return pool;
}

void lg__bias_leave_other(struct lg__hint *hint)
{
    lg__raw_lock(&list_lock);
    struct lg_pool *pool = find_pool(hint);
    if (pool)
        lg__bias_leave(pool, hint);
    lg__raw_unlock(&list_lock);
    hint->word = 0;
}

/* With the pool's lock: a lease is in the holder's counts, or it is biased, but never neither. */
static bool is_lent_by_bias(struct lg_pool *pool, const struct lg__hint *hint)
{
    const struct lg__slot *slot = hint->slot;
    lg__raw_lock(&pool->lock);
    uint64_t word = lg__load_acquire(&slot->word);
    bool is_biased = lg__slot_is_biased(word) && lg__slot_loans(word) == lg__slot_loans(hint->word);
    bool is_lent = is_biased && lg__slot_state(lg__slot_look(slot).word) == LG__SLOT_LENT;
    lg__raw_unlock(&pool->lock);
    return is_lent;
}

uint32_t lg__bias_count(const struct lg_context *context)
{
    uint32_t count = 0;
    for (int i = 0; i < LG__HINTS; i++) {
        if (context->hints[i].word == 0)
            continue;
        lg__raw_lock(&list_lock);
        struct lg_pool *pool = find_pool(&context->hints[i]);
        count += pool && is_lent_by_bias(pool, &context->hints[i]);
        lg__raw_unlock(&list_lock);
    }
    return count;
}

/* The end of a context: its hints are another's soon (B5). */
static void leave_all(struct lg_context *context, uint64_t id)
{
    (void)id;
    for (int i = 0; i < LG__HINTS; i++)
        if (context->hints[i].word != 0)
            lg__bias_leave_other(&context->hints[i]);
}

static bool is_waited_for(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    bool has_waiters = pool->queue.first || pool->closers.first;
    lg__raw_unlock(&pool->lock);
    return has_waiters;
}

void lg_pool_destroy(struct lg_pool *pool)
{
    if (!pool)
        return;
    if (!(lg__load_full(&pool->control) & LG__POOL_LEFT)) {
        if (lg__request_is_told_here(pool)) /* which would wait for itself */
            lg__panic("a pool was destroyed by a callback of its own request", pool->name);
        if (is_waited_for(pool)) /* asked before shut, which sends them away */
            lg__panic("a pool was destroyed while waited for", pool->name);
        lg__pool_shut(pool);
        if (lg_pool_holders(pool, NULL, 0) > 0)
            lg__panic("a pool was destroyed while a lease of it was out", pool->name);
        lg__context_each(wait_for_exit, pool); /* first: a mark may turn into a count */
        while (lg__load_full(&pool->inside) > 0)
            sched_yield();
        if (lg_pool_holders(pool, NULL, 0) > 0) /* granted meanwhile to a request */
            lg__panic("a pool was destroyed while a lease of it was out", pool->name);
        lg__pool_deliver(pool);
        while (pool->events && !lg__events_are_quiet(pool->events))
            sched_yield();
    }
    unlink_pool(pool);
    lg__pool_unref(pool);
}

static void fill_info(struct lg_lease_info *info, const struct lg__slot *slot, uint32_t index,
                      uint64_t holder, uint64_t now_ms)
{
    lg__context_copy_name(holder, info->holder);
    lg__copy_place(info->place, sizeof info->place, lg__load_relaxed(&slot->place));
    info->slot = index;
    info->id = lg__load_relaxed(&slot->id);
    info->age_ms = lg__age_ms(now_ms, lg__load_relaxed(&slot->since_ms));
}

size_t lg_pool_holders(struct lg_pool *pool, struct lg_lease_info *out, size_t room)
{
    size_t count = 0;
    uint64_t now_ms = lg__tick_now_ms();
    for (uint32_t i = 0; pool && i < lg__pool_extent(pool); i++) {
        uint64_t holder;
        if (!lg__slot_read_holder(&pool->slots[i], &holder))
            continue;
        if (count < room)
            fill_info(&out[count], &pool->slots[i], i, holder, now_ms);
        count++;
    }
    return count;
}

/* Fork.  The child forgets the parent's resources and never closes them: a close would speak to the
 * server in the parent's name. */
static void lock_all(void)
{
    lg__raw_lock(&list_lock);
    for (struct lg_pool *pool = list_head; pool; pool = pool->next)
        lg__raw_lock(&pool->lock);
}

static void unlock_all(void)
{
    for (struct lg_pool *pool = list_head; pool; pool = pool->next)
        lg__raw_unlock(&pool->lock);
    lg__raw_unlock(&list_lock);
}

static void forget_slot(struct lg_pool *pool, uint32_t index)
{
    struct lg__slot *slot = &pool->slots[index];
    struct lg__slot_view view = lg__slot_look(slot); /* a bias that was being taken back too */
    bool is_own =
        lg__slot_state(view.word) == LG__SLOT_LENT && lg__self && view.holder == lg__self->id;
    if (is_own && !lg__slot_is_biased(slot->word)) /* else it is not counted */
        lg__lease_drop(lg__self, pool);
    uint64_t loans = lg__slot_loans(view.word) + LG__FORK_TAGS;
    slot->word = loans << LG__SLOT_LOAN_SHIFT | LG__SLOT_EMPTY;
    pool->fork_loans += loans;
    slot->resource = NULL;
    if (pool->shares)
        pool->shares[index].out = 0;
}

/* The child's counts are of what it does itself. */
static void forget_counts(struct lg_pool *pool)
{
    pool->shared = pool->last_return_ns = pool->failures_running = pool->retry_ns = 0;
    pool->fork_loans = pool->unlent = 0;
    pool->opened = pool->closed = pool->open_failures = 0;
    pool->waited = 0;
    lg__stats_forget(pool);
    lg__sizing_forget(pool);
}

static void forget_all(void)
{
    for (struct lg_pool *pool = list_head; pool; pool = pool->next) {
        forget_counts(pool);
        for (uint32_t i = 0; i < pool->extent; i++)
            forget_slot(pool, i);
        pool->lock = (struct lg__raw_lock){0};
        pool->queue = pool->closers = pool->called = (struct lg__waiters){0};
        pool->opener_count = pool->opening_count = pool->surplus_opens = 0;
        pool->on_way = pool->patient = 0;
        pool->has_dozer = 0;
        pool->pass_until_ns = UINT64_MAX;
        pool->empty_count = pool->capacity;
        pool->references = 1;
        pool->inside = 0;
        pool->biased_count = 0;
        pool->has_spinner = 0;
        lg__courier_forget(pool);
        pool->openings = NULL;
        pool->interrupts = NULL;
        pool->has_keeper = pool->is_filling = false;
        lg__leaks_forget(pool);
        if (pool->events)
            lg__events_forget(pool->events);
        pool->is_unowned = 0;
        pool->control &= ~LG__POOL_WAITERS;
        if (pool->driver.fork == LG_FORK_REFUSE)
            pool->control |= LG__POOL_LEFT;
    }
    list_lock = (struct lg__raw_lock){0};
    lg__request_begin_era();
    lg__tick_forget();
}

static void end_biases(void *arg, struct lg_pool *pool)
{
    (void)arg;
    lg__raw_lock(&pool->lock);
    lg__bias_revoke(pool, false);
    lg__raw_unlock(&pool->lock);
}

/* Leases are observed from now on, but for those of biased slots. */
static void begin_observed(void)
{
    lg__pool_each(end_biases, NULL);
}

static __attribute__((constructor)) void add_hooks(void)
{
    static const struct lg__fork_hooks hooks = {lock_all, unlock_all, forget_all};
    lg__fork_add(&hooks);
    lg__lease_counter_set(lg__bias_count);
    lg__end_any_add(leave_all);
    lg__observe_leases_set(begin_observed);
}
