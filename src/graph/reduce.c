/* Reduction: who can progress, and what follows from it.  The model is in search.h. */
#include "graph/search.h"

/* The place of the first in a queue whose need is not covered by what is free: nobody passes it. */
static uint64_t first_uncovered(const struct lg__search *search, const struct lg__resource *r)
{
    uint64_t first = LG__NO_PLACE;
    if (!search->is_in_order || r->seen_to == 0)
        return first;
    for (uint32_t i = r->pending; i != LG__NONE; i = search->terms[i].pending) {
        const struct lg__term *term = &search->terms[i];
        if (!search->members[term->member].has_progressed && term->need > r->free &&
            term->place != 0 && term->place < first)
            first = term->place;
    }
    return first;
}

/* A term is served.  If that is what its member waits for, the member goes on the stack. */
static uint32_t serve(struct lg__search *search, struct lg__term *term, uint32_t depth)
{
    struct lg__member *member = &search->members[term->member];
    term->is_served = true;
    if (member->has_progressed || --member->missing > 0)
        return depth; /* one that was freed is on its way already */
    member->has_progressed = true;
    search->stack[depth++] = term->member;
    return depth;
}

/* Pending terms whose need is covered by what is free are served. */
static uint32_t satisfy(struct lg__search *search, uint32_t resource, uint32_t depth)
{
    struct lg__resource *r = &search->resources[resource];
    if (r->free < r->least)
        return depth;
    uint64_t first = first_uncovered(search, r);
    uint32_t *link = &r->pending;
    r->least = LG__NONE;
    while (*link != LG__NONE) {
        struct lg__term *term = &search->terms[*link];
        bool is_behind = term->place > first;
        if (term->need <= r->free && !is_behind) {
            depth = serve(search, term, depth);
            *link = term->pending;
        } else {
            r->least = !is_behind && term->need < r->least ? term->need : r->least;
            link = &term->pending;
        }
    }
    return depth;
}

/* One that has been served elsewhere stands in the way of nobody any more. */
static uint32_t leave_queues(struct lg__search *search, const struct lg__member *member,
                             uint32_t depth)
{
    for (uint32_t i = 0; i < member->term_count; i++) {
        const struct lg__term *term = &search->terms[member->first_term + i];
        if (term->is_served || term->place == 0)
            continue;
        search->resources[term->resource].least = 0;
        depth = satisfy(search, term->resource, depth);
    }
    return depth;
}

static uint32_t release(struct lg__search *search, uint32_t member, uint32_t depth)
{
    for (uint32_t e = search->members[member].first_hold; e != LG__NONE;
         e = search->edges[e].next_hold) {
        search->resources[search->edges[e].resource].free += search->edges[e].units;
        depth = satisfy(search, search->edges[e].resource, depth);
    }
    return depth;
}

static void prepare_resource(struct lg__resource *resource)
{
    resource->free = resource->outside;
    resource->pending = resource->waiters;
    resource->least = 0;
}

static uint32_t reduce(struct lg__search *search, uint32_t removed)
{
    uint32_t depth = 0;
    uint32_t progressed = 0;
    for (uint32_t i = 0; i < search->resource_count; i++)
        prepare_resource(&search->resources[i]);
    for (uint32_t i = 0; i < search->term_count; i++) {
        search->terms[i].pending = search->terms[i].next;
        search->terms[i].is_served = false;
    }
    for (uint32_t i = 0; i < search->member_count; i++) {
        struct lg__member *member = &search->members[i];
        member->missing = member->is_all ? member->term_count : 1;
        member->has_progressed = member->term_count == 0 || member->was_freed;
        if (member->has_progressed)
            search->stack[depth++] = i;
    }
    for (uint32_t i = 0; i < search->resource_count; i++)
        depth = satisfy(search, i, depth);
    if (removed != LG__NONE)
        depth = release(search, removed, depth);
    while (depth > 0) {
        uint32_t member = search->stack[--depth];
        progressed++;
        if (member != removed) /* its units are out already */
            depth = release(search, member, depth);
        if (search->is_in_order && search->members[member].term_count > 1)
            depth = leave_queues(search, &search->members[member], depth);
    }
    return progressed;
}

uint32_t lg__search_reduce(struct lg__search *search, uint32_t removed)
{
    search->is_in_order = false;
    return reduce(search, removed);
}

uint32_t lg__search_reduce_in_order(struct lg__search *search)
{
    search->is_in_order = true;
    return reduce(search, LG__NONE);
}

/* The first in the queue of a term who is stuck there, if there is enough for the term itself. */
static uint32_t first_ahead(const struct lg__search *search, const struct lg__term *behind)
{
    const struct lg__term *first = NULL;
    if (behind->is_served || behind->need > search->resources[behind->resource].free)
        return LG__NONE;
    for (uint32_t i = search->resources[behind->resource].waiters; i != LG__NONE;
         i = search->terms[i].next) {
        const struct lg__term *ahead = &search->terms[i];
        if (!search->members[ahead->member].has_progressed && !ahead->is_served &&
            ahead->place != 0 && ahead->place < behind->place &&
            (!first || ahead->place < first->place))
            first = ahead;
    }
    return first ? first->member : LG__NONE;
}

uint32_t lg__search_blocker(const struct lg__search *search, uint32_t member, uint32_t *term)
{
    const struct lg__member *behind = &search->members[member];
    uint32_t blocker = LG__NONE;
    for (uint32_t i = 0; i < behind->term_count && !behind->has_progressed; i++) {
        uint32_t t = behind->first_term + i;
        uint32_t first = first_ahead(search, &search->terms[t]);
        if (first == LG__NONE && behind->is_all && !search->terms[t].is_served)
            return LG__NONE;
        if (first != LG__NONE && blocker == LG__NONE) {
            blocker = first;
            *term = t;
        }
    }
    return blocker;
}

/* Put the holders of a resource on the stack, those that are not reached yet. */
static uint32_t reach_holders(struct lg__search *search, struct lg__resource *resource,
                              uint32_t depth)
{
    uint32_t e = resource->is_reached ? LG__NONE : resource->holders;
    resource->is_reached = true;
    for (; e != LG__NONE; e = search->edges[e].next_holder) {
        struct lg__member *holder = &search->members[search->edges[e].holder];
        if (!holder->is_reached)
            search->stack[depth++] = search->edges[e].holder;
        holder->is_reached = true;
    }
    return depth;
}

void lg__search_reach(struct lg__search *search, uint32_t from)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < search->member_count; i++)
        search->members[i].is_reached = false;
    for (uint32_t i = 0; i < search->resource_count; i++)
        search->resources[i].is_reached = false;
    for (uint32_t m = from;; m = search->stack[--depth]) {
        const struct lg__member *member = &search->members[m];
        for (uint32_t i = 0; i < member->term_count; i++) {
            const struct lg__term *term = &search->terms[member->first_term + i];
            depth = reach_holders(search, &search->resources[term->resource], depth);
        }
        if (depth == 0)
            return;
    }
}
