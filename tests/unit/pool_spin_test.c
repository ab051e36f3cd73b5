/* Whether a waiter spins, and for how long: 3 us for a holder that runs, 50 us more for what is on its way
 * to somebody, one spinner a pool.  No real clock counts: the linker puts this file's functions between
 * the decision and the time, the processors and the spinning (tests/CMakeLists.txt). */
#include "plat/clock.h"
#include "plat/thread.h"
#include "pool/pool.h"
#include "support/crew.h"
#include "support/null_driver.h"

#define SPIN_NS   3000u
#define FLIGHT_NS 50000u
#define REST_MAX  256u

/* What the spins of this thread meet, and what they did. */
struct script {
    struct lg_pool *pool;
    struct lg__slot *flying; /* HANDED; NULL: none */
    uint64_t lands_ns;       /* when it becomes idle */
    uint64_t ends_ns;        /* when the wait ends */
    uint64_t now_ns;
    uint32_t spins;
    bool has_one_processor;
    bool has_second; /* meanwhile another waiter comes */
};

static __thread struct script *script; /* NULL: all is as it is elsewhere */

uint64_t __real_lg__now_ns(void);
uint64_t __wrap_lg__now_ns(void);
bool __real_lg__thread_has_processors(void);
bool __wrap_lg__thread_has_processors(void);
bool __real_lg__wait_spin(const struct lg__wait *wait, uint64_t ns);
bool __wrap_lg__wait_spin(const struct lg__wait *wait, uint64_t ns);

uint64_t __wrap_lg__now_ns(void)
{
    return script ? script->now_ns : __real_lg__now_ns();
}

bool __wrap_lg__thread_has_processors(void)
{
    return script ? !script->has_one_processor : __real_lg__thread_has_processors();
}

bool __wrap_lg__wait_spin(const struct lg__wait *wait, uint64_t ns)
{
    if (!script)
        return __real_lg__wait_spin(wait, ns);
    script->spins++;
    script->now_ns += ns;
    if (script->flying && script->now_ns >= script->lands_ns) {
        lg__slot_move_own(script->flying, LG__SLOT_IDLE);
        script->flying = NULL;
    }
    if (script->has_second)
        lg__pool_spin(script->pool, wait);
    return script->now_ns >= script->ends_ns;
}

/* Let a waiter of the pool's decide; how long it has spun. */
static uint64_t spin(struct script *scene)
{
    struct lg__wait wait = {0};
    uint64_t begun_ns = scene->now_ns;
    scene->spins = 0;
    script = scene;
    lg__pool_spin(scene->pool, &wait);
    script = NULL;
    return scene->now_ns - begun_ns;
}

/* A worker holds the only one. */
struct stage {
    struct null_driver *driver;
    struct crew_worker *holder;
    struct loan loan;
    struct script script;
};

static void begin(struct stage *stage)
{
    stage->driver = null_begin();
    struct lg_pool *pool = null_pool_of(stage->driver, 1);
    stage->holder = crew_hire("holder");
    stage->loan = loan_of(stage->driver, pool, LG_FOREVER);
    assert_status(crew_do(stage->holder, loan_checkout, &stage->loan), LG_OK);
    stage->script = (struct script){.pool = pool, .ends_ns = UINT64_MAX, .now_ns = 1};
}

static void give_back(struct stage *stage)
{
    assert_status(crew_do(stage->holder, loan_checkin, &stage->loan), LG_OK);
}

static void end(struct stage *stage)
{
    null_end(stage->driver, stage->script.pool);
    crew_leave(stage->holder);
}

static void a_running_holder_is_spun_for(void **state)
{
    (void)state;
    struct stage stage;
    begin(&stage);
    assert_int_equal(spin(&stage.script), SPIN_NS);
    give_back(&stage);
    end(&stage);
}

static void one_waiter_a_pool_spins(void **state)
{
    (void)state;
    struct stage stage;
    begin(&stage);
    stage.script.has_second = true;
    assert_int_equal(spin(&stage.script), SPIN_NS);
    assert_int_equal(stage.script.spins, 1);
    give_back(&stage);
    end(&stage);
}

static void nobody_spins_on_one_processor(void **state)
{
    (void)state;
    struct stage stage;
    begin(&stage);
    stage.script.has_one_processor = true;
    assert_int_equal(spin(&stage.script), 0);
    give_back(&stage);
    end(&stage);
}

static void what_is_idle_is_not_spun_for(void **state)
{
    (void)state;
    struct stage stage;
    begin(&stage);
    give_back(&stage);
    assert_int_equal(spin(&stage.script), 0);
    end(&stage);
}

/* The holder waits for a second pool, which is the main thread's. */
static void a_blocked_holder_is_not_spun_for(void **state)
{
    (void)state;
    struct stage stage;
    begin(&stage);
    struct null_driver *others = null_begin();
    struct lg_pool *other = null_pool_of(others, 1);
    struct loan mine = loan_of(others, other, LG_FOREVER), wanted = mine;
    assert_status(loan_checkout(&mine), LG_OK);
    crew_run_blocked_on(stage.holder, loan_checkout, &wanted, other);
    assert_int_equal(spin(&stage.script), 0);
    assert_status(loan_checkin(&mine), LG_OK);
    assert_status(crew_wait(stage.holder), LG_OK);
    assert_status(crew_do(stage.holder, loan_checkin, &wanted), LG_OK);
    null_end(others, other);
    give_back(&stage);
    end(&stage);
}

static void who_is_gone_is_not_spun_for(void **state)
{
    (void)state;
    struct stage stage;
    begin(&stage);
    crew_leave(stage.holder);
    assert_int_equal(spin(&stage.script), 0);
    assert_status(loan_checkin(&stage.loan), LG_OK);
    null_end(stage.driver, stage.script.pool);
}

/* After each in vain twice as many waits go by without, up to a limit; one that was not in vain ends that. */
static void spins_in_vain_become_rare(void **state)
{
    (void)state;
    struct stage stage;
    begin(&stage);
    uint32_t rest = 0;
    for (int i = 0; i < 12; i++) {
        assert_int_equal(spin(&stage.script), SPIN_NS);
        rest = rest * 2 + 1 < REST_MAX ? rest * 2 + 1 : REST_MAX;
        for (uint32_t j = 0; j < rest; j++)
            assert_int_equal(spin(&stage.script), 0);
    }
    assert_int_equal(rest, REST_MAX);
    stage.script.ends_ns = stage.script.now_ns;
    for (int i = 0; i < 3; i++) {
        (void)spin(&stage.script);
        assert_int_equal(stage.script.spins, 1);
    }
    give_back(&stage);
    end(&stage);
}

/* The only slot is on its way to somebody until then. */
static uint64_t spin_through_flight(struct stage *stage, uint64_t lands_ns)
{
    struct lg__slot *slot = &stage->script.pool->slots[0];
    give_back(stage);
    lg__slot_move_own(slot, LG__SLOT_HANDED);
    stage->script.flying = slot;
    stage->script.lands_ns = lands_ns;
    uint64_t took_ns = spin(&stage->script);
    if (stage->script.flying)
        lg__slot_move_own(slot, LG__SLOT_IDLE);
    return took_ns;
}

static void a_flight_is_awaited_no_longer_than_a_wake_takes(void **state)
{
    (void)state;
    struct stage stage;
    begin(&stage);
    assert_int_equal(spin_through_flight(&stage, UINT64_MAX), FLIGHT_NS);
    end(&stage);
}

static void a_flight_is_awaited_no_longer_than_it_takes(void **state)
{
    (void)state;
    struct stage stage;
    begin(&stage);
    uint64_t took_ns = spin_through_flight(&stage, FLIGHT_NS / 2);
    assert_in_range(took_ns, FLIGHT_NS / 2 - 1, FLIGHT_NS / 2 + SPIN_NS);
    end(&stage);
}

static void a_flight_ends_with_the_wait(void **state)
{
    (void)state;
    struct stage stage;
    begin(&stage);
    stage.script.ends_ns = 1;
    (void)spin_through_flight(&stage, UINT64_MAX);
    assert_int_equal(stage.script.spins, 1);
    end(&stage);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_running_holder_is_spun_for),
        SUPPORT_TEST(one_waiter_a_pool_spins),
        SUPPORT_TEST(nobody_spins_on_one_processor),
        SUPPORT_TEST(what_is_idle_is_not_spun_for),
        SUPPORT_TEST(a_blocked_holder_is_not_spun_for),
        SUPPORT_TEST(who_is_gone_is_not_spun_for),
        SUPPORT_TEST(spins_in_vain_become_rare),
        SUPPORT_TEST(a_flight_is_awaited_no_longer_than_a_wake_takes),
        SUPPORT_TEST(a_flight_is_awaited_no_longer_than_it_takes),
        SUPPORT_TEST(a_flight_ends_with_the_wait),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
