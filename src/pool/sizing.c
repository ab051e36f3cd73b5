/* Sizing: observing, counting, the warning and the advice. */
#include "pool/pool.h"

#include "plat/log.h"
#include "plat/text.h"

#include <stdio.h>

#define DEPTH_BITS 16
#define DEPTH_MASK ((1u << DEPTH_BITS) - 1)

_Static_assert(LG_POOL_CAPACITY_MAX < DEPTH_MASK, "a nesting fits its bits");

static uint64_t *entry_of(const struct lg_pool *pool, struct lg_context *context)
{
    return &context->nestings[pool->serial % LG__NESTINGS];
}

/* What an entry says of the pool.  0: nothing. */
static uint32_t depth_in(const struct lg_pool *pool, uint64_t entry)
{
    return entry >> DEPTH_BITS == pool->serial ? (uint32_t)(entry & DEPTH_MASK) : 0;
}

/* ---- Counting -------------------------------------------------------------------------------- */

/* The living contexts, as far as they use the pool. */
struct census {
    const struct lg_pool *pool;
    uint32_t contexts;
    uint32_t nesting; /* more than one at once */
    uint64_t sum;     /* of deepest - 1 */
};

static void count_context(void *arg, struct lg_context *context)
{
    struct census *census = arg;
    uint32_t depth = depth_in(census->pool, lg__load_relaxed(entry_of(census->pool, context)));
    census->contexts += depth > 0;
    census->nesting += depth > 1;
    census->sum += depth > 1 ? depth - 1 : 0;
}

static struct census take_census(const struct lg_pool *pool)
{
    struct census census = {.pool = pool};
    lg__context_each(count_context, &census);
    return census;
}

/* For contexts that all nest equally deep. */
static uint64_t minimum_of(uint64_t contexts, uint32_t deepest)
{
    return deepest > 1 ? contexts * (deepest - 1) + 1 : 1;
}

static uint32_t larger_of(uint64_t a, uint64_t b)
{
    uint64_t larger = a > b ? a : b;
    return larger < UINT32_MAX ? (uint32_t)larger : UINT32_MAX;
}

/* What was observed, and what that means for the declared threads.  With the lock, or of a copy. */
static struct lg__verdict judge(const struct lg__sizing *sizing, uint64_t sum, uint32_t nesting)
{
    struct lg__verdict verdict = {.deepest = sizing->deepest, .contexts = nesting};
    uint64_t declared = minimum_of(sizing->declared_threads, sizing->deepest);
    verdict.minimum = larger_of(sum + 1, declared);
    verdict.is_declared = declared > sum + 1;
    if (verdict.is_declared)
        verdict.contexts = sizing->declared_threads;
    return verdict;
}

struct lg__verdict lg__sizing_judge(struct lg_pool *pool, uint32_t contexts, uint32_t deepest)
{
    struct census census = take_census(pool);
    lg__raw_lock(&pool->lock);
    struct lg__verdict verdict = judge(&pool->sizing, census.sum, census.nesting);
    lg__raw_unlock(&pool->lock);
    uint32_t known = larger_of(1, minimum_of(contexts, deepest));
    if (known < verdict.minimum)
        return verdict;
    return (struct lg__verdict){.minimum = known, .deepest = deepest, .contexts = contexts};
}

/* ---- Observing ------------------------------------------------------------------------------- */

/* With the lock: what is known now may be more than the pool has. */
static void compare(struct lg_pool *pool, uint64_t sum, uint32_t nesting)
{
    struct lg__sizing *sizing = &pool->sizing;
    struct lg__verdict verdict = judge(sizing, sum, nesting);
    if (verdict.minimum <= pool->capacity || lg__load_relaxed(&sizing->state) != LG__SIZING_FITS)
        return;
    verdict.capacity = pool->capacity;
    sizing->verdict = verdict;
    lg__store_relaxed(&sizing->state, (uint32_t)LG__SIZING_TOO_SMALL);
}

/* With the lock: whether only a count can tell. */
static bool must_count(const struct lg_pool *pool)
{
    return pool->sizing.bound + 1 > pool->capacity &&
           lg__load_relaxed(&pool->sizing.state) == LG__SIZING_FITS;
}

/* By the one who has set is_counting.  If nobody has come to it meanwhile, the bound is the sum
 * afterwards, and the second round does not happen. */
static void bring_down_bound(struct lg_pool *pool)
{
    struct lg__sizing *sizing = &pool->sizing;
    for (;;) {
        lg__raw_lock(&pool->lock);
        uint64_t seen = sizing->bound;
        lg__raw_unlock(&pool->lock);
        struct census census = take_census(pool);
        lg__raw_lock(&pool->lock);
        if (census.sum < seen)
            sizing->bound -= seen - census.sum;
        compare(pool, census.sum, census.nesting);
        bool is_done = !must_count(pool);
        if (is_done)
            sizing->is_counting = false;
        lg__raw_unlock(&pool->lock);
        if (is_done)
            return;
    }
}

/* A context's entry has grown by `more`, to `depth`. */
static void grow(struct lg_pool *pool, uint32_t more, uint32_t depth)
{
    struct lg__sizing *sizing = &pool->sizing;
    lg__raw_lock(&pool->lock);
    sizing->bound += more;
    sizing->deepest = depth > sizing->deepest ? depth : sizing->deepest;
    compare(pool, 0, 0);
    bool is_counter = must_count(pool) && !sizing->is_counting;
    if (is_counter)
        sizing->is_counting = true;
    lg__raw_unlock(&pool->lock);
    if (is_counter)
        bring_down_bound(pool);
}

/* How many leases of the pool the caller holds, of `leases` that it has in all. */
static uint32_t count_held(const struct lg_pool *pool, const struct lg_context *self,
                           uint32_t leases)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < lg__pool_extent(pool) && held < leases; i++) {
        uint64_t holder;
        held += lg__slot_read_holder(&pool->slots[i], &holder) && holder == self->id;
    }
    return held;
}

void lg__sizing_observe(struct lg_pool *pool, struct lg_context *self)
{
    uint64_t *entry = entry_of(pool, self);
    uint64_t word = lg__load_relaxed(entry);
    uint32_t known = depth_in(pool, word);
    uint32_t leases = lg__lease_count(self);
    if (leases < known)
        return;
    uint32_t depth = 1;
    if (!pool->is_detached && !lg__load_relaxed(&pool->is_unowned))
        depth += count_held(pool, self, leases);
    bool is_of_nester = known == 0 && (word & DEPTH_MASK) > 1; /* another pool's, and worth more */
    if (depth <= known || (depth == 1 && is_of_nester))
        return;
    lg__store_relaxed(entry, pool->serial << DEPTH_BITS | depth);
    if (depth > 1)
        grow(pool, known > 0 ? depth - known : depth - 1, depth);
}

void lg__sizing_note_resize(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    lg__store_relaxed(&pool->sizing.state, (uint32_t)LG__SIZING_FITS);
    lg__raw_unlock(&pool->lock);
    grow(pool, 0, 0);
}

void lg__sizing_forget(struct lg_pool *pool)
{
    pool->sizing.is_counting = false; /* who did is not in the child */
}

/* ---- Telling --------------------------------------------------------------------------------- */

void lg__sizing_set_said(struct lg_pool *pool)
{
    lg__store_relaxed(&pool->sizing.state, (uint32_t)LG__SIZING_SAID);
}

static void describe(char *out, size_t size, const struct lg__verdict *verdict)
{
    const char *who = verdict->is_declared     ? " declared threads nest"
                      : verdict->contexts == 1 ? " context nests"
                                               : " contexts nest";
    snprintf(out, size, "%u%s checkouts up to %u deep: with fewer than %u a deadlock is possible",
             verdict->contexts, who, verdict->deepest, verdict->minimum);
}

static void warn(struct lg_pool *pool)
{
    char reason[LG_ADVICE_SIZE], text[320], capacity[12], minimum[12], deepest[12];
    lg__raw_lock(&pool->lock);
    struct lg__verdict verdict = pool->sizing.verdict;
    lg__raw_unlock(&pool->lock);
    describe(reason, sizeof reason, &verdict);
    snprintf(text, sizeof text, "pool \"%s\" of %u is too small: %s", pool->name, verdict.capacity,
             reason);
    snprintf(capacity, sizeof capacity, "%u", verdict.capacity);
    snprintf(minimum, sizeof minimum, "%u", verdict.minimum);
    snprintf(deepest, sizeof deepest, "%u", verdict.deepest);
    struct lg_log_field fields[] = {
        {"pool", pool->name}, {"capacity", capacity}, {"minimum", minimum}, {"deepest", deepest}};
    lg__log(LG_LOG_WARN, "pool-too-small", fields, 4, text);
}

void lg__sizing_warn(struct lg_pool *pool)
{
    uint32_t state = LG__SIZING_TOO_SMALL;
    if (lg__load_relaxed(&pool->sizing.state) == LG__SIZING_TOO_SMALL &&
        lg__cas_relaxed(&pool->sizing.state, &state, (uint32_t)LG__SIZING_SAID) &&
        !pool->advice[0]) /* else its size is not for its users to choose */
        warn(pool);
}

/* ---- Advice ---------------------------------------------------------------------------------- */

static void suggest(struct lg_pool_advice *advice, uint32_t suggested, const char *reason)
{
    advice->suggested = suggested < LG_POOL_CAPACITY_MAX ? suggested : LG_POOL_CAPACITY_MAX;
    if (reason)
        lg__copy_name(advice->reason, sizeof advice->reason, reason);
}

/* What hurts most comes first.  The reason is there already if it is the nesting. */
static void choose(struct lg_pool_advice *advice)
{
    uint32_t capacity = advice->capacity;
    if (advice->minimum > capacity)
        suggest(advice, advice->minimum, NULL);
    else if (advice->short_most > 0)
        suggest(advice, capacity + advice->short_most,
                "that many were wanted at one time; more help only if what is behind them can do "
                "more at once");
    else if (advice->lent_most == 0)
        suggest(advice, capacity, "nothing has been lent yet");
    else if (advice->lent_most >= capacity)
        suggest(advice, capacity, "all were in use at one time, and nobody lacked one");
    else if (advice->minimum > advice->lent_most)
        suggest(advice, advice->minimum, NULL);
    else
        suggest(advice, advice->lent_most, "more were never in use at one time");
}

static void read_advice(struct lg_pool *pool, struct lg_pool_advice *out)
{
    struct census census = take_census(pool);
    *out = (struct lg_pool_advice){.size = sizeof *out, .capacity = lg__pool_capacity(pool)};
    lg__raw_lock(&pool->lock);
    struct lg__verdict verdict = judge(&pool->sizing, census.sum, census.nesting);
    out->lent_most = pool->stats.lent_most;
    out->waiting_most = pool->stats.waiting_most;
    out->short_most = pool->stats.short_most;
    lg__raw_unlock(&pool->lock);
    out->declared_threads = pool->sizing.declared_threads;
    out->contexts = census.contexts;
    out->nesting = census.nesting;
    out->deepest = verdict.deepest > 1 ? verdict.deepest : out->lent_most > 0;
    out->minimum = verdict.minimum;
    describe(out->reason, sizeof out->reason, &verdict);
    choose(out);
}

int lg_pool_advice(struct lg_pool *pool, struct lg_pool_advice *out)
{
    if (!pool || !out)
        return LG_EINVAL;
    struct lg_pool_advice known;
    read_advice(pool, &known);
    return lg__stats_copy_out(out, offsetof(struct lg_pool_advice, declared_threads), &known,
                              sizeof known);
}
