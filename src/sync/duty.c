/* The table of duties: the theory is in duty.h. */
#include "sync/duty.h"

#include "graph/detector.h"
#include "plat/memory.h"
#include "plat/text.h"

#include <string.h>

#define STRIPES 256
#define LAPSES  256

struct stripe {
    struct lg__raw_lock lock;
    struct lg__duty *first; /* under lock */
} __attribute__((aligned(64)));

/* Who did not do his duty, for reports; of objects whose numbers meet here the latest. */
struct lapse {
    uint64_t serial;        /* under the lock of the stripe with the same index, as all of it */
    const char *place;      /* where the duty was declared */
    char who[LG_NAME_SIZE]; /* copied: its context may be another's soon */
    bool has_ended;         /* else it has withdrawn */
};

_Static_assert(STRIPES == LAPSES, "a stripe's lock is its lapse's");

static struct stripe stripes[STRIPES];
static struct lapse lapses[LAPSES];
static uint64_t last_serial; /* atomic, counter */

static uint32_t index_of(uint64_t serial)
{
    return (uint32_t)(serial % STRIPES);
}

static struct stripe *lock_stripe(uint64_t serial)
{
    struct stripe *stripe = &stripes[index_of(serial)];
    lg__raw_lock(&stripe->lock);
    return stripe;
}

uint64_t lg__duty_serial(uint64_t *serial)
{
    if (*serial == 0)
        lg__store_relaxed(serial, lg__add_relaxed(&last_serial, (uint64_t)1) + 1);
    return *serial;
}

struct lg__duty *lg__duty_make(const void *key, uint64_t holder, uint32_t units, const char *place)
{
    struct lg__duty *duty = lg__alloc(sizeof *duty);
    if (duty)
        *duty = (struct lg__duty){.key = key, .holder = holder, .units = units, .place = place};
    return duty;
}

/* The link that points to a duty; to NULL if there is none.  With the stripe's lock. */
static struct lg__duty **find(struct stripe *stripe, uint64_t serial, uint64_t holder)
{
    struct lg__duty **link = &stripe->first;
    while (*link && ((*link)->serial != serial || (*link)->holder != holder))
        link = &(*link)->next;
    return link;
}

static struct lg__duty *unlink_duty(struct lg__duty **link)
{
    struct lg__duty *duty = *link;
    *link = duty->next;
    return duty;
}

int lg__duty_link(struct lg__duty *duty, uint64_t serial)
{
    duty->serial = serial;
    struct stripe *stripe = lock_stripe(serial);
    struct lg__duty **end = find(stripe, serial, duty->holder);
    bool is_new = *end == NULL;
    if (is_new)
        *end = duty;
    lg__raw_unlock(&stripe->lock);
    return is_new ? LG_OK : LG_EBUSY;
}

/* With the stripe's lock. */
static void note_lapse(const struct lg__duty *duty, const char *who, bool has_ended)
{
    struct lapse *lapse = &lapses[index_of(duty->serial)];
    lapse->serial = duty->serial;
    lapse->place = duty->place;
    lapse->has_ended = has_ended;
    lg__copy_name(lapse->who, sizeof lapse->who, who);
}

/* Whoever is rid of a duty has let go of what others wait for, as by an unlock. */
static void note_let_go(uint64_t holder)
{
    if (lg__self && lg__self->id == holder)
        lg__store_relaxed(&lg__self->has_been_told, 0u);
}

int lg__duty_withdraw(uint64_t serial, uint64_t holder, const char *who, uint32_t *units)
{
    struct stripe *stripe = lock_stripe(serial);
    struct lg__duty **link = find(stripe, serial, holder);
    struct lg__duty *duty = *link ? unlink_duty(link) : NULL;
    if (duty)
        note_lapse(duty, who, false);
    lg__raw_unlock(&stripe->lock);
    if (!duty)
        return LG_EINVAL;
    *units = duty->units;
    lg__free(duty);
    note_let_go(holder);
    return LG_OK;
}

int lg__duty_move(uint64_t serial, uint64_t from, uint64_t to, const char *place)
{
    struct stripe *stripe = lock_stripe(serial);
    struct lg__duty *duty = *find(stripe, serial, from);
    int status = !duty ? LG_EINVAL : *find(stripe, serial, to) ? LG_EBUSY : LG_OK;
    if (status == LG_OK) {
        duty->holder = to;
        duty->place = place;
    }
    lg__raw_unlock(&stripe->lock);
    if (status == LG_OK)
        note_let_go(from);
    return status;
}

void lg__duty_forget(uint64_t serial)
{
    if (serial == 0)
        return;
    struct lg__duty *gone = NULL;
    struct stripe *stripe = lock_stripe(serial);
    struct lg__duty **link = &stripe->first;
    while (*link) {
        if ((*link)->serial != serial) {
            link = &(*link)->next;
            continue;
        }
        struct lg__duty *duty = unlink_duty(link);
        duty->next = gone;
        gone = duty;
    }
    lg__raw_unlock(&stripe->lock);
    while (gone)
        lg__free(unlink_duty(&gone));
}

uint32_t lg__duty_do(uint64_t serial, uint64_t holder, uint32_t units)
{
    struct lg__duty *gone = NULL;
    uint32_t done = 0;
    struct stripe *stripe = lock_stripe(serial);
    struct lg__duty **link = find(stripe, serial, holder);
    if (*link) {
        done = units < (*link)->units ? units : (*link)->units;
        (*link)->units -= done;
        gone = (*link)->units == 0 ? unlink_duty(link) : NULL;
    }
    lg__raw_unlock(&stripe->lock);
    lg__free(gone);
    return done;
}

bool lg__duty_do_round(uint64_t serial, uint64_t holder, uint64_t round)
{
    struct stripe *stripe = lock_stripe(serial);
    struct lg__duty *duty = *find(stripe, serial, holder);
    if (duty)
        duty->done_in = round;
    lg__raw_unlock(&stripe->lock);
    return duty != NULL;
}

bool lg__duty_is_done(uint64_t serial, uint64_t holder, uint64_t round)
{
    struct stripe *stripe = lock_stripe(serial);
    const struct lg__duty *duty = *find(stripe, serial, holder);
    bool is_done = duty && duty->done_in == round;
    lg__raw_unlock(&stripe->lock);
    return is_done;
}

bool lg__duty_is_held_by(uint64_t serial, uint64_t holder)
{
    struct stripe *stripe = lock_stripe(serial);
    bool is_held = *find(stripe, serial, holder) != NULL;
    lg__raw_unlock(&stripe->lock);
    return is_held;
}

struct lg__duty_sum lg__duty_sum(uint64_t serial)
{
    struct lg__duty_sum sum = {0, 0};
    if (serial == 0)
        return sum;
    struct stripe *stripe = lock_stripe(serial);
    for (const struct lg__duty *duty = stripe->first; duty; duty = duty->next)
        if (duty->serial == serial) {
            sum.holders++;
            sum.units += duty->units;
        }
    lg__raw_unlock(&stripe->lock);
    return sum;
}

/* The visit takes no lock: see resource.h, a pin is held. */
void lg__duty_survey(uint64_t serial, uint64_t round, lg__visit *visit, void *arg)
{
    if (serial == 0)
        return;
    bool must_go_on = true;
    struct stripe *stripe = lock_stripe(serial);
    for (const struct lg__duty *duty = stripe->first; duty && must_go_on; duty = duty->next) {
        struct lg__holding holding = {
            .holder = duty->holder,
            .units = duty->units,
            .unit = LG_NO_UNIT,
            .place = duty->place,
        };
        bool is_done = round != 0 && duty->done_in == round;
        if (duty->serial == serial && !is_done)
            must_go_on = visit(arg, &holding);
    }
    lg__raw_unlock(&stripe->lock);
}

void lg__duty_copy_lapse(uint64_t serial, char *out, size_t size)
{
    char place[LG_PLACE_SIZE];
    struct lg__text text;
    struct stripe *stripe = lock_stripe(serial);
    struct lapse lapse = lapses[index_of(serial)];
    lg__raw_unlock(&stripe->lock);
    lg__text_begin(&text, out, size);
    if (lapse.serial != serial) {
        lg__text_add(&text, "somebody who had to has ended");
        return;
    }
    lg__text_add_plain(&text, lapse.who);
    lg__text_add(&text, lapse.has_ended ? " has ended" : " has withdrawn");
    lg__copy_place(place, sizeof place, lapse.place);
    if (place[0]) {
        lg__text_add(&text, ", declared at ");
        lg__text_add_plain(&text, place);
    }
}

void lg__duty_explain(struct lg_context *self, const struct lg__want *want, const char *detail)
{
    struct lg_report *report = lg__report_of(self);
    lg__detector_explain_want(self, want, LG_REPORT_TIMEOUT);
    report->kind = LG_REPORT_BROKEN;
    report->cause = LG_EXHAUSTION_NONE;
    lg__copy_name(report->detail, sizeof report->detail, detail);
}

/* One duty of an ended context, or NULL; from this stripe on. */
static struct lg__duty *find_of(uint64_t holder, uint32_t *stripe)
{
    for (; *stripe < STRIPES; ++*stripe) {
        lg__raw_lock(&stripes[*stripe].lock);
        struct lg__duty *duty = stripes[*stripe].first;
        while (duty && duty->holder != holder)
            duty = duty->next;
        if (duty)
            return duty; /* with the lock */
        lg__raw_unlock(&stripes[*stripe].lock);
    }
    return NULL;
}

/* Between finding it and having both locks, it may have gone: its object was destroyed. */
static void take_away(uint64_t serial, const void *key, uint64_t holder, const char *who)
{
    struct lg__wakes wakes = {0};
    struct lg__duty *duty = NULL;
    struct lg__bucket *bucket = lg__park_lock(key);
    lg__park_wake_all(bucket, key, &wakes); /* D1 */
    struct stripe *stripe = lock_stripe(serial);
    struct lg__duty **link = find(stripe, serial, holder);
    if (*link) {
        duty = unlink_duty(link);
        note_lapse(duty, who, true);
    }
    lg__raw_unlock(&stripe->lock);
    lg__park_unlock(bucket);
    lg__wakes_end(&wakes);
    lg__free(duty);
}

/* The name alone, of a context that has ended. */
static void copy_bare_name(uint64_t holder, char *out)
{
    lg__context_copy_name(holder, out);
    char *tail = strstr(out, "(ended)");
    if (tail == out)
        lg__copy_name(out, LG_NAME_SIZE, "a thread");
    else if (tail)
        tail[-1] = 0;
}

static void end_duties(struct lg_context *context, uint64_t holder)
{
    if (!lg__load_full(&context->has_duties)) /* D3 */
        return;
    char who[LG_NAME_SIZE];
    uint32_t stripe = 0;
    const struct lg__duty *duty;
    copy_bare_name(holder, who);
    while ((duty = find_of(holder, &stripe)) != NULL) {
        uint64_t serial = duty->serial;
        const void *key = duty->key;
        lg__raw_unlock(&stripes[stripe].lock);
        take_away(serial, key, holder, who);
    }
}

void lg__duty_settle(struct lg_context *context, uint64_t holder)
{
    lg__store_full(&context->has_duties, 1u); /* D3 */
    if (!lg__context_is_alive(holder))
        end_duties(context, holder);
}

void lg__duty_fork_prepare(void)
{
    for (uint32_t i = 0; i < STRIPES; i++)
        lg__raw_lock(&stripes[i].lock);
}

void lg__duty_fork_parent(void)
{
    for (uint32_t i = 0; i < STRIPES; i++)
        lg__raw_unlock(&stripes[i].lock);
}

/* The contexts of the others are buried already, which says who they were no longer. */
void lg__duty_fork_child(void)
{
    for (uint32_t i = 0; i < STRIPES; i++) {
        struct lg__duty **link = &stripes[i].first;
        stripes[i].lock = (struct lg__raw_lock){0};
        while (*link) {
            if (lg__context_is_alive((*link)->holder)) {
                link = &(*link)->next;
                continue;
            }
            struct lg__duty *duty = unlink_duty(link);
            note_lapse(duty, "a thread of the parent process", true);
            lg__free(duty);
        }
    }
}

static __attribute__((constructor)) void add_end_hook(void)
{
    lg__end_add(end_duties);
}
