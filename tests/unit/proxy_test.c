/* Proxies: waits in which nobody sleeps, and who is told of their ends. */
#include "support/thing.h"

#include <lifeguard/cancel.h>

static void count(void *calls)
{
    __atomic_add_fetch((uint32_t *)calls, 1, __ATOMIC_SEQ_CST);
}

static void the_end_of_its_wait_is_told_once(void **state)
{
    (void)state;
    uint32_t calls = 0;
    struct thing thing = {.name = "thing", .capacity = 1};
    struct lg__want want = thing_want(&thing, 1);
    struct lg_context *proxy = lg__proxy_begin(count, &calls);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_false(lg__wait_begin(&proxy->wait, &want, LG__WAIT_WAITING));
        assert_true(lg__wait_end(&proxy->wait, LG__WAIT_GRANTED, 7));
        assert_int_equal(calls, i - 1);
        lg__wait_wake(&proxy->wait);
        assert_int_equal(calls, i);
        assert_false(lg__wait_end(&proxy->wait, LG__WAIT_WOKEN, 0));
        lg__wait_retract(&proxy->wait);
    }
    lg__proxy_end(proxy);
}

static void it_is_in_the_scope_of_who_began_it(void **state)
{
    (void)state;
    uint32_t calls = 0;
    struct lg_cancel *token;
    struct lg_cancel_scope scope;
    struct thing thing = {.name = "thing", .capacity = 1};
    struct lg__want want = thing_want(&thing, 1);
    assert_int_equal(lg_cancel_create(NULL, lg_after_ms(3600 * 1000), &token), LG_OK);
    assert_int_equal(lg_cancel_enter(token, &scope), LG_OK);
    struct lg_context *proxy = lg__proxy_begin(count, &calls);
    lg_cancel_leave(&scope);
    assert_false(lg__wait_begin(&proxy->wait, &want, LG__WAIT_WAITING));
    assert_true(proxy->wait.deadline == lg_cancel_deadline(token));
    lg_cancel_request(token);
    lg_cancel_request(token);
    assert_int_equal(calls, 1);
    assert_int_equal(thing_state(proxy), LG__WAIT_CANCELLED);
    lg__wait_retract(&proxy->wait);
    assert_true(lg__wait_begin(&proxy->wait, &want, LG__WAIT_WAITING)); /* and says so itself */
    assert_int_equal(calls, 1);
    lg__wait_retract(&proxy->wait);
    lg_cancel_destroy(token);
    lg__proxy_end(proxy);
}

/* The token of an open is gone with the open, and what is below it too. */
static void a_token_that_does_not_last_is_left_out(void **state)
{
    (void)state;
    uint32_t calls = 0;
    struct lg_cancel embedded, *below;
    struct lg_cancel_scope scope;
    lg__cancel_init(&embedded, NULL, LG_FOREVER);
    assert_int_equal(lg_cancel_create(&embedded, LG_FOREVER, &below), LG_OK);
    assert_int_equal(lg_cancel_enter(below, &scope), LG_OK);
    struct lg_context *proxy = lg__proxy_begin(count, &calls);
    lg_cancel_leave(&scope);
    assert_null(proxy->wait.cancel);
    lg__proxy_end(proxy);
    lg_cancel_destroy(below);
}

static int step_slot(void *slot)
{
    *(uint32_t *)slot = lg__self->slot;
    return 0;
}

/* A wake that comes late for a thread meets no proxy. */
static void its_place_is_never_a_threads(void **state)
{
    (void)state;
    uint32_t calls = 0, slots[8];
    for (int i = 0; i < 8; i++) {
        struct crew_worker *worker = crew_hire("short");
        (void)crew_do(worker, step_slot, &slots[i]);
        crew_leave(worker);
    }
    for (int i = 0; i < 40; i++) {
        struct lg_context *proxy = lg__proxy_begin(count, &calls);
        uint32_t slot = proxy->slot, thread_slot;
        for (int j = 0; j < 8; j++)
            assert_int_not_equal(slot, slots[j]);
        lg__proxy_end(proxy);
        struct crew_worker *worker = crew_hire("later");
        (void)crew_do(worker, step_slot, &thread_slot);
        crew_leave(worker);
        assert_int_not_equal(thread_slot, slot);
    }
    assert_int_equal(calls, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(the_end_of_its_wait_is_told_once),
        SUPPORT_TEST(it_is_in_the_scope_of_who_began_it),
        SUPPORT_TEST(a_token_that_does_not_last_is_left_out),
        SUPPORT_TEST(its_place_is_never_a_threads),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
