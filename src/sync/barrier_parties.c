/* Who belongs to a barrier, and what can be asked and told from outside: the theory is in barrier.c. */
#include "sync/barrier.h"

#include "plat/memory.h"

static uint64_t own_id(void)
{
    const struct lg_context *self = lg__context_self();
    return self ? self->id : 0;
}

void lg_barrier_abort(struct lg_barrier *barrier)
{
    struct lg__wakes wakes;
    if (!barrier)
        return;
    wakes.count = 0;
    uint64_t id = own_id();
    struct lg__bucket *bucket = lg__park_lock(barrier);
    lg__barrier_catch_up(barrier, bucket, &wakes);
    if (barrier->state != LG__BARRIER_BROKEN)
        lg__barrier_break(barrier, bucket, LG__CAUSE_ABORT, id, &wakes);
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
}

void lg_barrier_reset(struct lg_barrier *barrier)
{
    struct lg__wakes wakes;
    if (!barrier)
        return;
    wakes.count = 0;
    uint64_t id = own_id();
    struct lg__bucket *bucket = lg__park_lock(barrier);
    lg__barrier_catch_up(barrier, bucket, &wakes);
    if (barrier->state != LG__BARRIER_BROKEN)
        lg__barrier_break(barrier, bucket, LG__CAUSE_RESET, id, &wakes);
    barrier->registered = lg__duty_sum(barrier->serial).holders;
    lg__barrier_begin_round(barrier);
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
}

int lg_barrier_is_broken(const struct lg_barrier *barrier)
{
    if (!barrier)
        return 0;
    struct lg__bucket *bucket = lg__park_lock(barrier);
    bool is_broken =
        barrier->state == LG__BARRIER_BROKEN ||
        (barrier->registered > 0 && lg__duty_sum(barrier->serial).holders != barrier->registered);
    lg__park_unlock(bucket);
    return is_broken;
}

uint32_t lg_barrier_waiting(const struct lg_barrier *barrier)
{
    if (!barrier)
        return 0;
    struct lg__bucket *bucket = lg__park_lock(barrier);
    bool is_of_now = barrier->era == lg__park_era();
    uint32_t arrived = is_of_now ? barrier->arrived : 0;
    lg__park_unlock(bucket);
    return arrived;
}

uint32_t lg_barrier_parties(const struct lg_barrier *barrier)
{
    return barrier ? lg__load_relaxed(&barrier->parties) : 0;
}

/* With the bucket's lock and all waits ended (D1). */
static int add_party(struct lg_barrier *barrier, struct lg__duty *duty)
{
    int status = lg__duty_link(duty, lg__duty_serial(&barrier->serial));
    if (status != LG_OK)
        return status;
    if (barrier->registered + barrier->unnamed >= barrier->parties)
        lg__store_relaxed(&barrier->parties, barrier->parties + 1);
    barrier->registered++;
    return LG_OK;
}

int lg_barrier_register_at(struct lg_barrier *barrier, struct lg_context *context,
                           const char *place)
{
    struct lg__wakes wakes;
    if (!barrier)
        return LG_EINVAL;
    if (!context)
        context = lg__context_self();
    uint64_t id = context ? lg__load_full(&context->id) : 0;
    if (id == 0)
        return context ? LG_EINVAL : LG_ENOMEM;
    struct lg__duty *duty = lg__duty_make(lg__barrier_key(barrier), id, 1, place);
    if (!duty)
        return LG_ENOMEM;
    wakes.count = 0;
    struct lg__bucket *bucket = lg__park_lock(barrier);
    lg__barrier_catch_up(barrier, bucket, &wakes);
    lg__park_wake_all(bucket, lg__barrier_key(barrier), &wakes); /* D1 */
    int status = add_party(barrier, duty);
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
    if (status == LG_OK)
        lg__duty_settle(context, id);
    else
        lg__free(duty);
    return status;
}

/* With the bucket's lock. */
static int remove_party(struct lg_barrier *barrier, struct lg__bucket *bucket, uint64_t id,
                        const char *who, struct lg__wakes *wakes)
{
    uint32_t units;
    bool is_broken = barrier->state == LG__BARRIER_BROKEN;
    if (!is_broken && lg__duty_is_done(barrier->serial, id, barrier->round + 1))
        return LG_EBUSY;
    if (barrier->state == LG__BARRIER_ACTING && barrier->breaker == id)
        return LG_EBUSY;
    lg__park_wake_all(bucket, lg__barrier_key(barrier), wakes); /* D1 */
    int status = lg__duty_withdraw(barrier->serial, id, who, &units);
    if (status == LG_OK) {
        barrier->registered--;
        lg__store_relaxed(&barrier->parties, barrier->parties - 1);
    }
    return status;
}

int lg_barrier_unregister(struct lg_barrier *barrier, struct lg_context *context)
{
    struct lg__wakes wakes;
    char who[LG_NAME_SIZE];
    struct lg_context *self = lg__context_self();
    uint64_t id = 0;
    if (barrier && self)
        id = lg__load_full(context ? &context->id : &self->id);
    if (id == 0)
        return LG_EINVAL;
    wakes.count = 0;
    lg__context_copy_name(id, who); /* it may take a pin */
    struct lg__bucket *bucket = lg__park_lock(barrier);
    lg__barrier_catch_up(barrier, bucket, &wakes);
    int status = remove_party(barrier, bucket, id, who, &wakes);
    bool is_full = status == LG_OK && barrier->state == LG__BARRIER_FILLING &&
                   barrier->arrived > 0 && barrier->arrived == barrier->parties;
    if (is_full)
        status = lg__barrier_complete(self, barrier, bucket, &wakes);
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
    return status;
}
