/* What a pool tells: which events, in which order, and to whom it costs what. */
#include "support/crew.h"
#include "support/listener.h"
#include "support/null_driver.h"

#include "pool/events.h"

#include <stdlib.h>
#include <string.h>

struct stand {
    struct null_driver *driver;
    struct listener *listener;
    struct lg_pool_options options;
    struct lg_pool *pool;
};

static struct stand prepare(uint32_t capacity)
{
    struct stand stand = {null_begin(), listener_begin(), LG_POOL_OPTIONS_INIT, NULL};
    stand.options.capacity = capacity;
    stand.options.period_ms = LG_PERIOD_NEVER;
    listener_attach(stand.listener, &stand.options);
    return stand;
}

static void open_stand(struct stand *stand)
{
    stand->pool = null_pool(stand->driver, &stand->options);
    listener_expect(stand->listener, "pool created", NULL);
    if (!stand->options.start_paused)
        listener_expect(stand->listener, "pool ready", NULL);
}

static struct stand stand_of(uint32_t capacity)
{
    struct stand stand = prepare(capacity);
    open_stand(&stand);
    return stand;
}

static void leave(struct stand *stand)
{
    null_end(stand->driver, stand->pool);
    listener_end(stand->listener);
}

static struct lg_pool_event last_of(const struct stand *stand, enum lg_pool_event_type type)
{
    listener_catch_up(stand->listener, stand->pool);
    return listener_last(stand->listener, type);
}

static void names_are_texts(void **state)
{
    (void)state;
    for (int type = LG_EVENT_POOL_CREATED; type <= LG_EVENT_CHECKED_IN; type++)
        assert_true(strlen(lg_event_name((enum lg_pool_event_type)type)) > 1);
    for (int reason = LG_REASON_NONE; reason <= LG_REASON_SURPLUS; reason++)
        assert_true(strlen(lg_reason_name((enum lg_event_reason)reason)) > 1);
    assert_string_equal(lg_event_name(LG_EVENT_CHECKED_OUT), "checked out");
    assert_string_equal(lg_reason_name(LG_REASON_STALE), "stale");
    assert_string_equal(lg_event_name((enum lg_pool_event_type)99), "?");
    assert_string_equal(lg_reason_name((enum lg_event_reason)99), "?");
}

static void a_life_is_told(void **state)
{
    (void)state;
    struct stand stand = stand_of(2);
    struct lg_lease a = null_take(stand.pool), b = null_take(stand.pool);
    listener_expect(stand.listener, "checkout started", "resource created #1", "resource ready #1",
                    "checked out #1", "checkout started", "resource created #2",
                    "resource ready #2", "checked out #2", NULL);
    assert_int_equal(lg_lease_id(&a), 1);
    assert_int_equal(lg_lease_id(&b), 2);
    struct lg_lease_info infos[2];
    assert_int_equal(lg_pool_holders(stand.pool, infos, 2), 2);
    assert_int_equal(infos[0].id + infos[1].id, 3);
    assert_status(lg_pool_checkin(stand.pool, &a), LG_OK);
    assert_int_equal(lg_lease_id(&a), 0);
    assert_status(lg_pool_discard(stand.pool, &b), LG_OK);
    listener_expect(stand.listener, "checked in #1", "checked in #2", "resource closed #2 (error)",
                    NULL);
    assert_status(lg_pool_close(stand.pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
    listener_expect(stand.listener, "resource closed #1 (pool closed)", "pool closed", NULL);
    assert_status(lg_pool_checkout(stand.pool, LG_FOREVER, &a), LG_ECLOSED);
    listener_expect(stand.listener, "checkout started", "checkout failed (pool closed)", NULL);
    assert_status(lg_pool_close(stand.pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
    leave(&stand);
}

static void creation_tells_the_options(void **state)
{
    (void)state;
    struct stand stand = prepare(3);
    stand.options.start_paused = 1;
    open_stand(&stand);
    struct lg_pool_event created = stand.listener->events[0];
    assert_string_equal(created.pool, "pool");
    assert_non_null(created.options);
    assert_int_equal(created.number, 1);
    listener_catch_up(stand.listener, stand.pool);
    assert_int_equal(listener_count(stand.listener, LG_EVENT_POOL_READY), 0);
    leave(&stand);
}

static void failures_have_reasons(void **state)
{
    (void)state;
    struct stand stand = stand_of(1);
    struct lg_lease lease, other;
    assert_status(lg_pool_try_checkout(stand.pool, &lease), LG_EBUSY);
    listener_expect(stand.listener, "checkout started", "checkout failed (timeout)", NULL);
    null_set(stand.driver, fail_opens, 1);
    assert_status(lg_pool_checkout(stand.pool, LG_FOREVER, &lease), LG_EOPEN);
    listener_expect(stand.listener, "checkout started", "resource created #1",
                    "resource closed #1 (error)", "checkout failed (open failed)", NULL);
    assert_int_equal(last_of(&stand, LG_EVENT_RESOURCE_CLOSED).status, LG_EDRIVER);
    assert_int_equal(last_of(&stand, LG_EVENT_CHECKOUT_FAILED).status, LG_EOPEN);
    lease = null_take(stand.pool);
    assert_status(lg_pool_checkout(stand.pool, LG_FOREVER, &other), LG_EDEADLK);
    listener_expect(stand.listener, "checkout started", "resource created #2", "resource ready #2",
                    "checked out #2", "checkout started", "checkout failed (deadlock)", NULL);
    assert_true(last_of(&stand, LG_EVENT_RESOURCE_READY).duration_ns > 0);
    assert_status(lg_lease_detach(&lease), LG_OK);
    assert_status(lg_pool_checkout(stand.pool, lg_after_ms(1), &other), LG_ETIMEDOUT);
    assert_true(last_of(&stand, LG_EVENT_CHECKOUT_FAILED).duration_ns >= 1000000);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    leave(&stand);
}

static void what_is_served_at_once_waits_not(void **state)
{
    (void)state;
    struct stand stand = stand_of(1);
    struct lg_lease lease = null_take(stand.pool);
    assert_true(last_of(&stand, LG_EVENT_CHECKED_OUT).duration_ns > 0);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    lease = null_take(stand.pool);
    assert_int_equal(last_of(&stand, LG_EVENT_CHECKED_OUT).duration_ns, 0);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    leave(&stand);
}

static void nested_policies_are_told(void **state)
{
    (void)state;
    struct stand stand = prepare(2);
    stand.options.nested = LG_NESTED_SHARE;
    open_stand(&stand);
    struct lg_lease a = null_take(stand.pool), b = null_take(stand.pool);
    assert_ptr_equal(a.resource, b.resource);
    assert_int_equal(lg_lease_id(&b), 1);
    assert_status(lg_pool_checkin(stand.pool, &a), LG_OK);
    assert_status(lg_pool_checkin(stand.pool, &b), LG_OK);
    listener_expect(stand.listener, "checkout started", "resource created #1", "resource ready #1",
                    "checked out #1", "checkout started", "checked out #1", "checked in #1",
                    "checked in #1", NULL);
    leave(&stand);
    stand = prepare(2);
    stand.options.nested = LG_NESTED_FORBID;
    open_stand(&stand);
    a = null_take(stand.pool);
    assert_status(lg_pool_checkout(stand.pool, LG_FOREVER, &b), LG_ENESTED);
    assert_status(lg_pool_checkin(stand.pool, &a), LG_OK);
    listener_expect(stand.listener, "checkout started", "resource created #1", "resource ready #1",
                    "checked out #1", "checkout started", "checkout failed (nested)",
                    "checked in #1", NULL);
    leave(&stand);
}

/* A waiter that waits for it is told after the return. */
static void a_return_comes_before_what_it_enables(void **state)
{
    (void)state;
    struct stand stand = stand_of(1);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan its = loan_of(stand.driver, stand.pool, LG_FOREVER);
    struct lg_lease lease = null_take(stand.pool);
    listener_catch_up(stand.listener, stand.pool);
    stand.listener->read = listener_heard(stand.listener);
    for (int i = 0; i < 100; i++) {
        crew_run(worker, loan_checkout, &its);
        crew_wait_blocked_on(worker, stand.pool);
        assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
        assert_status(crew_wait(worker), LG_OK);
        assert_status(crew_do(worker, loan_checkin, &its), LG_OK);
        lease = null_take(stand.pool);
        listener_expect(stand.listener, "checkout started", "checked in #1", "checked out #1",
                        "checked in #1", "checkout started", "checked out #1", NULL);
    }
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    leave(&stand);
}

/* Nobody else comes by while it sleeps. */
static void who_begins_to_wait_is_heard_of(void **state)
{
    (void)state;
    struct stand stand = stand_of(1);
    struct crew_worker *worker = crew_hire("waiter");
    struct loan its = loan_of(stand.driver, stand.pool, LG_FOREVER);
    struct lg_lease lease = null_take(stand.pool);
    listener_expect(stand.listener, "checkout started", "resource created #1", "resource ready #1",
                    "checked out #1", NULL);
    crew_run(worker, loan_checkout, &its);
    crew_wait_blocked_on(worker, stand.pool);
    listener_expect(stand.listener, "checkout started", NULL);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    assert_status(crew_wait(worker), LG_OK);
    assert_status(crew_do(worker, loan_checkin, &its), LG_OK);
    leave(&stand);
}

/* ---- Delivery ---------------------------------------------------------------------------------- */

static void who_finds_another_delivering_goes_on(void **state)
{
    (void)state;
    struct stand stand = stand_of(2);
    struct crew_worker *worker = crew_hire("deliverer");
    struct loan its = loan_of(stand.driver, stand.pool, LG_FOREVER);
    assert_status(crew_do(worker, loan_checkout, &its), LG_OK);
    listener_catch_up(stand.listener, stand.pool);
    uint32_t heard = listener_heard(stand.listener);
    __atomic_store_n(&stand.listener->is_held, 1, __ATOMIC_SEQ_CST);
    crew_run(worker, loan_checkin, &its);
    NULL_WAIT_UNTIL(listener_heard(stand.listener) > heard); /* and it stays in the listener */
    uint32_t before = listener_heard(stand.listener);
    struct lg_lease lease = null_take(stand.pool);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    assert_int_equal(listener_heard(stand.listener), before);
    __atomic_store_n(&stand.listener->is_held, 0, __ATOMIC_SEQ_CST);
    assert_status(crew_wait(worker), LG_OK);
    assert_int_equal(listener_heard(stand.listener), before + 3);
    leave(&stand);
}

static void what_finds_no_room_is_counted(void **state)
{
    (void)state;
    struct stand stand = prepare(2);
    stand.options.event_room = 4;
    open_stand(&stand);
    struct crew_worker *worker = crew_hire("deliverer");
    struct loan its = loan_of(stand.driver, stand.pool, LG_FOREVER);
    assert_status(crew_do(worker, loan_checkout, &its), LG_OK);
    listener_catch_up(stand.listener, stand.pool);
    uint32_t heard = listener_heard(stand.listener);
    __atomic_store_n(&stand.listener->is_held, 1, __ATOMIC_SEQ_CST);
    crew_run(worker, loan_checkin, &its);                    /* one event, in the listener */
    NULL_WAIT_UNTIL(listener_heard(stand.listener) > heard); /* and it stays in the listener */
    uint64_t number = stand.listener->events[listener_heard(stand.listener) - 1].number;
    for (int i = 0; i < 3; i++) { /* nine, for four of which there is room */
        struct lg_lease lease = null_take(stand.pool);
        assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    }
    __atomic_store_n(&stand.listener->is_held, 0, __ATOMIC_SEQ_CST);
    assert_status(crew_wait(worker), LG_OK);
    const struct lg_pool_event *last = &stand.listener->events[listener_heard(stand.listener) - 1];
    assert_int_equal(last->number, number + 4);
    assert_int_equal(last->dropped, 0);
    struct lg_lease lease = null_take(stand.pool);
    listener_catch_up(stand.listener, stand.pool);
    assert_int_equal(last[1].number, number + 10);
    assert_int_equal(last[1].dropped, 5);
    assert_int_equal(last[2].dropped, 0);
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    null_end(stand.driver, stand.pool);
    listener_free(stand.listener);
}

/* A listener that uses the pool: what it causes is told after it has returned. */
static void take_in_the_listener(void *arg, const struct lg_pool_event *event)
{
    struct stand *stand = arg;
    struct lg_lease lease;
    if (event->type != LG_EVENT_CHECKED_IN || event->id != 1)
        return;
    stand->listener->act = NULL;
    if (lg_pool_try_checkout(stand->pool, &lease) != LG_OK ||
        lg_pool_checkin(stand->pool, &lease) != LG_OK)
        stand->listener->fault = "the listener could not use the pool";
}

static void a_listener_may_use_the_pool(void **state)
{
    (void)state;
    struct stand stand = stand_of(1);
    struct lg_lease lease = null_take(stand.pool);
    stand.listener->act_arg = &stand;
    stand.listener->act = take_in_the_listener;
    assert_status(lg_pool_checkin(stand.pool, &lease), LG_OK);
    listener_expect(stand.listener, "checkout started", "resource created #1", "resource ready #1",
                    "checked out #1", "checked in #1", "checkout started", "checked out #1",
                    "checked in #1", NULL);
    leave(&stand);
}

/* ---- The ring ---------------------------------------------------------------------------------- */

static void add(struct lg__events *events, uint32_t id)
{
    lg__events_add(events, &(struct lg__event){.type = LG_EVENT_CHECKED_IN, .id = id});
}

static void the_ring_goes_round(void **state)
{
    (void)state;
    struct listener *listener = listener_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    listener_attach(listener, &options);
    options.event_room = 3;
    struct lg__events *events = lg__events_create(&options, "p");
    assert_non_null(events);
    for (uint32_t i = 1; i <= 20; i++) {
        add(events, i);
        if (i % 2 == 0) {
            assert_true(lg__events_claim(events));
            assert_false(lg__events_claim(events));
            assert_false(lg__events_deliver(events));
        }
    }
    assert_int_equal(listener->count, 20);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(listener->events[i].id, i + 1);
        assert_int_equal(listener->events[i].dropped, 0);
    }
    add(events, 21);
    lg__events_forget(events);
    assert_true(lg__events_claim(events));
    assert_false(lg__events_deliver(events));
    assert_int_equal(listener->count, 20);
    free(events);
    listener_free(listener);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(names_are_texts),
        SUPPORT_TEST(a_life_is_told),
        SUPPORT_TEST(creation_tells_the_options),
        SUPPORT_TEST(failures_have_reasons),
        SUPPORT_TEST(what_is_served_at_once_waits_not),
        SUPPORT_TEST(nested_policies_are_told),
        SUPPORT_TEST(a_return_comes_before_what_it_enables),
        SUPPORT_TEST(who_begins_to_wait_is_heard_of),
        SUPPORT_TEST(who_finds_another_delivering_goes_on),
        SUPPORT_TEST(what_finds_no_room_is_counted),
        SUPPORT_TEST(a_listener_may_use_the_pool),
        SUPPORT_TEST(the_ring_goes_round),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
