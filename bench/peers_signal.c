/* Signals that are always there: a mutex with a condition, sem_t, and Lifeguard's event; alone, and as one of
 * two things that are waited for. */
#include "peers.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include <lifeguard/event.h>
#include <lifeguard/waitable.h>

/* -- by hand ---------------------------------------------------------------------------------- */

struct flag {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_set; /* under mutex */
};

static void flag_init(struct flag *flag, unsigned rounds)
{
    (void)rounds;
    pthread_mutex_init(&flag->mutex, NULL);
    pthread_cond_init(&flag->changed, NULL);
}

static void flag_set(struct flag *flag, unsigned round)
{
    (void)round;
    pthread_mutex_lock(&flag->mutex);
    flag->is_set = true;
    pthread_cond_signal(&flag->changed);
    pthread_mutex_unlock(&flag->mutex);
}

static void flag_take(struct flag *flag, unsigned round)
{
    (void)round;
    pthread_mutex_lock(&flag->mutex);
    while (!flag->is_set)
        pthread_cond_wait(&flag->changed, &flag->mutex);
    flag->is_set = false;
    pthread_mutex_unlock(&flag->mutex);
}

static void flag_end(struct flag *flag)
{
    pthread_cond_destroy(&flag->changed);
    pthread_mutex_destroy(&flag->mutex);
}

TURNS_LOOPS(flag, struct flag, flag_init, flag_set, flag_take, flag_end)
const struct round_peer peer_cond_turns = {"mutex+cond", NULL, flag_create, flag_destroy,
                                           flag_meet};

/* -- the C library's semaphore ---------------------------------------------------------------- */

static void unit_init(sem_t *sem, unsigned rounds)
{
    (void)rounds;
    sem_init(sem, 0, 0);
}

static void unit_post(sem_t *sem, unsigned round)
{
    (void)round;
    sem_post(sem);
}

static void unit_take(sem_t *sem, unsigned round)
{
    (void)round;
    while (sem_wait(sem) != 0)
        continue;
}

static void unit_end(sem_t *sem)
{
    sem_destroy(sem);
}

TURNS_LOOPS(unit, sem_t, unit_init, unit_post, unit_take, unit_end)
const struct round_peer peer_sem_turns = {"sem_t", NULL, unit_create, unit_destroy, unit_meet};

/* -- Lifeguard -------------------------------------------------------------------------------- */

static void event_init(struct lg_event *event, unsigned rounds)
{
    (void)rounds;
    if (lg_event_init(event, "bench", LG_EVENT_AUTO_RESET) != LG_OK)
        bench_fail("cannot make an event");
}

static void event_set(struct lg_event *event, unsigned round)
{
    (void)round;
    lg_event_set(event);
}

static void event_take(struct lg_event *event, unsigned round)
{
    (void)round;
    if (lg_event_wait(event, LG_FOREVER) != LG_OK)
        bench_fail("lg_event_wait failed");
}

/* The other one is never set. */
static void event_take_any(struct lg_event *event, unsigned round)
{
    static struct lg_event never = LG_EVENT_INIT("never");
    struct lg_waitable things[] = {lg_waitable_event(&never), lg_waitable_event(event)};
    (void)round;
    if (lg_wait_any(things, 2, LG_FOREVER, NULL) != LG_OK)
        bench_fail("lg_wait_any failed");
}

TURNS_LOOPS(event, struct lg_event, event_init, event_set, event_take, lg_event_destroy)
TURNS_LOOPS(any, struct lg_event, event_init, event_set, event_take_any, lg_event_destroy)
const struct round_peer peer_lg_event_turns = {"lg_event", NULL, event_create, event_destroy,
                                               event_meet};
const struct round_peer peer_lg_any_turns = {"lg_wait_any of two events", NULL, any_create,
                                             any_destroy, any_meet};
