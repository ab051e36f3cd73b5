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

static bool is_ahead(const struct oracle *oracle, uint32_t a, uint32_t b)
{
    const struct oracle_context *x = &oracle->context[a], *y = &oracle->context[b];
    return x->waits && y->waits && x->wants == y->wants && x->place != 0 && x->place < y->place;
}

static bool is_behind_one(const struct oracle *oracle, uint32_t who, const bool *is_in)
{
    for (uint32_t i = 0; i < oracle->contexts; i++)
        if (is_in[i] && is_ahead(oracle, i, who))
            return true;
    return false;
}

bool oracle_is_first(const struct oracle *oracle, uint32_t who)
{
    bool all[ORACLE_CONTEXTS];
    memset(all, true, sizeof all);
    return !is_behind_one(oracle, who, all);
}

static uint32_t find_stuck(const struct oracle *oracle, uint32_t removed, bool is_in_order,
                           bool *is_stuck)
{
    bool has_changed = true;
    for (uint32_t i = 0; i < oracle->contexts; i++)
        is_stuck[i] = oracle->context[i].waits && !oracle->context[i].is_freed;
    while (has_changed) {
        has_changed = false;
        for (uint32_t i = 0; i < oracle->contexts; i++) {
            const struct oracle_context *context = &oracle->context[i];
            if (is_stuck[i] && !(is_in_order && is_behind_one(oracle, i, is_stuck)) &&
                not_held_by(oracle, removed, is_stuck, context->wants) >= context->need) {
                is_stuck[i] = false;
                has_changed = true;
            }
        }
    }
    return count(oracle, is_stuck);
}

uint32_t oracle_stuck(const struct oracle *oracle, uint32_t removed, bool *is_stuck)
{
    return find_stuck(oracle, removed, false, is_stuck);
}

uint32_t oracle_stuck_in_order(const struct oracle *oracle, bool *is_stuck)
{
    return find_stuck(oracle, ORACLE_NONE, true, is_stuck);
}

uint32_t oracle_blocker(const struct oracle *oracle, uint32_t who, const bool *is_stuck)
{
    const struct oracle_context *context = &oracle->context[who];
    uint32_t first = ORACLE_NONE;
    if (!is_stuck[who] ||
        not_held_by(oracle, ORACLE_NONE, is_stuck, context->wants) < context->need)
        return ORACLE_NONE;
    for (uint32_t i = 0; i < oracle->contexts; i++)
        if (is_stuck[i] && is_ahead(oracle, i, who) &&
            (first == ORACLE_NONE || oracle->context[i].place < oracle->context[first].place))
            first = i;
    return first;
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
    bool domain[ORACLE_CONTEXTS], is_stuck[ORACLE_CONTEXTS];
    uint32_t first = ORACLE_NONE, first_helper = ORACLE_NONE;
    (void)oracle_closure(oracle, root, domain);
    (void)oracle_stuck_in_order(oracle, is_stuck);
    for (uint32_t i = 0; i < oracle->contexts; i++) {
        uint32_t blocker = domain[i] ? oracle_blocker(oracle, i, is_stuck) : ORACLE_NONE;
        uint64_t place = oracle->context[i].place;
        if (blocker == ORACLE_NONE)
            continue;
        if (first == ORACLE_NONE || place < oracle->context[first].place)
            first = i;
        if (helps_to_pass(oracle, i, blocker) &&
            (first_helper == ORACLE_NONE || place < oracle->context[first_helper].place))
            first_helper = i;
    }
    return first_helper == ORACLE_NONE ? first : first_helper;
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
                    (oracle->context[j].held[oracle->context[i].wants] > 0 ||
                     (has_queues && is_ahead(oracle, j, i))))
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
    uint32_t capacity = oracle->capacity[context->wants];
    return capacity - context->held[context->wants] < context->need;
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
