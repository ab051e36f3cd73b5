/* Who observes, and telling them: the theory is in observe.h. */
#include "graph/observe.h"

#include "graph/context.h"

/* Set at an observer's start (release pairs with acquire), and never NULL again. */
static const struct lg__observer *observers[LG__OBSERVER_COUNT];
uint32_t lg__observe_session;
uint64_t lg__observe_time = 1;
void (*lg__observe_nested)(struct lg_context *self, uint32_t entry);
static struct lg__raw_lock switch_lock; /* above the registry's; held by who switches */
static uint32_t observed;               /* atomic full; under switch_lock; a bit an observer */
static void (*begin_leases)(void);      /* r/o after the constructors */

void lg__observe_leases_set(void (*begin)(void))
{
    begin_leases = begin;
}

uint64_t lg__observe_tick(void)
{
    return lg__add_full(&lg__observe_time, (uint64_t)1) + 1;
}

void lg__observe_met(struct lg_context *self)
{
    if (lg__load_relaxed(&self->wait.observed) != 0)
        self->birth = lg__observe_tick();
}

/* What contexts have to tell for the observers in `mask`. */
static uint32_t watch_of(uint32_t mask)
{
    uint32_t watch = 0;
    for (uint32_t id = 0; id < LG__OBSERVER_COUNT; id++) {
        const struct lg__observer *observer = lg__load_acquire(&observers[id]);
        if (!(mask >> id & 1) || !observer)
            continue;
        watch |= observer->taken ? LG__WATCH_ALL : 0;
        watch |= observer->nested ? LG__WATCH_NESTED : 0;
    }
    return watch;
}

bool lg__observe_wants_leases(void)
{
    return watch_of(lg__load_full(&observed)) != 0;
}

static void set_mask(uint32_t mask)
{
    bool is_begin = !lg__observe_wants_leases() && watch_of(mask) != 0;
    if (is_begin)
        lg__store_relaxed(&lg__observe_session, lg__observe_session + 1);
    lg__store_full(&observed, mask);
    lg__context_observe(mask, watch_of(mask));
    if (is_begin && begin_leases)
        begin_leases();
}

void lg__observe_start(enum lg__observer_id id, const struct lg__observer *observer)
{
    lg__raw_lock(&switch_lock);
    lg__store_release(&observers[id], observer);
    if (observer->nested)
        lg__store_relaxed(&lg__observe_nested, observer->nested);
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
    for (uint32_t mask = lg__load_acquire(&(context)->wait.observed); mask != 0;                   \
         mask &= mask - 1) {                                                                       \
        const struct lg__observer *observer = lg__load_acquire(&observers[__builtin_ctz(mask)]);   \
        if (observer->function)                                                                    \
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

void lg__observe_lease(struct lg_context *self, const struct lg__resource_class *class,
                       const void *pool, lg_deadline deadline, const char *place)
{
    struct lg__taking taking = {class, pool, 1, deadline, place};
    TELL(self, taken, self, &taking)
    TELL(self, lease, self, &taking)
}

void lg__observe_lease_end(struct lg_context *self, const void *pool)
{
    TELL(self, released, self, pool)
    TELL(self, lease_end, self, pool)
}

/* Under the pin, as with whoever looks at a wait: else a signaller might move it meanwhile, and what it was for
 * might be gone.  If it has ended already, that may be gone. */
void lg__observe_sleeps(struct lg_context *self)
{
    lg__raw_lock(&self->wait.pin);
    if (self->wait.begun_for && lg__wait_goes_on(&self->wait))
        TELL(self, sleeps, self, &self->wait)
    lg__raw_unlock(&self->wait.pin);
}

/* What has not ended was no wait: it was begun to be explained. */
void lg__observe_waited(struct lg_context *self)
{
    if (self->wait.begun_for &&
        LG__WAIT_STATE(lg__load_relaxed(&self->wait.word)) >= LG__WAIT_GRANTED)
        TELL(self, waited, self, &self->wait)
}

void lg__observe_spun(struct lg_context *self, const struct lg__want *want, uint64_t ns)
{
    TELL(self, spun, self, want, ns)
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
