/* The listener. */
#include "support/listener.h"

#include "pool/pool.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void note_fault(struct listener *listener, const char *fault)
{
    const char *none = NULL;
    __atomic_compare_exchange_n(&listener->fault, &none, fault, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
}

static void hear(void *arg, const struct lg_pool_event *event)
{
    struct listener *listener = arg;
    if (__atomic_exchange_n(&listener->is_in_call, 1, __ATOMIC_SEQ_CST))
        note_fault(listener, "two calls of the listener at once");
    uint32_t count = __atomic_load_n(&listener->count, __ATOMIC_SEQ_CST);
    if (count == LISTENER_MAX)
        note_fault(listener, "more events than the listener has room for");
    else
        listener->events[count] = *event;
    if (count < LISTENER_MAX)
        __atomic_store_n(&listener->count, count + 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&listener->is_held, __ATOMIC_SEQ_CST))
        sched_yield();
    if (listener->act)
        listener->act(listener->act_arg, event);
    __atomic_store_n(&listener->is_in_call, 0, __ATOMIC_SEQ_CST);
}

struct listener *listener_begin(void)
{
    struct listener *listener = calloc(1, sizeof *listener);
    assert_non_null(listener);
    return listener;
}

void listener_attach(struct listener *listener, struct lg_pool_options *options)
{
    options->on_event = hear;
    options->on_event_arg = listener;
}

void listener_catch_up(const struct listener *listener, const struct lg_pool *pool)
{
    assert_ptr_equal(pool->events->arg, listener);
    while (!lg__events_are_quiet(pool->events))
        sched_yield();
}

uint32_t listener_heard(const struct listener *listener)
{
    return __atomic_load_n(&listener->count, __ATOMIC_SEQ_CST);
}

uint32_t listener_count(const struct listener *listener, enum lg_pool_event_type type)
{
    uint32_t count = 0, all = listener_heard(listener);
    for (uint32_t i = 0; i < all; i++)
        count += listener->events[i].type == type;
    return count;
}

void listener_wait(const struct listener *listener, enum lg_pool_event_type type, uint32_t n)
{
    while (listener_count(listener, type) < n)
        sched_yield();
}

static void write_event(const struct lg_pool_event *event, char *text, size_t size)
{
    char id[32] = "", reason[64] = "";
    if (event->id != 0)
        snprintf(id, sizeof id, " #%llu", (unsigned long long)event->id);
    if (event->reason != LG_REASON_NONE)
        snprintf(reason, sizeof reason, " (%s)", lg_reason_name(event->reason));
    snprintf(text, size, "%s%s%s", lg_event_name(event->type), id, reason);
}

void listener_expect(struct listener *listener, ...)
{
    va_list list;
    const char *expected;
    va_start(list, listener);
    while ((expected = va_arg(list, const char *)) != NULL) {
        char text[128];
        while (listener_heard(listener) <= listener->read)
            sched_yield();
        write_event(&listener->events[listener->read++], text, sizeof text);
        assert_string_equal(text, expected);
    }
    va_end(list);
}

struct lg_pool_event listener_last(const struct listener *listener, enum lg_pool_event_type type)
{
    uint32_t i = listener_heard(listener);
    while (i > 0 && listener->events[i - 1].type != type)
        i--;
    assert_true(i > 0);
    return listener->events[i - 1];
}

/* ---- The rules ---------------------------------------------------------------------------------- */

enum { NOT_THERE, CREATED, READY, CLOSED };

struct books {
    uint8_t *life; /* of each resource */
    uint8_t *is_out;
    uint64_t last_id;
    int64_t asking, out;
};

static const char *enter_resource(struct books *books, const struct lg_pool_event *event)
{
    uint8_t *life = &books->life[event->id];
    switch (event->type) {
    case LG_EVENT_RESOURCE_CREATED:
        if (event->id != ++books->last_id)
            return "numbers of resources are not dense";
        *life = CREATED;
        return NULL;
    case LG_EVENT_RESOURCE_READY:
        if (*life != CREATED)
            return "ready before it was created, or twice";
        *life = READY;
        return NULL;
    default:
        if (*life != CREATED && *life != READY)
            return "closed twice, or never created";
        if (books->is_out[event->id])
            return "closed while it was lent";
        if (event->reason == LG_REASON_NONE)
            return "closed for no reason";
        *life = CLOSED;
        return NULL;
    }
}

static const char *enter_loan(struct books *books, const struct lg_pool_event *event)
{
    switch (event->type) {
    case LG_EVENT_CHECKOUT_STARTED:
        books->asking++;
        return NULL;
    case LG_EVENT_CHECKOUT_FAILED:
        return books->asking-- > 0 ? NULL : "a checkout failed that has not started";
    case LG_EVENT_CHECKED_OUT:
        if (books->asking-- <= 0)
            return "a checkout that has not started";
        if (books->life[event->id] != READY)
            return "lent before it was ready, or after it was closed";
        books->is_out[event->id]++;
        books->out++;
        return NULL;
    default:
        if (books->is_out[event->id] == 0)
            return "checked in before it was checked out";
        books->is_out[event->id]--;
        books->out--;
        return NULL;
    }
}

static const char *enter(struct books *books, const struct lg_pool_event *event)
{
    switch (event->type) {
    case LG_EVENT_POOL_CREATED:
    case LG_EVENT_POOL_READY:
    case LG_EVENT_POOL_CLEARED:
    case LG_EVENT_POOL_CLOSED:
        return NULL;
    case LG_EVENT_RESOURCE_CREATED:
    case LG_EVENT_RESOURCE_READY:
    case LG_EVENT_RESOURCE_CLOSED:
        return enter_resource(books, event);
    default:
        return enter_loan(books, event);
    }
}

static const char *judge(const struct listener *listener, struct books *books)
{
    for (uint32_t i = 0; i < listener_heard(listener); i++) {
        const struct lg_pool_event *event = &listener->events[i];
        if (event->number != i + 1 || event->dropped != 0)
            return "numbers of events are not dense";
        const char *fault = enter(books, event);
        if (fault)
            return fault;
    }
    if (books->asking != 0 || books->out != 0)
        return "a checkout without an end";
    for (uint64_t id = 1; id <= books->last_id; id++)
        if (books->life[id] != CLOSED)
            return "created and never closed";
    return listener->fault;
}

static void print_end(const struct listener *listener)
{
    uint32_t count = listener_heard(listener);
    for (uint32_t i = count > 60 ? count - 60 : 0; i < count; i++) {
        char text[128];
        write_event(&listener->events[i], text, sizeof text);
        fprintf(stderr, "%llu %s\n", (unsigned long long)listener->events[i].number, text);
    }
}

void listener_end(struct listener *listener)
{
    struct books books = {.life = calloc(LISTENER_MAX, 1), .is_out = calloc(LISTENER_MAX, 1)};
    assert_true(books.life && books.is_out);
    const char *fault = judge(listener, &books);
    free(books.life);
    free(books.is_out);
    if (fault) {
        print_end(listener);
        fail_msg("%s", fault);
    }
    listener_free(listener);
}

void listener_free(struct listener *listener)
{
    const char *fault = listener->fault;
    free(listener);
    if (fault)
        fail_msg("%s", fault);
}
