/* The detector while the graph moves under it, and when several close a ring at once. */
#include "support/locks.h"
#include "support/stage.h"

#include "graph/detector.h"

#include <sched.h>

/* ---- Evidence that moves --------------------------------------------------------------------- */

/* What may happen between two reads of a search happens here inside one: the survey of a thing
 * calls the test, which changes the graph as another thread would.  Ends of waits need no pin. */
static unsigned surveys_seen, survey_to_disturb;
static void (*disturb)(void);

static void survey_and_disturb(const void *object, lg__visit *visit, void *arg)
{
    if (++surveys_seen == survey_to_disturb)
        disturb();
    thing_class.survey(object, visit, arg);
}

static struct lg__resource_class moving_class;

static struct lg__want moving_want(const struct thing *thing)
{
    struct lg__want want = thing_want(thing, 1);
    moving_class = thing_class;
    moving_class.survey = survey_and_disturb;
    want.class = &moving_class;
    return want;
}

static void x_times_out(void)
{
    (void)lg__wait_end(&X->wait, LG__WAIT_TIMED_OUT, 0);
}

static void x_begins_again(void)
{
    struct lg__want same = X->wait.want;
    if (lg__wait_end(&X->wait, LG__WAIT_WOKEN, 0)) {
        lg__store_full(&X->wait.word,
                       X->wait.word & ~(LG__WAIT_EPOCH_ONE - 1)); /* without the pin */
        lg__wait_begin(&X->wait, &same, LG__WAIT_WAITING);
    }
}

/* X holds p and waits for q, Y holds q, waits for p and looks; at the n-th survey it comes
 * otherwise. */
static void look_and_disturb(unsigned n, void (*what)(void))
{
    stage_set(1, 1);
    thing_hold(&p, X, 1);
    thing_hold(&q, Y, 1);
    struct lg__want want_p = moving_want(&p), want_q = moving_want(&q);
    lg__wait_begin(&X->wait, &want_q, LG__WAIT_WAITING);
    lg__wait_begin(&Y->wait, &want_p, LG__WAIT_WAITING);
    surveys_seen = 0;
    survey_to_disturb = n;
    disturb = what;
    lg__detector_look(Y);
}

/* How many surveys a look takes that finds the ring. */
static unsigned count_surveys(void)
{
    look_and_disturb(0, NULL);
    assert_int_equal(thing_state(Y), LG__WAIT_VICTIM);
    stage_clear();
    return surveys_seen;
}

/* X times out while the search still reads: as long as nobody has been struck, nobody is.  (After
 * the last read that matters the reports are composed, with surveys of their own: then Y may be
 * told.) */
static void test_a_wait_that_ends_during_the_look(void **state)
{
    (void)state;
    enum { READS = 6 }; /* two things; the small search, the large one, and its verification */
    assert_true(count_surveys() > READS);
    for (unsigned n = 1; n <= READS; n++) {
        look_and_disturb(n, x_times_out);
        assert_true(surveys_seen >= n);
        assert_int_equal(thing_state(X), LG__WAIT_TIMED_OUT);
        assert_int_equal(thing_state(Y), LG__WAIT_WAITING);
        stage_clear();
    }
}

/* X's wait ends and begins again as before: what was read of the first is no evidence about the
 * second, but the ring is there, and is found by looking again. */
static void test_a_wait_that_begins_again_during_the_look(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 4; n++) {
        look_and_disturb(n, x_begins_again);
        lg__detector_look(X); /* its second wait looks too */
        assert_int_equal((thing_state(X) == LG__WAIT_VICTIM) + (thing_state(Y) == LG__WAIT_VICTIM),
                         1);
        stage_clear();
    }
}

static struct thing elsewhere = {.name = "elsewhere", .capacity = 1};

static void x_begins_elsewhere(void)
{
    struct lg__want other = thing_want(&elsewhere, 1);
    (void)lg__wait_end(&X->wait, LG__WAIT_WOKEN, 0);
    lg__wait_retract(&X->wait);
    lg__wait_begin(&X->wait, &other, LG__WAIT_WAITING);
}

/* Y -> p (X), X -> q (Z), Z -> r (Y).  Y looks, and while it does X's wait ends and X waits for
 * something else, which it will get.  The state of X's word is as it was; only its epoch tells.
 * (Not while X is pinned, in the second read of each three: then its wait cannot be taken back.) */
static void test_a_wait_for_something_else_during_the_look(void **state)
{
    (void)state;
    static const unsigned reads[] = {1, 3, 4, 6, 7, 9};
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        struct thing r = {.name = "r", .capacity = 1};
        stage_set(1, 1);
        thing_hold(&p, X, 1);
        thing_hold(&q, Z, 1);
        thing_hold(&r, Y, 1);
        struct lg__want want_p = moving_want(&p), want_q = moving_want(&q),
                        want_r = moving_want(&r);
        lg__wait_begin(&X->wait, &want_q, LG__WAIT_WAITING);
        lg__wait_begin(&Z->wait, &want_r, LG__WAIT_WAITING);
        lg__wait_begin(&Y->wait, &want_p, LG__WAIT_WAITING);
        surveys_seen = 0;
        survey_to_disturb = reads[i];
        disturb = x_begins_elsewhere;
        lg__detector_look(Y);
        assert_true(surveys_seen >= reads[i]);
        assert_int_equal(thing_state(X), LG__WAIT_WAITING);
        assert_int_equal(thing_state(Y), LG__WAIT_WAITING);
        assert_int_equal(thing_state(Z), LG__WAIT_WAITING);
        stage_clear();
    }
}

/* ---- All closers at once --------------------------------------------------------------------- */

struct party {
    struct lg_mutex locks[4];
    uint32_t count;
    uint32_t arrived; /* atomic; a spinning barrier: it only grows */
    uint32_t told;    /* atomic; LG_EDEADLK in this round */
    uint32_t wrong;   /* atomic */
};

struct guest {
    struct party *party;
    uint32_t index;
    uint32_t meetings; /* how often it was at the barrier */
};

static void meet(struct guest *guest)
{
    uint32_t goal = ++guest->meetings * guest->party->count;
    (void)lg__add_full(&guest->party->arrived, 1u);
    for (int i = 0; lg__load_acquire(&guest->party->arrived) < goal; i++)
        if (i < 200)
            lg__cpu_relax();
        else
            sched_yield(); /* there may be fewer processors than guests */
}

/* Everybody has one lock and wants the next, all at the same moment.  Whoever is told lets go; the
 * others go on one after the other; so in each round exactly one is told. */
static int close_all_at_once(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct guest *guest = arg;
    struct party *party = guest->party;
    struct lg_mutex *own = &party->locks[guest->index];
    struct lg_mutex *next = &party->locks[(guest->index + 1) % party->count];
    for (int i = 0; i < SUPPORT_ROUNDS(1500); i++) {
        if (lg_mutex_lock(own, LG_FOREVER) != LG_OK)
            return 1;
        meet(guest);
        int status = lg_mutex_lock(next, LG_FOREVER);
        if (status == LG_OK)
            lg_mutex_unlock(next);
        else
            (void)lg__add_full(status == LG_EDEADLK ? &party->told : &party->wrong, 1u);
        lg_mutex_unlock(own);
        meet(guest);
        if (guest->index == 0 && lg__swap_full(&party->told, 0u) != 1)
            (void)lg__add_full(&party->wrong, 1u);
    }
    return 0;
}

static void try_party(uint32_t count)
{
    struct party party = {.count = count};
    struct guest guests[4];
    struct crew_worker *workers[4];
    for (uint32_t i = 0; i < count; i++) {
        guests[i] = (struct guest){&party, i, 0};
        workers[i] = crew_hire_numbered("guest", i);
    }
    for (uint32_t i = 0; i < count; i++)
        crew_run(workers[i], close_all_at_once, &guests[i]);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    assert_int_equal(party.wrong, 0);
}

static void test_two_closers_at_once_cost_one_victim(void **state)
{
    (void)state;
    try_party(2);
}

static void test_more_closers_at_once_cost_one_victim(void **state)
{
    (void)state;
    try_party(3);
    try_party(4);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_a_wait_that_ends_during_the_look),
        SUPPORT_TEST(test_a_wait_that_begins_again_during_the_look),
        SUPPORT_TEST(test_a_wait_for_something_else_during_the_look),
        SUPPORT_TEST(test_two_closers_at_once_cost_one_victim),
        SUPPORT_TEST(test_more_closers_at_once_cost_one_victim),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
