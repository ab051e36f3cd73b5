/* Closure, reduction and verification.
 *
 * Everything read here may change while it is read.  Three facts make the result trustworthy:
 *   1. A context in state WAITING takes nothing and releases nothing until its word changes.
 *   2. A wait begins (a full exchange of the word) after all that the context holds was taken, and
 *      ends (a full compare-and-swap) before the context releases or takes anything.
 *   3. Epochs never repeat.
 * So when verify finds every member's word unchanged after it has re-read what they hold, all of
 * them slept through that reading: the units counted were held at one and the same time, by contexts
 * that cannot run until one of the others does.  That state is stable; only intervention from
 * outside (timeout, cancel, close) ends it.
 *   4. A queued waiter keeps its place while its word stands, but for a judgement that lets it pass,
 *      and judgements come one after the other.  Who queues ahead of a waiter later begins a wait of
 *      its own then, and looks itself. */
#include "graph/search.h"

static uint64_t last_serial; /* atomic, counter */

static void reset(struct lg__search *search)
{
    search->member_count = 0;
    search->term_count = 0;
    search->resource_count = 0;
    search->edge_count = 0;
    search->has_overflown = false;
    search->serial = lg__add_relaxed(&last_serial, (uint64_t)1) + 1;
}

void lg__search_begin_small(struct lg__small_search *small)
{
    small->search = (struct lg__search){
        .members = small->members,
        .terms = small->terms,
        .resources = small->resources,
        .edges = small->edges,
        .stack = small->stack,
        .hash = small->hash,
        .hash_serial = small->hash_serial,
        .member_max = LG__SMALL_MEMBERS,
        .term_max = LG__SMALL_TERMS,
        .resource_max = LG__SMALL_MEMBERS,
        .edge_max = LG__SMALL_EDGES,
        .hash_max = LG__SMALL_HASH,
    };
    for (uint32_t i = 0; i < LG__SMALL_HASH; i++)
        small->hash_serial[i] = 0;
    reset(&small->search);
}

#define LARGE_MEMBERS LG_CONTEXTS_MAX
#define LARGE_TERMS   (2 * LG_CONTEXTS_MAX)
#define LARGE_EDGES   (4 * LG_CONTEXTS_MAX)
#define LARGE_HASH    (1u << 16)

/* All under the detector lock.  Static and untouched until needed: no page is used before, and the
 * detector cannot run out of memory when it is wanted. */
static struct lg__member large_members[LARGE_MEMBERS];
static struct lg__term large_terms[LARGE_TERMS];
static struct lg__resource large_resources[LARGE_TERMS];
static struct lg__edge large_edges[LARGE_EDGES];
static uint32_t large_stack[LARGE_MEMBERS];
static uint32_t large_hash[LARGE_HASH];
static uint64_t large_hash_serial[LARGE_HASH];
static struct lg__search large = {
    .members = large_members,
    .terms = large_terms,
    .resources = large_resources,
    .edges = large_edges,
    .stack = large_stack,
    .hash = large_hash,
    .hash_serial = large_hash_serial,
    .member_max = LARGE_MEMBERS,
    .term_max = LARGE_TERMS,
    .resource_max = LARGE_TERMS,
    .edge_max = LARGE_EDGES,
    .hash_max = LARGE_HASH,
    .uses_marks = true,
};

struct lg__search *lg__search_begin_large(void)
{
    reset(&large);
    return &large;
}

struct lg_context *lg__blocked_holder(uint64_t holder, uint64_t *word)
{
    struct lg_context *context = lg__context_find(holder);
    if (!context)
        return NULL;                            /* ended: its units belong to the environment */
    *word = lg__load_full(&context->wait.word); /* W1: after our own begin (store-load) */
    return LG__WAIT_STATE(*word) == LG__WAIT_WAITING ? context : NULL;
}

bool lg__holder_runs(uint64_t holder)
{
    uint64_t word;
    return lg__context_is_alive(holder) && !lg__blocked_holder(holder, &word);
}

uint32_t lg__search_find(const struct lg__search *search, const struct lg_context *context)
{
    if (search->uses_marks)
        return context->mark_serial == search->serial ? context->mark_index : LG__NONE;
    for (uint32_t i = 0; i < search->member_count; i++)
        if (search->members[i].context == context)
            return i;
    return LG__NONE;
}

static uint32_t add_member(struct lg__search *search, struct lg_context *context, uint64_t id,
                           uint64_t word)
{
    if (search->member_count == search->member_max) {
        search->has_overflown = true;
        return LG__NONE;
    }
    uint32_t index = search->member_count++;
    search->members[index] = (struct lg__member){
        .context = context,
        .id = id,
        .word = word,
        .first_hold = LG__NONE,
    };
    if (search->uses_marks) {
        context->mark_serial = search->serial;
        context->mark_index = index;
    }
    return index;
}

static uint32_t *hash_head(struct lg__search *search, const void *object)
{
    uint64_t mixed = ((uintptr_t)object >> 3) * 0x9e3779b97f4a7c15ull;
    uint32_t bucket = (uint32_t)(mixed >> 40) & (search->hash_max - 1);
    if (search->hash_serial[bucket] != search->serial) {
        search->hash_serial[bucket] = search->serial;
        search->hash[bucket] = LG__NONE;
    }
    return &search->hash[bucket];
}

/* The resource's index, adding it if it is new.  LG__NONE: there is no room. */
static uint32_t find_or_add_resource(struct lg__search *search, const struct lg__want *want,
                                     bool *is_new)
{
    uint32_t *head = hash_head(search, want->object);
    for (uint32_t i = *head; i != LG__NONE; i = search->resources[i].next_hash)
        if (search->resources[i].object == want->object &&
            search->resources[i].class == want->class) {
            *is_new = false;
            return i;
        }
    if (search->resource_count == search->resource_max)
        return LG__NONE;
    uint32_t index = search->resource_count++;
    search->resources[index] = (struct lg__resource){
        .class = want->class,
        .object = want->object,
        .outside = want->class->capacity(want->object),
        .waiters = LG__NONE,
        .holders = LG__NONE,
        .next_hash = *head,
    };
    *head = index;
    *is_new = true;
    return index;
}

struct first_look {
    uint32_t need;
    uint32_t running; /* units of contexts that run */
    uint64_t blocked; /* units of contexts that do not */
    bool must_see_all;
};

static bool most_wanted(void *arg, const struct lg__wait *ahead)
{
    struct first_look *look = arg;
    look->need = ahead->want.need > look->need ? ahead->want.need : look->need;
    return true;
}

static bool first_look_at(void *arg, const struct lg__holding *holding)
{
    struct first_look *look = arg;
    uint64_t word;
    if (lg__blocked_holder(holding->holder, &word))
        look->blocked += holding->units;
    else
        look->running += holding->units;
    return look->must_see_all || look->running < look->need;
}

/* Whether those who run, or are unknown, do not hold enough to serve this want, of this record in the
 * queue, and everybody ahead of it. */
static bool is_doubtful(const struct lg__want *want, const struct lg__wait *wait)
{
    struct first_look look = {.need = want->need, .must_see_all = want->class->may_exceed};
    if (want->class->visit_ahead)
        want->class->visit_ahead(want->object, wait, most_wanted, &look);
    want->class->survey(want->object, first_look_at, &look);
    if (look.running >= look.need && !look.must_see_all)
        return false;
    return want->class->capacity(want->object) < look.need + look.blocked;
}

bool lg__search_is_needed(const struct lg__wait *wait)
{
    const struct lg__group *group = wait->group;
    if (!group)
        return is_doubtful(&wait->want, wait);
    for (uint32_t i = 0; i < group->count; i++)
        if (is_doubtful(&group->branches[i].want, &group->branches[i]) == group->is_all)
            return group->is_all;
    return !group->is_all;
}

struct ahead_visit {
    struct lg__search *search;
    struct lg__term *term;       /* the one whose place is looked for */
    const struct lg__wait *wait; /* its record */
};

/* One who queues ahead, or the waiter itself. */
static bool collect_ahead(void *arg, const struct lg__wait *ahead)
{
    struct ahead_visit *visit = arg;
    struct lg__search *search = visit->search;
    struct lg_context *context = lg__context_of(ahead);
    uint64_t word = lg__load_full(&context->wait.word);
    if (LG__WAIT_STATE(word) != LG__WAIT_WAITING)
        return true; /* it has ended, and is on its way out of the queue */
    uint32_t member = lg__search_find(search, context);
    if (member == LG__NONE)
        member = add_member(search, context, lg__load_relaxed(&context->id), word);
    if (member == LG__NONE)
        return false;
    if (ahead == visit->wait)
        visit->term->place = ahead->stamp;
    else if (ahead == &context->wait && search->members[member].word == word)
        search->members[member].place = ahead->stamp;
    search->resources[visit->term->resource].seen_to = ahead->stamp;
    return true;
}

/* Whom a pinned member waits for by its place in the queue.  Who was ahead of one that was looked at
 * before is a member already. */
static void expand_ahead(struct lg__search *search, struct lg__term *term,
                         const struct lg__want *want, const struct lg__wait *wait)
{
    struct ahead_visit visit = {search, term, wait};
    bool is_seen = term->place != 0 && term->place <= search->resources[term->resource].seen_to;
    if (want->class->visit_ahead && !is_seen)
        want->class->visit_ahead(want->object, wait, collect_ahead, &visit);
}

struct collect_visit {
    struct lg__search *search;
    uint32_t resource;
};

/* One holding of a resource in the closure: if its holder is blocked, it becomes a member and its
 * units leave the outside. */
static bool collect_holding(void *arg, const struct lg__holding *holding)
{
    struct collect_visit *visit = arg;
    struct lg__search *search = visit->search;
    uint64_t word = 0;
    bool is_root = holding->holder == search->members[0].id; /* explained, its wait may be over */
    struct lg_context *context =
        is_root ? search->members[0].context : lg__blocked_holder(holding->holder, &word);
    if (!context)
        return true;
    uint32_t member = lg__search_find(search, context);
    if (member == LG__NONE)
        member = add_member(search, context, holding->holder, word);
    if (search->edge_count == search->edge_max)
        search->has_overflown = true;
    if (member == LG__NONE || search->edge_count == search->edge_max)
        return false;
    struct lg__resource *resource = &search->resources[visit->resource];
    uint32_t edge = search->edge_count++;
    search->edges[edge] = (struct lg__edge){
        .resource = visit->resource,
        .units = holding->units,
        .holder = member,
        .next_hold = search->members[member].first_hold,
        .next_holder = resource->holders,
    };
    search->members[member].first_hold = edge;
    resource->holders = edge;
    resource->outside -= holding->units;
    return true;
}

/* One thing that a pinned member waits for, by the record that stands in its queue. */
static void add_term(struct lg__search *search, uint32_t index, const struct lg__want *want,
                     const struct lg__wait *wait)
{
    struct lg__member *member = &search->members[index];
    bool is_new;
    uint32_t resource = search->term_count < search->term_max
                            ? find_or_add_resource(search, want, &is_new)
                            : LG__NONE;
    if (resource == LG__NONE) {
        search->has_overflown = true;
        return;
    }
    struct lg__term *term = &search->terms[search->term_count];
    *term = (struct lg__term){
        .member = index,
        .resource = resource,
        .need = want->need,
        .next = search->resources[resource].waiters,
        .place = wait == &member->context->wait ? member->place : 0,
    };
    search->resources[resource].waiters = search->term_count++;
    member->term_count++;
    if (is_new) {
        struct collect_visit visit = {search, resource};
        want->class->survey(want->object, collect_holding, &visit);
    }
    expand_ahead(search, term, want, wait);
}

/* Look at what member `index` waits for.  If its wait has ended meanwhile, it has no term: it
 * progresses. */
static void expand(struct lg__search *search, uint32_t index)
{
    struct lg__member *member = &search->members[index];
    struct lg__wait *wait = &member->context->wait;
    if (!lg__wait_pin(wait, member->word))
        return;
    const struct lg__group *group = wait->group;
    member->first_term = search->term_count;
    member->deadline = wait->want.deadline;
    member->since_ns = wait->since_ns;
    member->is_relock = wait->want.is_relock;
    member->is_all = group && group->is_all;
    if (!group)
        add_term(search, index, &wait->want, wait);
    for (uint32_t i = 0; group && i < group->count; i++)
        add_term(search, index, &group->branches[i].want, &group->branches[i]);
    lg__wait_unpin(wait);
}

bool lg__search_collect(struct lg__search *search, struct lg_context *root, uint64_t word)
{
    (void)add_member(search, root, lg__load_relaxed(&root->id), word);
    for (uint32_t i = 0; i < search->member_count && !search->has_overflown; i++)
        expand(search, i);
    return search->members[0].term_count > 0;
}

struct verify_visit {
    const struct lg__search *search;
    uint32_t held; /* units held by members that have not progressed */
};

static bool verify_holding(void *arg, const struct lg__holding *holding)
{
    struct verify_visit *visit = arg;
    const struct lg_context *context = lg__context_find(holding->holder);
    uint32_t member = context ? lg__search_find(visit->search, context) : LG__NONE;
    if (member != LG__NONE && !visit->search->members[member].has_progressed &&
        visit->search->members[member].id == holding->holder)
        visit->held += holding->units;
    return true;
}

/* What the stuck do not hold of a resource that one of them, `waiter`, waits for.  False: its wait has
 * ended. */
static bool count_again(const struct lg__search *search, const struct lg__resource *resource,
                        const struct lg__member *waiter, uint32_t *left)
{
    struct lg__wait *wait = &waiter->context->wait;
    struct verify_visit visit = {search, 0};
    if (!lg__wait_pin(wait, waiter->word))
        return false;
    uint32_t capacity = resource->class->capacity(resource->object);
    resource->class->survey(resource->object, verify_holding, &visit);
    lg__wait_unpin(wait);
    *left = capacity > visit.held ? capacity - visit.held : 0;
    return true;
}

/* Pass 2 for one resource: the stuck waiters' needs against what the stuck do not hold.  A need that
 * this covers must be behind one that it does not cover. */
static bool verify_resource(const struct lg__search *search, const struct lg__resource *resource)
{
    bool is_counted = false;
    uint32_t left = 0;
    uint64_t first_uncovered = LG__NO_PLACE, first_covered = LG__NO_PLACE;
    for (uint32_t i = resource->waiters; i != LG__NONE; i = search->terms[i].next) {
        const struct lg__term *term = &search->terms[i];
        const struct lg__member *member = &search->members[term->member];
        if (member->has_progressed || term->is_served)
            continue;
        if (!is_counted && !count_again(search, resource, member, &left))
            return false;
        is_counted = true;
        bool is_covered = left >= term->need;
        uint64_t *first = is_covered ? &first_covered : &first_uncovered;
        if (is_covered && term->place == 0)
            return false;
        if (term->place != 0 && term->place < *first)
            *first = term->place;
    }
    return first_covered == LG__NO_PLACE || first_uncovered < first_covered;
}

bool lg__search_verify(struct lg__search *search)
{
    for (uint32_t i = 0; i < search->resource_count; i++)
        if (!verify_resource(search, &search->resources[i]))
            return false;
    for (uint32_t i = 0; i < search->member_count; i++) { /* pass 3 */
        const struct lg__member *member = &search->members[i];
        if (!member->has_progressed &&
            (lg__load_acquire(&member->context->wait.word) != member->word ||
             lg__load_acquire(&member->context->id) != member->id))
            return false;
    }
    return true;
}
