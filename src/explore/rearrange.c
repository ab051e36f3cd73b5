/* Rearrange: the best schedule's list of switches is changed here and there, and what finds the same is kept.
 *
 * Pieces are left out, large ones first and from the end.  Two neighbouring turns change places, or a turn is put
 * off until its thread's next.  When no single change makes it smaller, changes that leave it as it is are made at
 * random, until one that does is found or it is enough.
 *
 * Records are keyed by their own thread's events, so the rest keep their meaning when some are changed; those that
 * no longer fit are passed over.
 * Source: to leave out pieces is Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002;
 * to move turns is Jalbert and Sen, "A Trace Simplification Technique for Effective Debugging of Concurrent
 * Programs", 2010. */
#include "explore/best.h"
#include "explore/campaign.h"

#include <string.h>

#define WANDERED_MAX 400 /* changes at random that gain nothing */

/* ---- The list ------------------------------------------------------------------------------------------------ */

static uint32_t copy_best(void)
{
    memcpy(lg__campaign->replay, lg__best.switches, lg__best.count * sizeof *lg__campaign->replay);
    return lg__best.count;
}

static void leave_out(uint32_t i, uint32_t *count)
{
    struct lg__switch *list = lg__campaign->replay;
    memmove(&list[i], &list[i + 1], (*count - i - 1) * sizeof *list);
    --*count;
}

/* The switch before this one; `i` itself if there is none. */
static uint32_t before(uint32_t i)
{
    for (uint32_t j = i; j-- > 0;)
        if (lg__best.switches[j].kind != LG__SWITCH_CHOICE)
            return j;
    return i;
}

/* ---- Deletion ------------------------------------------------------------------------------------------------ */

/* Without the records [from, from + length). */
static void plan_without(uint32_t from, uint32_t length)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < lg__best.count; i++)
        if (i < from || i >= from + length)
            lg__campaign->replay[count++] = lg__best.switches[i];
    lg__best_plan_replay(count);
}

/* One pass with pieces of this length.  True: in a run. */
static bool delete_once(uint32_t length)
{
    uint32_t end = lg__best.count;
    while (end && !lg__best_is_enough()) {
        uint32_t from = end > length ? end - length : 0;
        plan_without(from, end - from);
        if (lg__best_try(false))
            return true;
        end = lg__best.count < from ? lg__best.count : from;
    }
    return false;
}

static bool delete_pieces(void)
{
    uint32_t length = lg__best.count;
    while (length && !lg__best_is_enough()) {
        uint32_t had = lg__best.count;
        if (delete_once(length))
            return true;
        if (length > lg__best.count)
            length = lg__best.count;
        else if (lg__best.count == had)
            length /= 2;
        else if (length > 1)
            length = (length + 1) / 2;
    }
    return false;
}

/* ---- Moves --------------------------------------------------------------------------------------------------- */

/* The turn that record `end` ends does not come here: its thread goes on where it has its next turn. */
static bool plan_put_off(uint32_t end)
{
    uint32_t begin = before(end), count = copy_best();
    struct lg__switch *list = lg__campaign->replay;
    if (begin == end)
        return false;
    list[begin].to = list[end].to;
    leave_out(end, &count);
    if (list[begin].from == list[begin].to)
        leave_out(begin, &count);
    lg__best_plan_replay(count);
    return true;
}

/* The turn that record `end` ends and the one before change places.  Two turns become one if the later thread also
 * had the turn before both, or if the earlier one has the turn after both. */
static bool plan_swap(uint32_t end, bool must_join)
{
    uint32_t middle = before(end), begin = before(middle), count = copy_best();
    struct lg__switch *list = lg__campaign->replay;
    if (middle == end || begin == middle)
        return false;
    uint32_t earlier = list[middle].from, later = list[end].from, next = list[end].to;
    bool joins_before = list[begin].from == later, joins_behind = next == earlier;
    if (must_join && !joins_before && !joins_behind)
        return false;
    list[begin].to = later;
    list[end].to = earlier;
    list[middle].to = next;
    if (joins_behind)
        leave_out(middle, &count);
    if (joins_before)
        leave_out(begin, &count);
    lg__best_plan_replay(count);
    return true;
}

/* Each turn once.  True: in a run. */
static bool move_turns(void)
{
    for (uint32_t i = lg__best.count; i-- > 0;) {
        if (i >= lg__best.count || lg__best.switches[i].kind == LG__SWITCH_CHOICE)
            continue;
        if (!lg__best_is_enough() && plan_swap(i, true) && lg__best_try(false))
            return true;
        if (!lg__best_is_enough() && i < lg__best.count && plan_put_off(i) && lg__best_try(false))
            return true;
    }
    return false;
}

/* ---- Changes at random --------------------------------------------------------------------------------------- */

static uint32_t draw(uint32_t below)
{
    static uint64_t random =
        1; /* a generator of its own: the same changes whatever was drawn before */
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random >> 33) % below;
}

static bool plan_change(void)
{
    uint32_t i = draw(lg__best.count), kind = draw(4), count;
    if (kind == 0)
        return plan_swap(i, false);
    if (kind == 1)
        return plan_put_off(i);
    count = copy_best();
    if (kind == 2)
        leave_out(i, &count);
    else
        lg__campaign->replay[i].to = lg__best.switches[draw(count)].to;
    lg__best_plan_replay(count);
    return true;
}

/* Until there is a preemption less.  True: in a run. */
static bool wander(void)
{
    uint32_t had = lg__best.outcome.preemptions;
    for (uint32_t i = 0; i < WANDERED_MAX && !lg__best_is_enough(); i++) {
        if (plan_change() && lg__best_try(true))
            return true;
        if (lg__best.outcome.preemptions < had)
            return false;
    }
    return false;
}

/* ---- In turn ------------------------------------------------------------------------------------------------- */

bool lg__rearrange(void)
{
    uint32_t had = lg__best.outcome.preemptions + 1;
    while (lg__best.outcome.preemptions > 1 && lg__best.outcome.preemptions < had) {
        had = lg__best.outcome.preemptions;
        if (delete_pieces() || move_turns())
            return true;
        if (lg__best.outcome.preemptions == had && had > 1 && wander())
            return true;
    }
    return false;
}
