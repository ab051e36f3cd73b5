/* A waiter that a newcomer has overtaken looks again by itself, and while it does nobody else is woken: so
 * whatever becomes of it, what is idle must find whoever waits behind it. */
#include "support/crew.h"
#include "support/null_driver.h"
#include "support/scope.h"

#include "pool/pool.h"

#define HOUR_US (3600ull * 1000 * 1000)
#define ROUNDS  SUPPORT_ROUNDS(60)

struct fixture {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_cancel *token;
    struct scope its;
    struct crew_worker *first; /* in a scope of the token */
    struct crew_worker *second;
    struct loan mine, firsts, seconds;
};

static void begin(struct fixture *f, uint64_t overtaking_us)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.overtaking_us = overtaking_us;
    *f = (struct fixture){.driver = null_begin(), .token = token_below(NULL, LG_FOREVER)};
    f->pool = null_pool(f->driver, &options);
    f->first = hire_in(&f->its, f->token, "first");
    f->second = crew_hire("second");
    f->mine = f->firsts = f->seconds = loan_of(f->driver, f->pool, LG_FOREVER);
}

static void end(struct fixture *f)
{
    (void)crew_do(f->first, step_leave, &f->its);
    lg_cancel_destroy(f->token);
    null_end(f->driver, f->pool);
}

static bool has_dozer(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    bool has_dozer = pool->has_dozer;
    lg__raw_unlock(&pool->lock);
    return has_dozer;
}

/* The first waits and dozes, unless it was quicker than main; main has the resource.  False: the first has
 * it. */
static bool make_dozer(struct fixture *f)
{
    f->mine.deadline = LG_FOREVER;
    assert_status(loan_checkout(&f->mine), LG_OK);
    crew_run(f->first, loan_checkout, &f->firsts);
    crew_wait_blocked_on(f->first, f->pool);
    f->mine.deadline = LG_TRY;
    for (;;) {
        assert_status(loan_checkin(&f->mine), LG_OK);
        if (loan_checkout(&f->mine) != LG_OK)
            return false;
        crew_wait_blocked_on(f->first, f->pool);
        if (has_dozer(f->pool))
            return true;
    }
}

static void give_back(struct crew_worker *worker, struct loan *loan)
{
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, loan_checkin, loan), LG_OK);
}

static void it_needs_no_wake(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOUR_US);
    for (int dozed = 0; dozed < ROUNDS;) {
        if (make_dozer(&f)) {
            dozed++;
            assert_status(loan_checkin(&f.mine), LG_OK);
        }
        give_back(f.first, &f.firsts);
    }
    end(&f);
}

/* Cancelled just before or after the resource comes back: then it is the second's. */
static void one_that_leaves_is_followed(void **state)
{
    (void)state;
    int dozed = 0;
    while (dozed < ROUNDS) {
        struct fixture f;
        begin(&f, HOUR_US);
        bool is_dozing = make_dozer(&f);
        crew_run(f.second, loan_checkout, &f.seconds);
        crew_wait_blocked_on(f.second, f.pool);
        if (is_dozing && dozed++ % 2) {
            lg_cancel_request(f.token);
            assert_status(loan_checkin(&f.mine), LG_OK);
        } else if (is_dozing) {
            assert_status(loan_checkin(&f.mine), LG_OK);
            lg_cancel_request(f.token);
        }
        int status = crew_wait(f.first);
        if (status == LG_OK)
            assert_status(crew_do(f.first, loan_checkin, &f.firsts), LG_OK);
        else
            assert_status(status, LG_ECANCELED);
        give_back(f.second, &f.seconds);
        assert_false(has_dozer(f.pool));
        end(&f);
    }
}

/* Its time comes while it dozes, or is woken: what comes back is handed to it or to nobody before it. */
static void one_whose_time_has_come_is_handed_it(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 1000);
    for (int round = 0; round < ROUNDS; round++) {
        bool is_mine = true;
        f.mine.deadline = LG_FOREVER;
        assert_status(loan_checkout(&f.mine), LG_OK);
        crew_run(f.first, loan_checkout, &f.firsts);
        crew_wait_blocked_on(f.first, f.pool);
        f.mine.deadline = LG_TRY;
        while (!crew_is_idle(f.first)) {
            if (is_mine)
                assert_status(loan_checkin(&f.mine), LG_OK);
            is_mine = loan_checkout(&f.mine) == LG_OK;
        }
        assert_false(is_mine);
        give_back(f.first, &f.firsts);
    }
    end(&f);
}

/* Closing fails it. */
static void it_ends_with_its_pool(void **state)
{
    (void)state;
    for (int dozed = 0; dozed < ROUNDS;) {
        struct fixture f;
        begin(&f, HOUR_US);
        if (make_dozer(&f)) {
            dozed++;
            assert_status(lg_pool_close(f.pool, LG_TRY, NULL, 0, NULL),
                          LG_EDEADLK); /* mine is out */
            assert_status(crew_wait(f.first), LG_ECLOSED);
            assert_status(loan_checkin(&f.mine), LG_OK);
            assert_false(has_dozer(f.pool));
        } else {
            give_back(f.first, &f.firsts);
        }
        end(&f);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(it_needs_no_wake),
        SUPPORT_TEST(one_that_leaves_is_followed),
        SUPPORT_TEST(one_whose_time_has_come_is_handed_it),
        SUPPORT_TEST(it_ends_with_its_pool),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
