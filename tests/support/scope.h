/* Scope: cancel tokens and scopes as steps for the crew. */
#ifndef LG_TEST_SCOPE_H
#define LG_TEST_SCOPE_H

#include "support/crew.h"

#include <lifeguard/cancel.h>

struct scope {
    struct lg_cancel *token;
    struct lg_cancel_scope scope;
};

/* Steps; the argument is a struct scope. */
int step_enter(void *scope);
int step_leave(void *scope);

/* A token, which must not fail. */
struct lg_cancel *token_below(struct lg_cancel *parent, lg_deadline deadline);

/* A worker that is in a scope of the token. */
struct crew_worker *hire_in(struct scope *scope, struct lg_cancel *token, const char *name);

#endif
