/* Cancel tokens: the tree, its deadlines, scopes, lifetimes. */
#include "support/locks.h"
#include "support/scope.h"

#include "graph/cancel.h"
#include "graph/context.h"
#include "plat/clock.h"
#include "plat/memory.h"

#include <pthread.h>
#include <string.h>

#define PAST ((lg_deadline)1)

static void test_nulls(void **state)
{
    (void)state;
    struct lg_cancel_scope scope;
    assert_int_equal(lg_cancel_create(NULL, LG_FOREVER, NULL), LG_EINVAL);
    assert_int_equal(lg_cancel_enter(NULL, NULL), LG_EINVAL);
    assert_int_equal(lg_cancel_is_requested(NULL), 0);
    assert_true(lg_cancel_deadline(NULL) == LG_FOREVER);
    assert_null(lg_cancel_current());
    lg_cancel_request(NULL);
    lg_cancel_destroy(NULL);
    assert_int_equal(lg_cancel_enter(NULL, &scope), LG_OK);
    assert_null(lg_cancel_current());
    lg_cancel_leave(&scope);
}

/* ---- The tree -------------------------------------------------------------------------------- */

/* 0 over 1 and 2; 1 over 3 and 4; 2 over 5 and 6. */
#define NODES 7

static void grow(struct lg_cancel *nodes[NODES])
{
    for (int i = 0; i < NODES; i++)
        nodes[i] = token_below(i ? nodes[(i - 1) / 2] : NULL, LG_FOREVER);
}

static void fell(struct lg_cancel *nodes[NODES])
{
    for (int i = 0; i < NODES; i++)
        lg_cancel_destroy(nodes[i]);
}

static bool is_in_subtree(int node, int root)
{
    while (node > root)
        node = (node - 1) / 2;
    return node == root;
}

static void test_a_request_reaches_what_is_below(void **state)
{
    (void)state;
    for (int root = 0; root < NODES; root++) {
        struct lg_cancel *nodes[NODES];
        grow(nodes);
        for (int i = 0; i < NODES; i++)
            assert_int_equal(lg_cancel_is_requested(nodes[i]), 0);
        for (int again = 0; again < 2; again++) {
            lg_cancel_request(nodes[root]);
            for (int i = 0; i < NODES; i++)
                assert_int_equal(lg_cancel_is_requested(nodes[i]), is_in_subtree(i, root));
        }
        fell(nodes);
    }
}

static void test_a_child_of_the_requested_is_requested(void **state)
{
    (void)state;
    struct lg_cancel *root = token_below(NULL, LG_FOREVER);
    lg_cancel_request(root);
    struct lg_cancel *child = token_below(root, LG_FOREVER);
    assert_int_equal(lg_cancel_is_requested(child), 1);
    lg_cancel_destroy(child);
    lg_cancel_destroy(root);
}

static void test_the_earliest_deadline_counts(void **state)
{
    (void)state;
    lg_deadline soon = lg_after_ms(1000000), later = lg_after_ms(2000000);
    struct lg_cancel *root = token_below(NULL, later);
    struct lg_cancel *open = token_below(root, LG_FOREVER);
    struct lg_cancel *tight = token_below(open, soon);
    struct lg_cancel *loose = token_below(tight, later);
    assert_true(lg_cancel_deadline(root) == later);
    assert_true(lg_cancel_deadline(open) == later);
    assert_true(lg_cancel_deadline(tight) == soon);
    assert_true(lg_cancel_deadline(loose) == soon);
    assert_int_equal(lg_cancel_is_requested(loose), 0);
    struct lg_cancel *over = token_below(loose, PAST);
    assert_int_equal(lg_cancel_is_requested(over), 1);
    assert_int_equal(lg_cancel_is_requested(loose), 0);
    struct lg_cancel *none = token_below(loose, LG_TRY);
    assert_int_equal(lg_cancel_is_requested(none), 1);
    lg_cancel_destroy(none);
    lg_cancel_destroy(over);
    lg_cancel_destroy(loose);
    lg_cancel_destroy(tight);
    lg_cancel_destroy(open);
    lg_cancel_destroy(root);
}

/* The leaves go last: they still see what happens above. */
static void test_children_keep_what_is_above(void **state)
{
    (void)state;
    struct lg_cancel *root = token_below(NULL, LG_FOREVER);
    struct lg_cancel *middle = token_below(root, lg_after_ms(1000000));
    struct lg_cancel *leaf = token_below(middle, LG_FOREVER);
    lg_deadline deadline = lg_cancel_deadline(middle);
    lg_cancel_destroy(middle);
    assert_true(lg_cancel_deadline(leaf) == deadline);
    assert_int_equal(lg_cancel_is_requested(leaf), 0);
    lg_cancel_request(root);
    lg_cancel_destroy(root);
    assert_int_equal(lg_cancel_is_requested(leaf), 1);
    lg_cancel_destroy(leaf); /* and with it the others: the address sanitizer counts them */
}

static void test_to_destroy_is_no_request(void **state)
{
    (void)state;
    struct lg_cancel *root = token_below(NULL, LG_FOREVER), *leaf = token_below(root, LG_FOREVER);
    lg_cancel_destroy(root);
    assert_int_equal(lg_cancel_is_requested(leaf), 0);
    lg_cancel_destroy(leaf);
}

/* A long chain is destroyed from its end without a deep stack. */
static void test_a_deep_tree(void **state)
{
    (void)state;
    struct lg_cancel *root = token_below(NULL, LG_FOREVER), *leaf = root;
    for (unsigned i = 0; i < SUPPORT_ROUNDS(50000u); i++) {
        struct lg_cancel *next = token_below(leaf, LG_FOREVER);
        if (leaf != root)
            lg_cancel_destroy(leaf);
        leaf = next;
    }
    assert_int_equal(lg_cancel_is_requested(leaf), 0);
    lg_cancel_request(root);
    assert_int_equal(lg_cancel_is_requested(leaf), 1);
    lg_cancel_destroy(root);
    lg_cancel_destroy(leaf);
}

static void test_an_embedded_token(void **state)
{
    (void)state;
    struct lg_cancel root, child;
    lg__cancel_init(&root, NULL, LG_FOREVER);
    lg__cancel_init(&child, &root, lg_after_ms(1000000));
    struct scope scope = {.token = &child};
    assert_int_equal(step_enter(&scope), LG_OK);
    struct lg_cancel *leaf = token_below(&child, LG_FOREVER);
    (void)step_leave(&scope);
    assert_true(lg_cancel_deadline(leaf) == lg_cancel_deadline(&child));
    assert_int_equal(lg_cancel_is_requested(leaf), 0);
    lg_cancel_request(&root);
    assert_int_equal(lg_cancel_is_requested(leaf), 1);
    lg_cancel_destroy(leaf);
    assert_int_equal(child.references, 1);
    assert_int_equal(root.references, 1);
}

/* ---- Scopes ---------------------------------------------------------------------------------- */

static void test_scopes_nest(void **state)
{
    (void)state;
    struct scope outer = {.token = token_below(NULL, LG_FOREVER)};
    struct scope inner = {.token = token_below(outer.token, LG_FOREVER)};
    struct scope shield = {.token = NULL}, again = inner;
    struct scope *scopes[] = {&outer, &inner, &shield, &again};
    uint64_t allocations = lg__alloc_count();
    for (int i = 0; i < 4; i++) {
        assert_int_equal(step_enter(scopes[i]), LG_OK);
        assert_ptr_equal(lg_cancel_current(), scopes[i]->token);
    }
    for (int i = 3; i >= 0; i--) {
        assert_ptr_equal(lg_cancel_current(), scopes[i]->token);
        (void)step_leave(scopes[i]);
    }
    assert_null(lg_cancel_current());
    assert_true(lg__alloc_count() == allocations);
    lg_cancel_destroy(outer.token);
    lg_cancel_destroy(inner.token);
}

static void assert_leave_panics(struct scope *scope)
{
    struct support_panic panic = support_panic_of(step_leave, scope);
    assert_true(panic.has_happened);
    assert_string_equal(panic.rule, "a cancel scope was left that is not the context's innermost");
    assert_string_equal(panic.object, "main");
}

static void test_only_the_innermost_is_left(void **state)
{
    (void)state;
    struct scope outer = {.token = token_below(NULL, LG_FOREVER)};
    struct scope inner = {.token = token_below(NULL, LG_FOREVER)};
    struct scope others;
    struct crew_worker *a = hire_in(&others, outer.token, "A");
    assert_leave_panics(&outer); /* never entered */
    assert_leave_panics(&others);
    assert_int_equal(step_enter(&outer), LG_OK);
    assert_leave_panics(&others); /* as deep, but A's */
    assert_int_equal(step_enter(&inner), LG_OK);
    assert_leave_panics(&outer);
    assert_ptr_equal(lg_cancel_current(), inner.token);
    (void)step_leave(&inner);
    assert_leave_panics(&inner); /* twice */
    (void)step_leave(&outer);
    (void)crew_do(a, step_leave, &others);
    lg_cancel_destroy(outer.token);
    lg_cancel_destroy(inner.token);
}

/* The token is destroyed while A is in it, and lives on until A has left. */
static void test_a_scope_keeps_its_token(void **state)
{
    (void)state;
    struct lg_cancel *root = token_below(NULL, LG_FOREVER);
    struct lg_cancel *token = token_below(root, LG_FOREVER);
    struct scope scope, shield;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct crew_worker *a = hire_in(&scope, token, "A");
    lg_cancel_destroy(token);
    shield.token = NULL;
    assert_int_equal(crew_do(a, step_enter, &shield), LG_OK); /* also below another */
    (void)crew_do(a, step_leave, &shield);
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run(a, step_lock, &m);
    crew_wait_blocked_on(a, &m);
    lg_cancel_request(root);
    assert_int_equal(crew_wait(a), LG_ECANCELED);
    lg_cancel_destroy(root);
    (void)crew_do(a, step_leave, &scope);
    step_unlock(&m);
}

static int step_detach(void *context)
{
    *(struct lg_context **)context = lg_context_detach();
    return LG_OK;
}

static int step_resume(void *context)
{
    return lg_context_resume(*(struct lg_context **)context);
}

static int step_current_is(void *token)
{
    return lg_cancel_current() == token;
}

/* A's context goes to B and takes its scope along; the scope is left there. */
static void test_a_detached_context_takes_its_scopes_along(void **state)
{
    (void)state;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct scope scope;
    struct lg_context *context;
    struct crew_worker *a = hire_in(&scope, token, "A"), *b = crew_hire("B");
    (void)crew_do(a, step_detach, &context);
    assert_int_equal(crew_do(a, step_current_is, token), 0);
    assert_int_equal(crew_do(b, step_resume, &context), LG_OK);
    assert_int_equal(crew_do(b, step_current_is, token), 1);
    (void)crew_do(b, step_leave, &scope);
    assert_int_equal(crew_do(b, step_current_is, token), 0);
    assert_int_equal(token->references, 1);
    lg_cancel_destroy(token);
}

static void test_an_ended_context_is_in_no_scope(void **state)
{
    (void)state;
    struct lg_cancel *token = token_below(NULL, LG_FOREVER);
    struct scope scope;
    struct crew_worker *a = hire_in(&scope, token, "A");
    assert_int_equal(token->references, 2);
    crew_leave(a);
    assert_int_equal(token->references, 1);
    a = hire_in(&scope, token, "A");
    struct lg_context *context;
    (void)crew_do(a, step_detach, &context);
    assert_int_equal(lg_context_end(context), LG_OK);
    assert_int_equal(token->references, 1);
    assert_null(context->wait.cancel);
    assert_int_equal(context->scope_depth, 0);
    lg_cancel_destroy(token);
}

/* ---- Fork ------------------------------------------------------------------------------------ */

static int live_on(void *arg)
{
    struct scope *scope = arg;
    struct scope shield = {.token = NULL};
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct lg_condition c = LG_CONDITION_INIT("c");
    struct wait_until wait = {&c, &m, LG_FOREVER, "wait.c:1"}, past = {&c, &m, PAST, "past.c:1"};
    SUPPORT_CHECK(lg_cancel_current() == scope->token);
    SUPPORT_CHECK(lg_cancel_is_requested(scope->token) == 0);
    lg_cancel_request(scope->token);
    SUPPORT_CHECK(step_lock(&m) == LG_OK);
    SUPPORT_CHECK(step_wait(&wait) == LG_ECANCELED);
    SUPPORT_CHECK(lg_mutex_is_held(&m) == 1);
    SUPPORT_CHECK(step_enter(&shield) == LG_OK);
    SUPPORT_CHECK(step_wait(&past) == LG_ETIMEDOUT);
    (void)step_leave(&shield);
    (void)step_leave(scope);
    step_unlock(&m);
    lg_cancel_destroy(scope->token);
    return 0;
}

/* A is in the same scope, and waits; the child's request is not the parent's. */
static void test_tokens_live_on_in_a_child(void **state)
{
    (void)state;
    struct scope mine = {.token = token_below(NULL, LG_FOREVER)}, its;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("the thread sanitizer may hang in a child that was forked beside threads");
    struct crew_worker *a = hire_in(&its, mine.token, "A");
    assert_int_equal(step_enter(&mine), LG_OK);
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run(a, step_lock, &m);
    crew_wait_blocked_on(a, &m);
    assert_int_equal(support_fork(live_on, &mine), 0);
    assert_int_equal(lg_cancel_is_requested(mine.token), 0);
    assert_true(crew_is_blocked(a));
    (void)step_leave(&mine);
    step_unlock(&m);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &m);
    (void)crew_do(a, step_leave, &its);
    lg_cancel_destroy(mine.token);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_nulls),
        SUPPORT_TEST(test_a_request_reaches_what_is_below),
        SUPPORT_TEST(test_a_child_of_the_requested_is_requested),
        SUPPORT_TEST(test_the_earliest_deadline_counts),
        SUPPORT_TEST(test_children_keep_what_is_above),
        SUPPORT_TEST(test_to_destroy_is_no_request),
        SUPPORT_TEST(test_a_deep_tree),
        SUPPORT_TEST(test_an_embedded_token),
        SUPPORT_TEST(test_scopes_nest),
        SUPPORT_TEST(test_only_the_innermost_is_left),
        SUPPORT_TEST(test_a_scope_keeps_its_token),
        SUPPORT_TEST(test_a_detached_context_takes_its_scopes_along),
        SUPPORT_TEST(test_an_ended_context_is_in_no_scope),
        SUPPORT_TEST(test_tokens_live_on_in_a_child),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
