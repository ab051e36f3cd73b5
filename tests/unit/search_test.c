/* The search against the inequality: closures and reductions of thousands of random graphs, with
 * many units, needs above one, queues, units of the environment, holders that run, have ended or wait for a
 * signal, in the small arrays and in the large. */
#include "support/oracle.h"
#include "support/thing.h"

#include "graph/search.h"

#include <stdio.h>
#include <string.h>

#define CONTEXTS ORACLE_CONTEXTS
#define THINGS   ORACLE_THINGS

static struct lg_context *ghosts[CONTEXTS];
static struct thing things[THINGS];
static char thing_names[THINGS][8];
static uint64_t ended_id;

static void make_ghosts(void)
{
    char name[LG_NAME_SIZE];
    for (unsigned i = 0; i < CONTEXTS && !ghosts[i]; i++) {
        snprintf(name, sizeof name, "G%u", i);
        ghosts[i] = thing_ghost(name);
    }
    for (unsigned i = 0; i < THINGS; i++) {
        snprintf(thing_names[i], sizeof thing_names[i], "r%u", i);
        things[i] = (struct thing){.name = thing_names[i]};
    }
    struct lg_context *ended = thing_ghost("ended");
    ended_id = ended->id;
    thing_bury(ended);
}

static void bury_ghosts(void)
{
    for (unsigned i = 0; i < CONTEXTS; i++) {
        thing_bury(ghosts[i]);
        ghosts[i] = NULL;
    }
}

static uint32_t index_of(const struct lg_context *context)
{
    uint32_t i = 0;
    while (ghosts[i] != context)
        i++;
    return i;
}

/* ---- Random graphs --------------------------------------------------------------------------- */

struct shape {
    uint32_t contexts, things, most_units;
    uint32_t waiting; /* of 100 contexts */
    uint32_t held;    /* of 100 units */
};

/* Lend some of a thing's units: most to contexts, some to one that has ended (the environment). */
static void lend(struct oracle *oracle, const struct shape *shape, struct support_random *random,
                 uint32_t thing)
{
    uint32_t left = oracle->capacity[thing];
    for (uint32_t i = 0; i < THING_HOLDINGS_MAX && left > 0; i++) {
        if (support_below(random, 100) >= shape->held) {
            left--; /* stays where it is */
            continue;
        }
        uint32_t units = 1 + support_below(random, left);
        uint32_t holder = support_below(random, shape->contexts + 1);
        left -= units;
        things[thing].holdings[i].units = units;
        things[thing].holdings[i].holder = ended_id;
        if (holder == shape->contexts)
            continue;
        things[thing].holdings[i].holder = ghosts[holder]->id;
        oracle->context[holder].held[thing] += units;
    }
}

/* A thing and how many of it; the record `wait` stands in its queue if it has one: every other thing is
 * waited for in order. */
static struct lg__want add_want(struct oracle *oracle, struct support_random *random, uint32_t i)
{
    struct oracle_context *context = &oracle->context[i];
    struct oracle_want *wanted = &context->wants[context->want_count++];
    wanted->thing = support_below(random, oracle->things);
    wanted->need = 1 + support_below(random, oracle->capacity[wanted->thing]);
    return thing_want(&things[wanted->thing], wanted->need);
}

static void queue_up(struct oracle *oracle, uint32_t i, uint32_t which, struct lg__wait *wait)
{
    struct oracle_want *wanted = &oracle->context[i].wants[which];
    struct thing *thing = &things[wanted->thing];
    if (wanted->thing % 2 == 0)
        return;
    wanted->place = thing->queued + 1;
    thing_queue(thing, wait, wanted->place);
}

static struct thing_group groups[CONTEXTS];

/* Any, or all, of several things; some may be the same. */
static void let_want_several(struct oracle *oracle, struct support_random *random, uint32_t i)
{
    struct oracle_context *context = &oracle->context[i];
    uint32_t count = 1 + support_below(random, ORACLE_WANTS);
    context->is_all = support_below(random, 2) != 0;
    thing_group_begin(&groups[i], ghosts[i], context->is_all);
    while (context->want_count < count) {
        struct lg__want want = add_want(oracle, random, i);
        thing_group_add(&groups[i], &want);
    }
}

static void let_wait(struct oracle *oracle, struct support_random *random, uint32_t i)
{
    struct oracle_context *context = &oracle->context[i];
    bool is_several = support_below(random, 3) == 0;
    struct lg__want want;
    if (is_several)
        let_want_several(oracle, random, i);
    else
        want = add_want(oracle, random, i);
    if (is_several)
        want = thing_want(&things[0], 1); /* nobody looks at it */
    bool is_outside = support_below(random, 20) == 0;
    lg__wait_begin(&ghosts[i]->wait, &want, is_outside ? LG__WAIT_OUTSIDE : LG__WAIT_WAITING);
    if (!is_outside && support_below(random, 20) == 0)
        (void)lg__wait_end(&ghosts[i]->wait, LG__WAIT_GRANTED, 0); /* and has not run yet */
    context->waits = thing_state(ghosts[i]) == LG__WAIT_WAITING;
    for (uint32_t k = 0; !is_outside && k < context->want_count; k++)
        if (!is_several || support_below(random, 3) != 0)
            queue_up(oracle, i, k, is_several ? &groups[i].branches[k] : &ghosts[i]->wait);
}

static void build(struct oracle *oracle, const struct shape *shape, struct support_random *random)
{
    memset(oracle, 0, sizeof *oracle);
    oracle->contexts = shape->contexts;
    oracle->things = shape->things;
    for (uint32_t r = 0; r < shape->things; r++) {
        memset(things[r].holdings, 0, sizeof things[r].holdings);
        things[r].queued = 0;
        things[r].capacity = oracle->capacity[r] = 1 + support_below(random, shape->most_units);
        lend(oracle, shape, random, r);
    }
    for (uint32_t i = 0; i < shape->contexts; i++)
        if (support_below(random, 100) < shape->waiting)
            let_wait(oracle, random, i);
}

static void take_down(const struct oracle *oracle)
{
    for (uint32_t i = 0; i < oracle->contexts; i++)
        thing_ghost_runs(ghosts[i]);
}

/* ---- Comparison ------------------------------------------------------------------------------ */

static void compare_reduction(struct lg__search *search, const struct oracle *oracle,
                              uint32_t removed)
{
    bool is_stuck[CONTEXTS];
    uint32_t gone = removed == LG__NONE ? ORACLE_NONE : index_of(search->members[removed].context);
    uint32_t progressed = lg__search_reduce(search, removed);
    uint32_t expected = 0;
    (void)oracle_stuck(oracle, gone, is_stuck);
    for (uint32_t m = 0; m < search->member_count; m++) {
        bool goes_on = !is_stuck[index_of(search->members[m].context)];
        assert_int_equal(search->members[m].has_progressed, goes_on);
        expected += goes_on;
    }
    assert_int_equal(progressed, expected);
}

static void compare_in_order(struct lg__search *search, const struct oracle *oracle)
{
    bool is_stuck[CONTEXTS];
    uint32_t progressed = lg__search_reduce_in_order(search);
    uint32_t expected = 0;
    (void)oracle_stuck_in_order(oracle, is_stuck);
    for (uint32_t m = 0; m < search->member_count; m++) {
        bool goes_on = !is_stuck[index_of(search->members[m].context)];
        assert_int_equal(search->members[m].has_progressed, goes_on);
        expected += goes_on;
    }
    assert_int_equal(progressed, expected);
    for (uint32_t m = 0; m < search->member_count; m++) {
        uint32_t who = index_of(search->members[m].context);
        uint32_t term;
        uint32_t blocker = lg__search_blocker(search, m, &term);
        uint32_t expected_blocker = oracle_blocker(oracle, who);
        assert_int_equal(blocker == LG__NONE, expected_blocker == ORACLE_NONE);
        if (blocker != LG__NONE)
            assert_ptr_equal(search->members[blocker].context, ghosts[expected_blocker]);
    }
    assert_true(lg__search_verify(search));
}

static void compare_closure(const struct lg__search *search, const struct oracle *oracle,
                            uint32_t root)
{
    bool is_in[CONTEXTS];
    assert_int_equal(search->member_count, oracle_closure(oracle, root, is_in));
    assert_ptr_equal(search->members[0].context, ghosts[root]);
    for (uint32_t m = 0; m < search->member_count; m++) {
        assert_true(is_in[index_of(search->members[m].context)]);
        assert_int_equal(lg__search_find(search, search->members[m].context), m);
    }
    for (uint32_t i = 0; i < oracle->contexts; i++)
        if (!is_in[i])
            assert_int_equal(lg__search_find(search, ghosts[i]), LG__NONE);
}

/* All that a search says of one wait.  Nothing moves, so what was found is verified. */
static void compare(struct lg__search *search, const struct oracle *oracle, uint32_t root,
                    struct support_random *random)
{
    compare_closure(search, oracle, root);
    compare_in_order(search, oracle);
    compare_reduction(search, oracle, support_below(random, search->member_count));
    compare_reduction(search, oracle, LG__NONE);
    assert_true(lg__search_verify(search));
}

/* The first look may only say "needed" too often, never too rarely. */
static void compare_first_look(const struct oracle *oracle, uint32_t root)
{
    bool is_stuck[CONTEXTS];
    (void)oracle_stuck_in_order(oracle, is_stuck);
    if (is_stuck[root])
        assert_true(lg__search_is_needed(&ghosts[root]->wait));
}

static void try_all_roots(const struct oracle *oracle, struct support_random *random,
                          unsigned *overflows, unsigned *stuck)
{
    struct lg__small_search small;
    bool is_stuck[CONTEXTS];
    (void)oracle_stuck(oracle, ORACLE_NONE, is_stuck);
    for (uint32_t root = 0; root < oracle->contexts; root++) {
        bool is_left_out = oracle->contexts > 20 && support_below(random, 4) != 0;
        if (!oracle->context[root].waits || is_left_out)
            continue;
        uint64_t word = lg__load_full(&ghosts[root]->wait.word);
        *stuck += is_stuck[root];
        compare_first_look(oracle, root);
        lg__search_begin_small(&small);
        assert_true(lg__search_collect(&small.search, ghosts[root], word));
        if (small.search.has_overflown)
            (*overflows)++;
        else
            compare(&small.search, oracle, root, random);
        struct lg__search *large = lg__search_begin_large(); /* nobody else is there to want it */
        assert_true(lg__search_collect(large, ghosts[root], word));
        assert_false(large->has_overflown);
        compare(large, oracle, root, random);
    }
}

/* Returns how many of the waits that were tried are deadlocked, so that a test can ask for some. */
static unsigned try_graphs(const struct shape *shape, unsigned rounds, uint64_t stream,
                           unsigned *overflows)
{
    static struct oracle oracle;
    struct support_random random;
    unsigned stuck = 0;
    support_random_begin(&random, stream);
    for (unsigned i = 0; i < rounds; i++) {
        build(&oracle, shape, &random);
        try_all_roots(&oracle, &random, overflows, &stuck);
        take_down(&oracle);
    }
    return stuck;
}

static void test_small_graphs(void **state)
{
    (void)state;
    unsigned overflows = 0, stuck = 0, rounds = SUPPORT_ROUNDS(2000);
    make_ghosts();
    stuck += try_graphs(&(struct shape){3, 2, 1, 90, 95}, rounds, 1, &overflows);
    stuck += try_graphs(&(struct shape){5, 3, 3, 90, 95}, rounds, 2, &overflows);
    stuck += try_graphs(&(struct shape){8, 4, 4, 80, 90}, rounds, 3, &overflows);
    stuck += try_graphs(&(struct shape){12, 8, 2, 95, 97}, rounds, 4, &overflows);
    bury_ghosts();
    assert_int_equal(overflows, 0);
    assert_true(stuck > rounds);
}

static void test_large_graphs(void **state)
{
    (void)state;
    unsigned overflows = 0, stuck = 0;
    make_ghosts();
    stuck += try_graphs(&(struct shape){160, 96, 8, 98, 99}, SUPPORT_ROUNDS(10), 5, &overflows);
    stuck += try_graphs(&(struct shape){100, 90, 3, 97, 99}, SUPPORT_ROUNDS(20), 6, &overflows);
    bury_ghosts();
    assert_true(overflows > 0);
    assert_true(stuck > 0);
}

/* ---- The limits of the small arrays ---------------------------------------------------------- */

/* G0 waits for what G1 holds, who waits for what G2 holds, and so on: a chain of `length`. */
static void chain(uint32_t length, bool is_ring)
{
    static struct thing links[CONTEXTS];
    for (uint32_t i = 0; i < length; i++) {
        links[i] = (struct thing){.name = "link", .capacity = 1};
        thing_hold(&links[i], ghosts[i], 1);
    }
    for (uint32_t i = 0; i < length; i++) {
        struct lg__want want = thing_want(&links[(i + 1) % length], 1);
        if (i + 1 < length || is_ring)
            lg__wait_begin(&ghosts[i]->wait, &want, LG__WAIT_WAITING);
    }
}

static bool small_overflows(uint32_t length)
{
    struct lg__small_search small;
    chain(length, true);
    lg__search_begin_small(&small);
    assert_true(lg__search_collect(&small.search, ghosts[0], ghosts[0]->wait.word));
    bool has_overflown = small.search.has_overflown;
    if (!has_overflown)
        assert_int_equal(lg__search_reduce(&small.search, LG__NONE), 0);
    for (uint32_t i = 0; i < length; i++)
        thing_ghost_runs(ghosts[i]);
    return has_overflown;
}

static void test_members_overflow_at_their_number(void **state)
{
    (void)state;
    make_ghosts();
    assert_false(small_overflows(1));
    assert_false(small_overflows(LG__SMALL_MEMBERS - 1));
    assert_false(small_overflows(LG__SMALL_MEMBERS));
    assert_true(small_overflows(LG__SMALL_MEMBERS + 1));
    assert_true(small_overflows(CONTEXTS));
    bury_ghosts();
}

/* Two who wait for each other, one of whom holds its thing in many pieces. */
static void test_edges_overflow_at_their_number(void **state)
{
    (void)state;
    make_ghosts();
    for (uint32_t pieces = 40; pieces <= 65; pieces += 5) {
        struct thing many[3];
        struct lg__small_search small;
        for (uint32_t t = 0; t < 3; t++) {
            uint32_t parts = pieces < THING_HOLDINGS_MAX ? pieces : THING_HOLDINGS_MAX;
            many[t] = (struct thing){.name = "many", .capacity = parts};
            for (uint32_t i = 0; i < parts; i++)
                thing_hold(&many[t], ghosts[(t + 1) % 3], 1);
            struct lg__want want = thing_want(&many[t], 1);
            lg__wait_begin(&ghosts[t]->wait, &want, LG__WAIT_WAITING);
        }
        lg__search_begin_small(&small);
        assert_true(lg__search_collect(&small.search, ghosts[0], ghosts[0]->wait.word));
        assert_int_equal(small.search.has_overflown, 3 * pieces > LG__SMALL_EDGES);
        for (uint32_t t = 0; t < 3; t++)
            thing_ghost_runs(ghosts[t]);
    }
    bury_ghosts();
}

/* ---- Verification ---------------------------------------------------------------------------- */

static struct lg__search *collect_ring(struct lg__small_search *small, uint32_t length)
{
    chain(length, true);
    lg__search_begin_small(small);
    assert_true(lg__search_collect(&small->search, ghosts[0], ghosts[0]->wait.word));
    assert_int_equal(lg__search_reduce(&small->search, LG__NONE), 0);
    return &small->search;
}

static void end_ring(uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        thing_ghost_runs(ghosts[i]);
}

/* Whatever moves between the passes is noticed: a wait that ended, one that ended and began again
 * the same, a unit that changed hands, a capacity that grew, a context that ended. */
static void test_verify_notices_what_moved(void **state)
{
    (void)state;
    struct lg__small_search small;
    make_ghosts();
    for (uint32_t who = 0; who < 4; who++) {
        struct lg__search *search = collect_ring(&small, 4);
        assert_true(lg__search_verify(search));
        assert_true(lg__wait_end(&ghosts[who]->wait, LG__WAIT_GRANTED, 0));
        assert_false(lg__search_verify(search)); /* granted, and has not run */
        end_ring(4);

        search = collect_ring(&small, 4);
        struct lg__want same = ghosts[who]->wait.want;
        thing_ghost_runs(ghosts[who]);
        lg__wait_begin(&ghosts[who]->wait, &same, LG__WAIT_WAITING);
        assert_false(lg__search_verify(search)); /* another epoch */
        end_ring(4);

        search = collect_ring(&small, 4);
        struct thing *thing = (struct thing *)(uintptr_t)ghosts[who]->wait.want.object;
        thing->holdings[0].holder = ended_id;
        assert_false(lg__search_verify(search)); /* a unit is somebody else's */
        thing->holdings[0].holder = ghosts[(who + 1) % 4]->id;
        assert_true(lg__search_verify(search));
        thing->capacity = 2;
        assert_false(lg__search_verify(search)); /* there is more of it */
        end_ring(4);
    }
    bury_ghosts();
}

static void test_verify_notices_a_new_context_in_an_old_place(void **state)
{
    (void)state;
    struct lg__small_search small;
    make_ghosts();
    struct lg__search *search = collect_ring(&small, 3);
    uint64_t id = ghosts[1]->id;
    ghosts[1]->id = id + ((uint64_t)1 << 18); /* the next generation, by hand */
    assert_false(lg__search_verify(search));
    ghosts[1]->id = id;
    assert_true(lg__search_verify(search));
    end_ring(3);
    bury_ghosts();
}

static void test_a_wait_that_has_ended_is_not_collected(void **state)
{
    (void)state;
    struct lg__small_search small;
    make_ghosts();
    chain(2, true);
    uint64_t word = ghosts[0]->wait.word;
    assert_true(lg__wait_end(&ghosts[0]->wait, LG__WAIT_WOKEN, 0));
    lg__search_begin_small(&small);
    assert_false(lg__search_collect(&small.search, ghosts[0], word));
    end_ring(2);
    bury_ghosts();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_small_graphs),
        SUPPORT_TEST(test_large_graphs),
        SUPPORT_TEST(test_members_overflow_at_their_number),
        SUPPORT_TEST(test_edges_overflow_at_their_number),
        SUPPORT_TEST(test_verify_notices_what_moved),
        SUPPORT_TEST(test_verify_notices_a_new_context_in_an_old_place),
        SUPPORT_TEST(test_a_wait_that_has_ended_is_not_collected),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
