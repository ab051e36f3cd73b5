/* Tokens and scopes. */
#include "support/scope.h"

int step_enter(void *arg)
{
    struct scope *scope = arg;
    return lg_cancel_enter(scope->token, &scope->scope);
}

int step_leave(void *arg)
{
    struct scope *scope = arg;
    lg_cancel_leave(&scope->scope);
    return LG_OK;
}

struct lg_cancel *token_below(struct lg_cancel *parent, lg_deadline deadline)
{
    struct lg_cancel *token;
    assert_int_equal(lg_cancel_create(parent, deadline, &token), LG_OK);
    assert_non_null(token);
    return token;
}

struct crew_worker *hire_in(struct scope *scope, struct lg_cancel *token, const char *name)
{
    struct crew_worker *worker = crew_hire(name);
    scope->token = token;
    assert_int_equal(crew_do(worker, step_enter, scope), LG_OK);
    return worker;
}
