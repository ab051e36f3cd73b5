/* Tokens, scopes and requests: the theory is in cancel.h. */
#include "graph/cancel.h"

#include "graph/context.h"
#include "plat/clock.h"
#include "plat/memory.h"
#include "plat/panic.h"

void lg__cancel_init(struct lg_cancel *token, struct lg_cancel *parent, lg_deadline deadline)
{
    lg_deadline above = lg_cancel_deadline(parent);
    *token = (struct lg_cancel){
        .parent = parent,
        .deadline = deadline < above ? deadline : above,
        .references = 1,
        .is_embedded = 1,
    };
}

static void ref(struct lg_cancel *token)
{
    if (token)
        lg__add_full(&token->references, 1u);
}

static void unref(struct lg_cancel *token)
{
    while (token && lg__sub_full(&token->references, 1u) == 1 && !token->is_embedded) {
        struct lg_cancel *parent = token->parent;
        lg__free(token);
        token = parent;
    }
}

int lg_cancel_create(struct lg_cancel *parent, lg_deadline deadline, struct lg_cancel **out)
{
    if (!out)
        return LG_EINVAL;
    *out = lg__alloc(sizeof **out);
    if (!*out)
        return LG_ENOMEM;
    lg__cancel_init(*out, parent, deadline);
    (*out)->is_embedded = 0;
    ref(parent);
    return LG_OK;
}

void lg_cancel_destroy(struct lg_cancel *token)
{
    unref(token);
}

lg_deadline lg_cancel_deadline(const struct lg_cancel *token)
{
    return token ? token->deadline : LG_FOREVER;
}

bool lg__cancel_was_requested(const struct lg_cancel *token)
{
    while (token && lg__load_full(&token->is_requested) == 0) /* K1: after the begin */
        token = token->parent;
    return token != NULL;
}

int lg_cancel_is_requested(const struct lg_cancel *token)
{
    return lg__cancel_was_requested(token) || lg__deadline_has_passed(lg_cancel_deadline(token));
}

static bool is_below(const struct lg_cancel *token, const struct lg_cancel *above)
{
    while (token && token != above)
        token = token->parent;
    return token != NULL;
}

static void end_if_requested(void *above, struct lg_context *context)
{
    struct lg__wait *wait = &context->wait;
    uint64_t word = lg__load_full(&wait->word); /* K1: after the flag */
    enum lg__wait_state state = LG__WAIT_STATE(word);
    if ((state != LG__WAIT_WAITING && state != LG__WAIT_OUTSIDE) || !lg__wait_pin(wait, word))
        return;
    bool is_ended = !wait->want.is_relock && is_below(wait->cancel, above) &&
                    lg__cancel_was_requested(wait->cancel) &&
                    lg__wait_end_this(wait, word, LG__WAIT_CANCELLED, 0);
    lg__wait_unpin(wait);
    if (is_ended)
        lg__wait_wake(wait);
}

void lg__cancel_mark(struct lg_cancel *token)
{
    lg__swap_full(&token->is_requested, 1u); /* K1: before the words */
}

void lg__cancel_end_requested(struct lg_cancel *above)
{
    lg__context_each(end_if_requested, above);
}

/* The walk also if it was requested before: whoever asked first may not be through with it. */
void lg_cancel_request(struct lg_cancel *token)
{
    if (!token)
        return;
    lg__cancel_mark(token);
    lg__cancel_end_requested(token);
}

int lg_cancel_enter(struct lg_cancel *token, struct lg_cancel_scope *scope)
{
    if (!scope)
        return LG_EINVAL;
    *scope = (struct lg_cancel_scope){0};
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    ref(token);
    *scope = (struct lg_cancel_scope){self->wait.cancel, self->id, ++self->scope_depth};
    self->wait.cancel = token;
    return LG_OK;
}

static bool is_innermost(const struct lg_context *self, const struct lg_cancel_scope *scope)
{
    return self && scope && scope->context == self->id && scope->depth == self->scope_depth;
}

void lg_cancel_leave(struct lg_cancel_scope *scope)
{
    struct lg_context *self = lg__self;
    if (!is_innermost(self, scope)) {
        char name[LG_NAME_SIZE];
        lg__context_copy_name(self ? self->id : 0, name);
        lg__panic("a cancel scope was left that is not the context's innermost", name);
    }
    struct lg_cancel *token = self->wait.cancel;
    self->wait.cancel = scope->outer;
    self->scope_depth--;
    *scope = (struct lg_cancel_scope){0};
    unref(token);
}

struct lg_cancel *lg_cancel_current(void)
{
    return lg__self ? lg__self->wait.cancel : NULL;
}

void lg__cancel_inherit(struct lg_context *context, const struct lg_context *from)
{
    const struct lg_cancel *above = from->wait.cancel;
    while (above && !above->is_embedded)
        above = above->parent;
    context->wait.cancel = above ? NULL : from->wait.cancel;
    ref(context->wait.cancel);
}

void lg__cancel_forget(struct lg_context *context)
{
    struct lg_cancel *token = context->wait.cancel;
    context->wait.cancel = NULL;
    context->scope_depth = 0;
    unref(token);
}
