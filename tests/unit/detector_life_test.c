/* The detector against the oracle, over whole lives of contexts: no miss, no false alarm, the victim
 * that rule 3 names, and whom rule 4 lets pass. */
#include "support/oracle.h"
#include "support/thing.h"

#include "graph/detector.h"

#include <string.h>

#define LATE (LG_FOREVER - 1) /* a deadline that is none of ours to see */

/* Contexts take, wait, are granted, time out, are told, release (or do not), at random.  Some look
 * for a deadlock only a while after they have begun to wait, as when threads begin at once.  When
 * all have looked nobody is stuck, nor stuck behind another (no miss); whoever was told is exactly whom rule 3 names (no
 * false alarm, no victim too many), and its report has as many members as were stuck. */
struct life {
    struct oracle oracle;
    struct lg_context *ghosts[12];
    struct thing_group groups[12]; /* of those who wait for several things */
    struct thing things[8];
    bool owes_look[12]; /* has begun and not looked yet */
    struct support_random random;
    uint64_t ticks;
    unsigned told, most_told; /* in all, and by one look */
    unsigned passed;
};

static void release_all(struct life *life, uint32_t who, uint32_t thing)
{
    thing_let_go(&life->things[thing], life->ghosts[who]);
    if (life->oracle.context[who].held[thing] > 0) /* as every release of a lock or lease does */
        lg__store_relaxed(&life->ghosts[who]->has_been_told, 0u);
    life->oracle.context[who].held[thing] = 0;
}

static void take(struct life *life, uint32_t who, uint32_t thing, uint32_t units)
{
    thing_hold(&life->things[thing], life->ghosts[who], units);
    life->oracle.context[who].held[thing] += units;
}

/* What stands in the queue for one of its wants. */
static struct lg__wait *record(struct life *life, uint32_t who, uint32_t which)
{
    struct lg__wait *wait = &life->ghosts[who]->wait;
    return wait->group ? &life->groups[who].branches[which] : wait;
}

static void stop_waiting(struct life *life, uint32_t who)
{
    struct oracle_context *context = &life->oracle.context[who];
    for (uint32_t k = 0; k < context->want_count; k++)
        thing_unqueue(&life->things[context->wants[k].thing], record(life, who, k));
    thing_ghost_runs(life->ghosts[who]);
    context->waits = false;
    life->owes_look[who] = false;
}

static bool can_be_served(const struct life *life, uint32_t who, uint32_t which)
{
    const struct oracle_want *want = &life->oracle.context[who].wants[which];
    return oracle_free(&life->oracle, want->thing) >= want->need &&
           oracle_is_first(&life->oracle, who, which);
}

/* Serve one want, or all of them, if that is what it waits for. */
static void grant_one(struct life *life, uint32_t who)
{
    const struct oracle_context *context = &life->oracle.context[who];
    uint32_t served = 0, which = 0;
    for (uint32_t k = 0; k < context->want_count; k++)
        if (can_be_served(life, who, k)) {
            which = k;
            served++;
        }
    if (served == 0 || (context->is_all && served < context->want_count))
        return;
    assert_true(lg__wait_end(record(life, who, which), LG__WAIT_GRANTED, 0));
    stop_waiting(life, who);
    for (uint32_t k = 0; k < context->want_count; k++)
        if (context->is_all || k == which)
            take(life, who, context->wants[k].thing, context->wants[k].need);
}

/* Whoever can be served is, in an order that is nobody's. */
static void grant(struct life *life)
{
    uint32_t n = life->oracle.contexts;
    uint32_t first = support_below(&life->random, n);
    for (uint32_t k = 0; k < n; k++)
        if (life->oracle.context[(first + k) % n].waits)
            grant_one(life, (first + k) % n);
}

static void predict_passes(struct oracle *oracle, uint32_t root, bool *passes)
{
    uint32_t passer;
    while ((passer = oracle_passer(oracle, root)) != ORACLE_NONE)
        oracle->context[passer].is_freed = passes[passer] = true;
}

/* Those that the oracle would tell, one after the other, until nobody in the closure is stuck, and
 * how many were stuck each time; and whom it would let pass.  Who is not stuck tells nobody. */
static void predict(const struct life *life, uint32_t root, uint32_t *stuck_at, bool *passes)
{
    static struct oracle copy;
    bool is_in[ORACLE_CONTEXTS], is_stuck[ORACLE_CONTEXTS];
    copy = life->oracle;
    (void)oracle_closure(&copy, root, is_in);
    (void)oracle_stuck_in_order(&copy, is_stuck);
    memset(stuck_at, 0, copy.contexts * sizeof *stuck_at);
    memset(passes, 0, copy.contexts * sizeof *passes);
    if (!is_stuck[root])
        return;
    for (;;) {
        uint32_t victim = oracle_victim(&copy, root);
        if (victim == ORACLE_NONE)
            break;
        (void)oracle_stuck(&copy, ORACLE_NONE, is_stuck);
        for (uint32_t i = 0; i < copy.contexts; i++)
            stuck_at[victim] += is_in[i] && is_stuck[i];
        copy.context[victim].is_freed = true;
    }
    predict_passes(&copy, root, passes);
}

static void note_categories(struct life *life)
{
    for (uint32_t i = 0; i < life->oracle.contexts; i++)
        if (life->oracle.context[i].category < 2)
            life->oracle.context[i].category = life->ghosts[i]->has_been_told != 0;
}

static void release_after_told(struct life *life, uint32_t who)
{
    stop_waiting(life, who);
    life->oracle.context[who].category = 0;
    for (uint32_t t = 0; t < life->oracle.things; t++)
        if (support_below(&life->random, 20) != 0)
            release_all(life, who, t);
}

/* Who passes does so in one of its queues. */
static void compare_places(struct life *life, uint32_t who, bool passes)
{
    struct oracle_context *context = &life->oracle.context[who];
    uint32_t changed = 0;
    for (uint32_t k = 0; context->waits && k < context->want_count; k++) {
        uint64_t place = record(life, who, k)->stamp;
        if (context->wants[k].place == 0 || place == context->wants[k].place)
            continue;
        assert_in_range(place, 1, context->wants[k].place - 1);
        context->wants[k].place = place;
        changed++;
    }
    if (context->waits)
        assert_int_equal(changed, passes);
    life->passed += changed;
}

static void look(struct life *life, uint32_t who)
{
    uint32_t stuck_at[ORACLE_CONTEXTS];
    bool passes[ORACLE_CONTEXTS];
    unsigned told = 0;
    note_categories(life);
    predict(life, who, stuck_at, passes);
    life->owes_look[who] = false;
    lg__detector_look(life->ghosts[who]);
    for (uint32_t i = 0; i < life->oracle.contexts; i++) {
        compare_places(life, i, passes[i]);
        bool is_told = thing_state(life->ghosts[i]) == LG__WAIT_VICTIM;
        assert_int_equal(is_told, stuck_at[i] > 0);
        if (is_told)
            assert_int_equal(lg__report_of(life->ghosts[i])->member_count, stuck_at[i]);
    }
    for (uint32_t i = 0; i < life->oracle.contexts; i++)
        if (stuck_at[i] > 0) {
            release_after_told(life, i);
            told++;
        }
    life->told += told;
    life->most_told = told > life->most_told ? told : life->most_told;
}

/* One thing more, not one that it wants already. */
static struct lg__want add_want(struct life *life, uint32_t who, uint32_t thing, uint32_t need)
{
    struct oracle_context *context = &life->oracle.context[who];
    context->wants[context->want_count++] = (struct oracle_want){.thing = thing, .need = need};
    return thing_want(&life->things[thing], need);
}

static void add_other_wants(struct life *life, uint32_t who)
{
    const struct oracle_context *context = &life->oracle.context[who];
    uint32_t count = 1 + support_below(&life->random, ORACLE_WANTS);
    for (uint32_t tries = 0; tries < 8 && context->want_count < count; tries++) {
        uint32_t thing = support_below(&life->random, life->oracle.things);
        bool is_new = true;
        for (uint32_t k = 0; k < context->want_count; k++)
            is_new &= context->wants[k].thing != thing;
        if (!is_new)
            continue;
        struct lg__want want = add_want(
            life, who, thing, 1 + support_below(&life->random, life->oracle.capacity[thing]));
        thing_group_add(&life->groups[who], &want);
    }
}

/* With room between places, for those who pass.  Who wants all keeps no place. */
static void queue_up(struct life *life, uint32_t who)
{
    struct oracle_context *context = &life->oracle.context[who];
    for (uint32_t k = 0; k < context->want_count; k++)
        if (context->wants[k].thing % 2 == 1 && !context->is_all) {
            context->wants[k].place = (life->ticks + 1) << 20;
            thing_queue(&life->things[context->wants[k].thing], record(life, who, k),
                        context->wants[k].place);
        }
}

static void want(struct life *life, uint32_t who, uint32_t thing, uint32_t need)
{
    static const lg_deadline deadlines[] = {LG_FOREVER, LG_FOREVER, LATE, LATE - 1};
    struct oracle_context *context = &life->oracle.context[who];
    bool is_several = support_below(&life->random, 3) == 0;
    context->want_count = 0;
    context->is_all = is_several && support_below(&life->random, 2) == 0;
    struct lg__want want = add_want(life, who, thing, need);
    if (is_several) {
        thing_group_begin(&life->groups[who], life->ghosts[who], context->is_all);
        thing_group_add(&life->groups[who], &want);
        add_other_wants(life, who);
    }
    want.deadline = deadlines[support_below(&life->random, 4)];
    want.is_relock = support_below(&life->random, 8) == 0;
    context->waits = true;
    context->deadline = want.is_relock ? LG_FOREVER : want.deadline;
    context->since = ++life->ticks;
    context->category = want.is_relock ? 2 : 0;
    lg__wait_begin(&life->ghosts[who]->wait, &want, LG__WAIT_WAITING);
    queue_up(life, who);
    if (support_below(&life->random, 3) == 0)
        life->owes_look[who] = true;
    else
        look(life, who);
}

/* Somebody looks who owes it; false if nobody does. */
static bool look_late(struct life *life)
{
    uint32_t n = life->oracle.contexts;
    uint32_t first = support_below(&life->random, n);
    for (uint32_t k = 0; k < n; k++)
        if (life->owes_look[(first + k) % n]) {
            look(life, (first + k) % n);
            return true;
        }
    return false;
}

static bool is_queued_for(const struct life *life, uint32_t thing)
{
    return life->things[thing].queued > 0;
}

static void live_one_step(struct life *life)
{
    uint32_t who = support_below(&life->random, life->oracle.contexts);
    uint32_t thing = support_below(&life->random, life->oracle.things);
    uint32_t need = 1 + support_below(&life->random, life->oracle.capacity[thing]);
    bool is_stuck[ORACLE_CONTEXTS];
    if (life->oracle.context[who].waits) {
        if (support_below(&life->random, 10) == 0)
            stop_waiting(life, who); /* it timed out */
    } else if (support_below(&life->random, 5) == 0) {
        release_all(life, who, thing);
    } else if (oracle_free(&life->oracle, thing) >= need && !is_queued_for(life, thing)) {
        take(life, who, thing, need);
    } else {
        want(life, who, thing, need);
    }
    grant(life);
    if (support_below(&life->random, 3) == 0)
        while (look_late(life))
            grant(life);
    bool all_have_looked = true;
    for (uint32_t i = 0; i < life->oracle.contexts; i++)
        all_have_looked &= !life->owes_look[i];
    if (all_have_looked)
        assert_int_equal(oracle_stuck_in_order(&life->oracle, is_stuck), 0);
}

static void live(struct life *life, uint64_t stream, uint32_t contexts, uint32_t things,
                 uint32_t most_units, unsigned steps)
{
    memset(&life->oracle, 0, sizeof life->oracle);
    memset(life->owes_look, 0, sizeof life->owes_look);
    support_random_begin(&life->random, stream);
    life->oracle.contexts = contexts;
    life->oracle.things = things;
    for (uint32_t i = 0; i < contexts; i++)
        life->ghosts[i] = thing_ghost("ghost");
    for (uint32_t t = 0; t < things; t++) {
        life->oracle.capacity[t] = 1 + support_below(&life->random, most_units);
        life->things[t] = (struct thing){.name = "r", .capacity = life->oracle.capacity[t]};
    }
    for (unsigned i = 0; i < steps; i++)
        live_one_step(life);
    for (uint32_t i = 0; i < contexts; i++)
        thing_bury(life->ghosts[i]);
}

static void test_lives_with_locks(void **state)
{
    (void)state;
    static struct life life;
    support_log_begin(LG_LOG_ERROR);
    for (unsigned seed = 0; seed < SUPPORT_ROUNDS(60u); seed++)
        live(&life, 100 + seed, 2 + seed % 8, 2 + seed % 6, 1, 400);
    assert_true(life.told > SUPPORT_ROUNDS(60u));
    assert_int_equal(life.passed, 0); /* who wants one unit is never stuck behind another */
}

static void test_lives_with_many_units(void **state)
{
    (void)state;
    static struct life life;
    support_log_begin(LG_LOG_ERROR);
    for (unsigned seed = 0; seed < SUPPORT_ROUNDS(120u); seed++)
        live(&life, 1000 + seed, 2 + seed % 11, 1 + seed % 8, 4, 400);
    assert_true(life.told > SUPPORT_ROUNDS(120u));
    assert_true(life.passed > SUPPORT_ROUNDS(60u));
    if (!SUPPORT_TSAN && !SUPPORT_ASAN)
        assert_true(life.most_told > 1); /* some looks took more than one victim */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_lives_with_locks),
        SUPPORT_TEST(test_lives_with_many_units),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
