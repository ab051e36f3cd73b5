/* The slow and obvious way. */
#include "support/oracle.h"

#include <string.h>

uint32_t oracle_free(const struct oracle *oracle, uint32_t thing)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < oracle->contexts; i++)
        held += oracle->context[i].held[thing];
    return held < oracle->capacity[thing] ? oracle->capacity[thing] - held : 0;
}

/* What the set does not hold of a thing. */
static uint32_t not_held_by(const struct oracle *oracle, uint32_t removed, const bool *is_in,
                            uint32_t thing)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < oracle->contexts; i++)
        if (is_in[i] && i != removed)
            held += oracle->context[i].held[thing];
    return held < oracle->capacity[thing] ? oracle->capacity[thing] - held : 0;
}

static uint32_t count(const struct oracle *oracle, const bool *is_in)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < oracle->contexts; i++)
        n += is_in[i];
    return n;
}

/* Wants that are not served yet. */
typedef bool oracle_open[ORACLE_CONTEXTS][ORACLE_WANTS];

static bool is_ahead(const struct oracle_want *a, const struct oracle_want *b)
{
    return a->thing == b->thing && a->place != 0 && a->place < b->place;
}

/* The first of those who are in the set, with a want that is open, ahead of a want; or ORACLE_NONE. */
static uint32_t first_ahead(const struct oracle *oracle, const struct oracle_want *want,
                            const bool *is_in, oracle_open is_open)
{
    const struct oracle_want *first = NULL;
    uint32_t who = ORACLE_NONE;
    for (uint32_t i = 0; i < oracle->contexts; i++)
        for (uint32_t k = 0; is_in[i] && k < oracle->context[i].want_count; k++) {
            const struct oracle_want *other = &oracle->context[i].wants[k];
            if (oracle->context[i].waits && is_open[i][k] && is_ahead(other, want) &&
                (!first || other->place < first->place)) {
                first = other;
                who = i;
            }
        }
    return who;
}

bool oracle_is_first(const struct oracle *oracle, uint32_t who, uint32_t want)
{
    static oracle_open all_open;
    bool all[ORACLE_CONTEXTS];
    memset(all, true, sizeof all);
    memset(all_open, true, sizeof all_open);
    return first_ahead(oracle, &oracle->context[who].wants[want], all, all_open) == ORACLE_NONE;
}

/* Whether all of a context's wants, or any, as it waits, are closed. */
static bool is_content(const struct oracle_context *context, const bool *is_open)
{
    uint32_t closed = 0;
    for (uint32_t k = 0; k < context->want_count; k++)
        closed += !is_open[k];
    return context->is_all ? closed == context->want_count : closed > 0;
}

static uint32_t find_stuck(const struct oracle *oracle, uint32_t removed, bool is_in_order,
                           bool *is_stuck, oracle_open is_open)
{
    bool has_changed = true;
    memset(is_open, true, sizeof(oracle_open));
    for (uint32_t i = 0; i < oracle->contexts; i++)
        is_stuck[i] = oracle->context[i].waits && !oracle->context[i].is_freed;
    while (has_changed) {
        has_changed = false;
        for (uint32_t i = 0; i < oracle->contexts; i++) {
            const struct oracle_context *context = &oracle->context[i];
            for (uint32_t k = 0; is_stuck[i] && k < context->want_count; k++) {
                const struct oracle_want *want = &context->wants[k];
                if (!is_open[i][k] ||
                    not_held_by(oracle, removed, is_stuck, want->thing) < want->need)
                    continue;
                if (is_in_order && first_ahead(oracle, want, is_stuck, is_open) != ORACLE_NONE)
                    continue;
                is_open[i][k] = false;
                has_changed = true;
            }
            is_stuck[i] = is_stuck[i] && !is_content(context, is_open[i]);
        }
    }
    return count(oracle, is_stuck);
}

uint32_t oracle_stuck(const struct oracle *oracle, uint32_t removed, bool *is_stuck)
{
    static oracle_open is_open;
    return find_stuck(oracle, removed, false, is_stuck, is_open);
}

uint32_t oracle_stuck_in_order(const struct oracle *oracle, bool *is_stuck)
{
    static oracle_open is_open;
    return find_stuck(oracle, ORACLE_NONE, true, is_stuck, is_open);
}

/* The blocker, and which want it keeps. */
static uint32_t find_blocker(const struct oracle *oracle, uint32_t who, uint32_t *which)
{
    static oracle_open is_open;
    bool is_stuck[ORACLE_CONTEXTS];
    const struct oracle_context *context = &oracle->context[who];
    uint32_t blocker = ORACLE_NONE;
    (void)find_stuck(oracle, ORACLE_NONE, true, is_stuck, is_open);
    for (uint32_t k = 0; is_stuck[who] && k < context->want_count; k++) {
        const struct oracle_want *want = &context->wants[k];
        if (!is_open[who][k])
            continue;
        bool is_covered = not_held_by(oracle, ORACLE_NONE, is_stuck, want->thing) >= want->need;
        uint32_t first = is_covered ? first_ahead(oracle, want, is_stuck, is_open) : ORACLE_NONE;
        if (first == ORACLE_NONE && context->is_all)
            return ORACLE_NONE; /* for want of units */
        if (first != ORACLE_NONE && blocker == ORACLE_NONE) {
            blocker = first;
            *which = k;
        }
    }
    return blocker;
}

uint32_t oracle_blocker(const struct oracle *oracle, uint32_t who)
{
    uint32_t which;
    return find_blocker(oracle, who, &which);
}

uint64_t oracle_blocked_place(const struct oracle *oracle, uint32_t who)
{
    uint32_t which;
    return find_blocker(oracle, who, &which) == ORACLE_NONE
               ? 0
               : oracle->context[who].wants[which].place;
}

/* Whether the one that `who` is stuck behind would go on if it passed. */
static bool helps_to_pass(const struct oracle *oracle, uint32_t who, uint32_t blocker)
{
    static struct oracle copy;
    bool is_stuck[ORACLE_CONTEXTS];
    copy = *oracle;
    copy.context[who].is_freed = true;
    (void)oracle_stuck_in_order(&copy, is_stuck);
    return !is_stuck[blocker];
}

uint32_t oracle_passer(const struct oracle *oracle, uint32_t root)
{
    bool domain[ORACLE_CONTEXTS];
    uint32_t first = ORACLE_NONE, first_helper = ORACLE_NONE;
    uint64_t first_place = 0, first_helpers_place = 0;
    (void)oracle_closure(oracle, root, domain);
    for (uint32_t i = 0; i < oracle->contexts; i++) {
        uint32_t blocker = domain[i] ? oracle_blocker(oracle, i) : ORACLE_NONE;
        uint64_t place = blocker != ORACLE_NONE ? oracle_blocked_place(oracle, i) : 0;
        if (blocker == ORACLE_NONE)
            continue;
        if (first == ORACLE_NONE || place < first_place) {
            first = i;
            first_place = place;
        }
        if (helps_to_pass(oracle, i, blocker) &&
            (first_helper == ORACLE_NONE || place < first_helpers_place)) {
            first_helper = i;
            first_helpers_place = place;
        }
    }
    return first_helper == ORACLE_NONE ? first : first_helper;
}

/* Whether j holds something that i wants, or stands ahead of i. */
static bool is_in_the_way(const struct oracle *oracle, uint32_t i, uint32_t j, bool has_queues)
{
    const struct oracle_context *x = &oracle->context[i], *y = &oracle->context[j];
    for (uint32_t k = 0; k < x->want_count; k++) {
        if (y->held[x->wants[k].thing] > 0)
            return true;
        for (uint32_t l = 0; has_queues && l < y->want_count; l++)
            if (is_ahead(&y->wants[l], &x->wants[k]))
                return true;
    }
    return false;
}

/* By holding, and by standing ahead if there are queues. */
static uint32_t find_closure(const struct oracle *oracle, uint32_t root, bool has_queues,
                             bool *is_in)
{
    bool has_changed = true;
    memset(is_in, 0, oracle->contexts * sizeof *is_in);
    is_in[root] = oracle->context[root].waits;
    while (has_changed) {
        has_changed = false;
        for (uint32_t i = 0; i < oracle->contexts; i++)
            for (uint32_t j = 0; is_in[i] && j < oracle->contexts; j++)
                if (!is_in[j] && oracle->context[j].waits &&
                    is_in_the_way(oracle, i, j, has_queues))
                    is_in[j] = has_changed = true;
    }
    return count(oracle, is_in);
}

uint32_t oracle_closure(const struct oracle *oracle, uint32_t root, bool *is_in)
{
    return find_closure(oracle, root, true, is_in);
}

static bool goes_before(const struct oracle *oracle, uint32_t root, uint32_t a, uint32_t b)
{
    const struct oracle_context *x = &oracle->context[a], *y = &oracle->context[b];
    if (x->category != y->category)
        return x->category < y->category;
    if (x->deadline != y->deadline)
        return x->deadline < y->deadline;
    if (a == root || b == root)
        return a == root;
    return x->since > y->since;
}

/* Whether it would wait even if all others gave back what they hold. */
static bool waits_for_itself(const struct oracle *oracle, uint32_t i)
{
    const struct oracle_context *context = &oracle->context[i];
    uint32_t own = 0;
    for (uint32_t k = 0; k < context->want_count; k++) {
        const struct oracle_want *want = &context->wants[k];
        own += oracle->capacity[want->thing] - context->held[want->thing] < want->need;
    }
    return context->is_all ? own > 0 : own == context->want_count;
}

/* Whether `who` holds itself up: taking it out frees somebody it waits for, or it waits for
 * itself. */
static bool is_part(const struct oracle *oracle, uint32_t who, const bool *after)
{
    bool before[ORACLE_CONTEXTS], is_behind[ORACLE_CONTEXTS];
    (void)oracle_stuck(oracle, ORACLE_NONE, before);
    (void)find_closure(oracle, who, false, is_behind);
    for (uint32_t i = 0; i < oracle->contexts; i++)
        if (i != who && is_behind[i] && before[i] && !after[i])
            return true;
    return waits_for_itself(oracle, who);
}

uint32_t oracle_victim(const struct oracle *oracle, uint32_t root)
{
    bool domain[ORACLE_CONTEXTS], is_stuck[ORACLE_CONTEXTS], was_tried[ORACLE_CONTEXTS] = {0};
    uint32_t first = ORACLE_NONE, first_part = ORACLE_NONE;
    (void)oracle_closure(oracle, root, domain);
    (void)oracle_stuck(oracle, ORACLE_NONE, is_stuck);
    for (;;) {
        bool after[ORACLE_CONTEXTS];
        uint32_t best = ORACLE_NONE;
        for (uint32_t i = 0; i < oracle->contexts; i++)
            if (domain[i] && is_stuck[i] && !was_tried[i] &&
                (best == ORACLE_NONE || goes_before(oracle, root, i, best)))
                best = i;
        if (best == ORACLE_NONE)
            return first_part == ORACLE_NONE ? first : first_part;
        was_tried[best] = true;
        first = first == ORACLE_NONE ? best : first;
        (void)oracle_stuck(oracle, best, after);
        if (!is_part(oracle, best, after))
            continue;
        if (best == root || !after[root])
            return best;
        first_part = first_part == ORACLE_NONE ? best : first_part;
    }
}
