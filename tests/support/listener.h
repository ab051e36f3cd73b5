/* Listener: writes down what a pool tells, and checks that the order is a possible one.
 *
 *     struct listener *listener = listener_begin();
 *     listener_attach(listener, &options);
 *     ...
 *     listener_expect(listener, "resource created #1", "resource ready #1", "checked out #1", NULL);
 *     listener_end(listener);      // after null_end: asserts the rules of lifeguard/pool_event.h
 *
 * An event is written as the name of its type, " #ID" if it has one, and " (REASON)" if it has one. */
#ifndef LG_TEST_LISTENER_H
#define LG_TEST_LISTENER_H

#include "support/support.h"

#include <lifeguard/pool.h>

#define LISTENER_MAX 65536

struct listener {
    struct lg_pool_event events[LISTENER_MAX]; /* written by one drainer at a time */
    uint32_t count;                            /* atomic */
    uint32_t read;                             /* the test's: so many are expected already */
    uint32_t is_in_call;                       /* atomic */
    uint32_t is_held;  /* atomic; a call waits while this is set, with in_call set */
    const char *fault; /* atomic; the first */
    void (*act)(void *arg,
                const struct lg_pool_event *event); /* at the end of each call, or NULL */
    void *act_arg;
};

struct listener *listener_begin(void);
void listener_attach(struct listener *listener, struct lg_pool_options *options);

/* Wait until all that the pool has told is delivered: another thread may be about it. */
void listener_catch_up(const struct listener *listener, const struct lg_pool *pool);

/* How many events, so far. */
uint32_t listener_heard(const struct listener *listener);

/* How many of this type, so far. */
uint32_t listener_count(const struct listener *listener, enum lg_pool_event_type type);

/* Wait until there are at least n of this type. */
void listener_wait(const struct listener *listener, enum lg_pool_event_type type, uint32_t n);

/* Assert that exactly these are next, the last of them NULL; waits until they are there. */
void listener_expect(struct listener *listener, ...) __attribute__((sentinel));

/* The latest event of a type. */
struct lg_pool_event listener_last(const struct listener *listener, enum lg_pool_event_type type);

/* Assert the rules over all that was told, and free. */
void listener_end(struct listener *listener);

/* The same without the rules: something was dropped. */
void listener_free(struct listener *listener);

#endif
