/* Who observes, and telling them: the theory is in observe.h. */
#include "graph/observe.h"

#include "graph/context.h"

/* Set at an observer's first start, and never another (release pairs with the acquire of find). */
static const struct lg__observer *observers[LG__OBSERVER_COUNT];
static struct lg__raw_lock switch_lock; /* above the registry's; held by who switches */
static uint32_t observed;               /* atomic full; under switch_lock; a bit an observer */
static void (*begin_leases)(void);      /* r/o after the constructors */

void lg__observe_leases_set(void (*begin)(void))
{
    begin_leases = begin;
}

/* Of the observers in `mask`: whether one is told of what is taken. */
static bool wants_takings(uint32_t mask)
{
    for (uint32_t id = 0; id < LG__OBSERVER_COUNT; id++) {
        const struct lg__observer *observer = lg__load_acquire(&observers[id]);
        if ((mask >> id & 1) && observer && observer->taken)
            return true;
    }
    return false;
}

bool lg__observe_wants_leases(void)
{
    return wants_takings(lg__load_full(&observed));
}

static void set_mask(uint32_t mask)
{
    bool had_leases = lg__observe_wants_leases();
    bool has_leases = wants_takings(mask);
    lg__store_full(&observed, mask);
    lg__context_observe(mask, has_leases);
    if (has_leases && !had_leases && begin_leases)
        begin_leases();
}

void lg__observe_start(enum lg__observer_id id, const struct lg__observer *observer)
{
    lg__raw_lock(&switch_lock);
    lg__store_release(&observers[id], observer);
    set_mask(lg__load_relaxed(&observed) | 1u << id);
    lg__raw_unlock(&switch_lock);
}

void lg__observe_stop(enum lg__observer_id id)
{
    lg__raw_lock(&switch_lock);
    set_mask(lg__load_relaxed(&observed) & ~(1u << id));
    lg__raw_unlock(&switch_lock);
}

/* Tell each observer of the context that wants to hear of it. */
#define TELL(context, function, ...)                                                               \
    for (uint32_t id = 0, mask = lg__load_relaxed(&(context)->wait.observed);                      \
         id < LG__OBSERVER_COUNT; id++) {                                                          \
        const struct lg__observer *observer = lg__load_acquire(&observers[id]);                    \
        if ((mask >> id & 1) && observer && observer->function)                                    \
            observer->function(__VA_ARGS__);                                                       \
    }

void lg__observe_taken(struct lg_context *self, const struct lg__resource_class *class,
                       const void *object, uint32_t units, lg_deadline deadline, const char *place)
{
    struct lg__taking taking = {class, object, units, deadline, place};
    TELL(self, taken, self, &taking)
}

void lg__observe_released(struct lg_context *self, const void *object)
{
    TELL(self, released, self, object)
}

void lg__observe_sleeps(struct lg_context *self)
{
    TELL(self, sleeps, self, &self->wait)
}

/* What has not ended was no wait: it was begun to be explained. */
void lg__observe_waited(struct lg_context *self)
{
    if (LG__WAIT_STATE(lg__load_relaxed(&self->wait.word)) >= LG__WAIT_GRANTED)
        TELL(self, waited, self, &self->wait)
}

void lg__observe_woke(struct lg_context *self, const struct lg_context *waiter, uint64_t word)
{
    TELL(self, woke, self, waiter, word)
}

void lg__observe_fork_prepare(void)
{
    lg__raw_lock(&switch_lock);
}

void lg__observe_fork_parent(void)
{
    lg__raw_unlock(&switch_lock);
}

void lg__observe_fork_child(void)
{
    switch_lock = (struct lg__raw_lock){0};
}
