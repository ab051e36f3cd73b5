/* Steps on permits. */
#include "support/permits.h"

#include "sync/park.h"
#include "sync/permits.h"

int step_acquire(void *arg)
{
    const struct units *units = arg;
    return lg_permits_acquire_at(units->permits, units->count,
                                 units->deadline ? units->deadline : LG_FOREVER,
                                 units->place ? units->place : LG_HERE);
}

int step_try_acquire(void *arg)
{
    const struct units *units = arg;
    return lg_permits_try_acquire(units->permits, units->count);
}

int step_release(void *arg)
{
    const struct units *units = arg;
    return lg_permits_release(units->permits, units->count);
}

int step_give(void *arg)
{
    const struct units *units = arg;
    return lg_permits_give_at(units->permits, units->count, units->context,
                              units->place ? units->place : LG_HERE);
}

int step_count_held(void *permits)
{
    return (int)lg_permits_held(permits);
}

void wait_for_units(struct crew_worker *worker, struct units *units)
{
    crew_run_blocked_on(worker, step_acquire, units, permits_key(units->permits));
}

const void *permits_key(const struct lg_permits *permits)
{
    return lg__permits_tagged(permits);
}

void expect_permits_quiet(const struct lg_permits *permits, uint32_t available)
{
    struct lg__bucket *bucket = lg__park_lock(permits_key(permits));
    bool has_any = lg__park_next(bucket, NULL, permits_key(permits)) != NULL;
    lg__park_unlock(bucket);
    assert_false(has_any);
    assert_int_equal(permits->word & LG__PERMITS_FLAGS, 0);
    assert_int_equal(permits->many, 0);
    assert_int_equal(lg_permits_available(permits), available);
}
