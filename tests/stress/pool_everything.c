/* Everything together: two pools a world, each with options drawn at random, used, shared, nested, given
 * away, left behind by threads that end, cancelled, and all the while cleared, paused, suspended, resized,
 * evicted from and closed.  At the end of a world all is back, and all counts agree with what its users
 * have counted themselves.
 *
 * Most waits have no deadline: a wake that is lost is a test that hangs. */
#include "support/crew.h"
#include "support/null_driver.h"

#include "pool/pool.h"

#include <lifeguard/cancel.h>
#include <lifeguard/mutex.h>

#include <stdlib.h>

#define USERS    6
#define POOLS    2
#define CAPACITY 6
#define DEPTH    3
#define STATUSES 64

struct heard {
    uint32_t types[LG_EVENT_CHECKED_IN + 1]; /* the drainer, then the test */
    uint64_t dropped;
};

/* A pool, and what its users know of it. */
struct part {
    struct null_driver *driver;
    struct lg_pool *pool;
    struct lg_pool_options options;
    uint32_t ended[STATUSES]; /* atomic; checkouts that ended so */
    uint32_t lent;            /* atomic; leases */
    struct heard heard;
};

/* One lease on its way from a giver to the context that holds it by now. */
struct mail {
    uint32_t state; /* atomic; 0: empty, 1: somebody is about it, 2: full */
    struct part *part;
    struct lg_lease lease;
};

struct world;

struct user {
    struct world *world;
    struct support_random random;
    struct lg_context *context; /* atomic */
    struct mail mail;
    pthread_mutex_t token_lock;
    struct lg_cancel *token; /* under token_lock */
    uint32_t holds;          /* leases, locks */
    bool is_in_scope;
};

struct world {
    struct part parts[POOLS];
    struct user users[USERS];
    struct lg_mutex mutex;
    uint32_t rounds;
    uint32_t running; /* atomic; users */
    bool fails, closes, resizes, is_detached;
};

static void wait_a_little(struct support_random *random)
{
    for (uint32_t i = support_below(random, 4); i > 0; i--)
        null_yield();
}

/* ---- Checkouts, and what may come of them. ------------------------------------------------------- */

static bool is_allowed(const struct user *user, const struct part *part, int status,
                       lg_deadline deadline)
{
    switch (status) {
    case LG_OK:
    case LG_EPAUSED:
    case LG_EDEADLK: /* also by a gift, or a mutex */
        return true;
    case LG_EBUSY:
        return deadline == LG_TRY;
    case LG_ETIMEDOUT:
        return (deadline != LG_FOREVER && deadline != LG_TRY) || user->is_in_scope;
    case LG_ECANCELED:
        return user->is_in_scope;
    case LG_ENESTED:
        return part->options.nested == LG_NESTED_FORBID;
    case LG_EOPEN:
        return user->world->fails;
    case LG_ECLOSED:
        return user->world->closes;
    case LG_EINVAL: /* more than there are since a resize */
        return user->world->resizes;
    default:
        return false;
    }
}

static int check_out(struct user *user, struct part *part, uint32_t count, lg_deadline deadline,
                     struct lg_lease *leases)
{
    int status = lg_pool_checkout_many(part->pool, count, deadline, leases);
    __atomic_add_fetch(&part->ended[-status], 1, __ATOMIC_RELAXED);
    if (!is_allowed(user, part, status, deadline)) {
        support_say("unexpected: %s\n", lg_status_name(status));
        abort();
    }
    if (status != LG_OK)
        return status;
    __atomic_add_fetch(&part->lent, count, __ATOMIC_RELAXED);
    user->holds += count;
    for (uint32_t i = 0; part->options.nested != LG_NESTED_SHARE && i < count; i++)
        null_use(part->driver, leases[i].resource, &leases[i]);
    return status;
}

static void leave(struct part *part, const struct lg_lease *lease)
{
    if (part->options.nested != LG_NESTED_SHARE)
        null_drop(part->driver, lease->resource, lease);
}

static void must(int status)
{
    if (status == LG_OK)
        return;
    support_say("refused: %s\n", lg_status_name(status));
    abort();
}

/* ---- Mail. ---------------------------------------------------------------------------------------- */

static bool take_mail(struct mail *mail, uint32_t from)
{
    return __atomic_compare_exchange_n(&mail->state, &from, 1, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

static void read_mail(struct mail *mail)
{
    if (!take_mail(mail, 2))
        return;
    must(lg_pool_checkin(mail->part->pool, &mail->lease));
    __atomic_store_n(&mail->state, 0, __ATOMIC_SEQ_CST);
}

/* Make the lease another user's, who finds it in his mail. */
static bool give_away(struct user *user, struct part *part, struct lg_lease *lease)
{
    struct user *other = &user->world->users[support_below(&user->random, USERS)];
    struct lg_context *context = __atomic_load_n(&other->context, __ATOMIC_SEQ_CST);
    if (!context || other == user || part->options.detached || !take_mail(&other->mail, 0))
        return false;
    other->mail.part = part;
    other->mail.lease = *lease;
    must(lg_lease_give(lease, context));
    __atomic_store_n(&other->mail.state, 2, __ATOMIC_SEQ_CST);
    return true;
}

/* ---- Users. --------------------------------------------------------------------------------------- */

static void give_back(struct user *user, struct part *part, struct lg_lease *lease)
{
    struct support_random *random = &user->random;
    bool is_shared = part->options.nested == LG_NESTED_SHARE;
    struct lg_lease copy = *lease;
    leave(part, lease);
    user->holds--;
    if (!is_shared && support_chance(random, 5) && give_away(user, part, lease))
        return;
    if (!is_shared && support_chance(random, 5))
        must(lg_lease_detach(lease));
    if (!is_shared && support_chance(random, 5))
        must(lg_lease_adopt(lease));
    must(support_chance(random, 3) ? lg_pool_discard(part->pool, lease)
                                   : lg_pool_checkin(part->pool, lease));
    if (support_chance(random, 3) && lg_pool_checkin(part->pool, &copy) != LG_ESTALE)
        abort();
}

/* Where leases are nobody's, no deadlock is seen: who holds something must not wait for ever. */
static lg_deadline some_deadline(struct user *user)
{
    uint32_t kind = support_below(&user->random, 10);
    if (kind == 0)
        return LG_TRY;
    return kind < 3 || (user->world->is_detached && user->holds > 0) ? lg_after_ms(1) : LG_FOREVER;
}

static uint32_t some_count(struct user *user, const struct part *part)
{
    bool is_one = part->options.nested == LG_NESTED_SHARE || !support_chance(&user->random, 30);
    return is_one ? 1 : 1 + support_below(&user->random, part->options.capacity);
}

static void visit(struct user *user, uint32_t depth);

static void visit_pool(struct user *user, uint32_t depth)
{
    struct part *part = &user->world->parts[support_below(&user->random, POOLS)];
    struct lg_lease leases[CAPACITY];
    uint32_t count = some_count(user, part);
    if (check_out(user, part, count, some_deadline(user), leases) != LG_OK)
        return;
    support_spin(&user->random, 2000);
    if (support_chance(&user->random, 30))
        wait_a_little(&user->random);
    if (depth < DEPTH && support_chance(&user->random, 30))
        visit(user, depth + 1);
    for (uint32_t i = 0; i < count; i++)
        give_back(user, part, &leases[i]);
}

static void visit_mutex(struct user *user, uint32_t depth) LG_NO_THREAD_SAFETY_ANALYSIS
{
    lg_deadline deadline = some_deadline(user);
    if (lg_mutex_lock(&user->world->mutex, deadline) != LG_OK)
        return;
    user->holds++;
    support_spin(&user->random, 1000);
    visit_pool(user, depth);
    user->holds--;
    lg_mutex_unlock(&user->world->mutex);
}

static void visit(struct user *user, uint32_t depth)
{
    if (support_chance(&user->random, 10))
        visit_mutex(user, depth);
    else
        visit_pool(user, depth);
}

static void set_token(struct user *user, struct lg_cancel *token)
{
    pthread_mutex_lock(&user->token_lock);
    user->token = token;
    pthread_mutex_unlock(&user->token_lock);
}

static void visit_in_scope(struct user *user)
{
    struct lg_cancel *token;
    struct lg_cancel_scope scope;
    must(lg_cancel_create(NULL, support_chance(&user->random, 30) ? lg_after_ms(1) : LG_FOREVER,
                          &token));
    must(lg_cancel_enter(token, &scope));
    user->is_in_scope = true;
    set_token(user, token);
    for (int i = 0; i < 4; i++)
        visit(user, 0);
    set_token(user, NULL);
    lg_cancel_leave(&scope);
    user->is_in_scope = false;
    lg_cancel_destroy(token);
}

/* Again and again the same: a bias. */
static void stay(struct user *user)
{
    struct part *part = &user->world->parts[support_below(&user->random, POOLS)];
    struct lg_lease lease;
    for (uint32_t i = support_below(&user->random, 200); i > 0; i--) {
        if (check_out(user, part, 1, some_deadline(user), &lease) != LG_OK)
            return;
        leave(part, &lease);
        must(lg_pool_checkin(part->pool, &lease));
        user->holds--;
    }
}

/* A thread that ends with what it has borrowed. */
static void *die(void *arg)
{
    struct user *user = arg;
    struct part *part = &user->world->parts[support_below(&user->random, POOLS)];
    struct lg_lease leases[CAPACITY];
    uint32_t count = some_count(user, part);
    if (!part->options.reclaim_orphans || part->options.detached ||
        check_out(user, part, count, lg_after_ms(2), leases) != LG_OK)
        return NULL;
    user->holds -= count;
    for (uint32_t i = 0; i < count; i++)
        leave(part, &leases[i]);
    return NULL;
}

static void mourn(struct user *user)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, die, user) == 0)
        pthread_join(thread, NULL);
}

static int live(void *arg)
{
    struct user *user = arg;
    __atomic_store_n(&user->context, lg_context_self(), __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < user->world->rounds; i++) {
        uint32_t kind = support_below(&user->random, 100);
        read_mail(&user->mail);
        if (kind < 2)
            mourn(user);
        else if (kind < 10)
            stay(user);
        else if (kind < 25)
            visit_in_scope(user);
        else
            visit(user, 0);
    }
    __atomic_sub_fetch(&user->world->running, 1, __ATOMIC_SEQ_CST);
    return (int)user->holds;
}

/* ---- Who meddles. --------------------------------------------------------------------------------- */

static void allow(const struct world *world, int status)
{
    if (status != LG_ESTALE && (status != LG_ECLOSED || !world->closes))
        must(status);
}

static void read_counts(const struct part *part)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    struct lg_pool_advice advice = LG_POOL_ADVICE_INIT;
    struct lg_lease_info infos[2];
    must(lg_pool_stats(part->pool, &stats));
    must(lg_pool_advice(part->pool, &advice));
    uint64_t out = stats.lent - stats.returned;
    if (stats.lent_now > CAPACITY || out < stats.lent_now ||
        (part->options.nested != LG_NESTED_SHARE && out != stats.lent_now) ||
        stats.idle + stats.lent_now + stats.opening > CAPACITY || stats.lent_most > CAPACITY ||
        lg_pool_holders(part->pool, infos, 2) > CAPACITY) {
        support_say("absurd counts\n");
        abort();
    }
}

static void request_some(struct world *world, struct support_random *random)
{
    struct user *user = &world->users[support_below(random, USERS)];
    pthread_mutex_lock(&user->token_lock);
    lg_cancel_request(user->token);
    pthread_mutex_unlock(&user->token_lock);
}

static void suspend(struct world *world, struct part *part, struct support_random *random)
{
    allow(world, lg_pool_suspend(part->pool));
    wait_a_little(random);
    if (support_chance(random, 20))
        allow(world, lg_pool_clear(part->pool, support_below(random, 4)));
    allow(world, lg_pool_resume(part->pool));
    allow(world, lg_pool_ready(part->pool));
}

static void clear(struct world *world, struct part *part, struct support_random *random)
{
    allow(world, lg_pool_clear(part->pool, support_below(random, 4)));
    wait_a_little(random);
    allow(world, lg_pool_ready(part->pool));
}

static void evict(struct world *world, struct part *part, struct support_random *random)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    must(lg_pool_stats(part->pool, &stats));
    uint64_t latest = stats.opened + stats.open_failures + stats.opening;
    uint64_t id = latest + 1 - support_below(random, (uint32_t)latest + 1);
    allow(world, lg_pool_evict(part->pool, id, support_below(random, 2)));
}

static void fail_some(struct world *world, struct part *part, struct support_random *random)
{
    if (!world->fails)
        return;
    null_set(part->driver, fail_opens, support_below(random, 3));
    null_set(part->driver, fail_checks, support_below(random, 3));
    null_set(part->driver, fail_resets, support_below(random, 3));
}

static void resize(struct world *world, struct part *part, struct support_random *random)
{
    uint32_t capacity = 1 + support_below(random, CAPACITY);
    if (world->resizes)
        allow(world, lg_pool_resize(part->pool, support_below(random, capacity + 1), capacity));
}

static void meddle_once(struct world *world, struct support_random *random)
{
    struct part *part = &world->parts[support_below(random, POOLS)];
    switch (support_below(random, 9)) {
    case 0:
        suspend(world, part, random);
        break;
    case 1:
        clear(world, part, random);
        break;
    case 2:
        fail_some(world, part, random);
        break;
    case 3:
        request_some(world, random);
        break;
    case 4:
        read_counts(part);
        break;
    case 5:
        if (world->closes && support_chance(random, 2))
            (void)lg_pool_close(part->pool, lg_after_ms(1), NULL, 0, NULL);
        break;
    case 6:
        resize(world, part, random);
        break;
    default:
        evict(world, part, random);
    }
}

struct meddler {
    struct world *world;
    struct support_random random;
};

static int meddle(void *arg)
{
    struct meddler *meddler = arg;
    while (__atomic_load_n(&meddler->world->running, __ATOMIC_SEQ_CST) > 0) {
        meddle_once(meddler->world, &meddler->random);
        wait_a_little(&meddler->random);
    }
    return 0;
}

/* ---- A world. ------------------------------------------------------------------------------------- */

static void hear(void *arg, const struct lg_pool_event *event)
{
    struct heard *heard = arg;
    heard->types[event->type]++;
    heard->dropped += event->dropped;
}

static uint32_t sometimes(struct support_random *random, uint32_t percent, uint32_t value)
{
    return support_chance(random, percent) ? value : 0;
}

static void draw_times(struct support_random *random, struct lg_pool_options *options)
{
    static const uint64_t overtakings[] = {0, 1, 100, 1000};
    options->overtaking_us = overtakings[support_below(random, 4)];
    options->check_after_ms = sometimes(random, 50, 1);
    options->idle_timeout_ms = sometimes(random, 20, 1 + support_below(random, 30));
    options->lifetime_ms = sometimes(random, 30, 1 + support_below(random, 20));
    options->keepalive_ms = sometimes(random, 30, 1 + support_below(random, 5));
    options->period_ms = support_chance(random, 85) ? 1 : LG_PERIOD_NEVER;
}

static void draw_options(struct support_random *random, struct lg_pool_options *options)
{
    *options = (struct lg_pool_options)LG_POOL_OPTIONS_INIT;
    options->capacity = 1 + support_below(random, CAPACITY);
    options->min_size = sometimes(random, 40, support_below(random, options->capacity + 1));
    options->opening_max = 1 + support_below(random, 3);
    options->nested =
        support_chance(random, 70) ? LG_NESTED_DETECT : (enum lg_nested)support_below(random, 3);
    options->growth = (enum lg_growth)support_below(random, 2);
    options->order =
        support_chance(random, 60) ? LG_ORDER_AFFINE : (enum lg_order)support_below(random, 3);
    options->detached = sometimes(random, 10, 1);
    options->reclaim_orphans = sometimes(random, 50, 1);
    options->unbiased = sometimes(random, 20, 1);
    options->closes_per_pass = 1 + support_below(random, 3);
    draw_times(random, options);
}

static void begin_part(struct world *world, struct part *part, struct support_random *random)
{
    part->driver = null_begin();
    draw_options(random, &part->options);
    part->options.clear_on_open_failure = world->fails && support_chance(random, 20);
    if (support_chance(random, 50))
        part->driver->table.reset = NULL;
    if (support_chance(random, 30))
        part->driver->table.check = NULL;
    if (support_chance(random, 40)) {
        part->options.on_event = hear;
        part->options.on_event_arg = &part->heard;
        part->options.event_room = 1u << 14;
    }
    world->is_detached |= part->options.detached;
    part->pool = null_pool(part->driver, &part->options);
}

static void begin_world(struct world *world, struct support_random *random, uint64_t number)
{
    *world = (struct world){.mutex = LG_MUTEX_INIT("m"), .rounds = SUPPORT_ROUNDS(1200u)};
    world->fails = support_chance(random, 40);
    world->closes = support_chance(random, 20);
    world->resizes = support_chance(random, 50);
    world->running = USERS;
    for (uint32_t i = 0; i < POOLS; i++)
        begin_part(world, &world->parts[i], random);
    for (uint32_t i = 0; i < USERS; i++) {
        world->users[i].world = world;
        pthread_mutex_init(&world->users[i].token_lock, NULL);
        support_random_begin(&world->users[i].random, number * 100 + i);
    }
}

/* Nobody waits, nothing is promised. */
static void assert_at_rest(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    assert_null(pool->queue.first);
    assert_int_equal(pool->queue.count, 0);
    assert_int_equal(pool->queue.units, 0);
    assert_int_equal(pool->queue.many, 0);
    assert_int_equal(pool->on_way, 0);
    assert_int_equal(pool->patient, 0);
    assert_null(pool->closers.first);
    assert_null(pool->interrupts);
    lg__raw_unlock(&pool->lock);
}

static void assert_failures(const struct part *part, const struct lg_pool_stats *stats)
{
    assert_int_equal(stats->timeouts, part->ended[-LG_ETIMEDOUT]);
    assert_int_equal(stats->deadlocks, part->ended[-LG_EDEADLK]);
    assert_int_equal(stats->cancelled, part->ended[-LG_ECANCELED]);
    assert_int_equal(stats->refused_busy, part->ended[-LG_EBUSY]);
    assert_int_equal(stats->refused_nested, part->ended[-LG_ENESTED]);
    assert_int_equal(stats->refused_closed, part->ended[-LG_ECLOSED]);
    assert_int_equal(stats->refused_open, part->ended[-LG_EOPEN]);
    assert_int_equal(stats->refused_paused, part->ended[-LG_EPAUSED]);
}

static void assert_heard(const struct heard *heard, uint32_t lent)
{
    const uint32_t *types = heard->types;
    if (heard->dropped > 0)
        return;
    assert_int_equal(types[LG_EVENT_CHECKOUT_STARTED],
                     types[LG_EVENT_CHECKED_OUT] + types[LG_EVENT_CHECKOUT_FAILED]);
    assert_int_equal(types[LG_EVENT_CHECKED_OUT], lent);
    assert_int_equal(types[LG_EVENT_CHECKED_IN], lent);
    assert_int_equal(types[LG_EVENT_RESOURCE_CREATED], types[LG_EVENT_RESOURCE_CLOSED]);
    assert_int_equal(types[LG_EVENT_POOL_CLOSED], 1);
}

static void audit(struct part *part)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    assert_status(lg_pool_close(part->pool, LG_FOREVER, NULL, 0, NULL), LG_OK);
    assert_at_rest(part->pool);
    assert_status(lg_pool_stats(part->pool, &stats), LG_OK);
    assert_int_equal(stats.lent, part->lent);
    assert_int_equal(stats.returned, part->lent);
    assert_failures(part, &stats);
    assert_int_equal(stats.closed, stats.closed_stale + stats.closed_idle + stats.closed_error +
                                       stats.closed_at_end + stats.closed_lifetime +
                                       stats.closed_evicted + stats.closed_surplus);
    null_end(part->driver, part->pool);
    if (part->options.on_event)
        assert_heard(&part->heard, part->lent);
}

static void end_world(struct world *world)
{
    for (uint32_t i = 0; i < USERS; i++) {
        struct mail *mail = &world->users[i].mail;
        if (mail->state == 2)
            assert_status(lg_lease_adopt(&mail->lease), LG_OK);
        read_mail(mail);
        pthread_mutex_destroy(&world->users[i].token_lock);
    }
    for (uint32_t i = 0; i < POOLS; i++)
        audit(&world->parts[i]);
    lg_mutex_destroy(&world->mutex);
}

static void run_world(struct support_random *random, uint64_t number)
{
    struct world world;
    struct crew_worker *workers[USERS], *other = crew_hire("meddler");
    struct meddler meddler = {.world = &world};
    begin_world(&world, random, number);
    support_random_begin(&meddler.random, number * 100 + USERS);
    for (uint32_t i = 0; i < USERS; i++)
        workers[i] = crew_hire_numbered("user-", i);
    for (uint32_t i = 0; i < USERS; i++)
        crew_run(workers[i], live, &world.users[i]);
    crew_run(other, meddle, &meddler);
    for (uint32_t i = 0; i < USERS; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    assert_int_equal(crew_wait(other), 0);
    end_world(&world);
    crew_leave(other);
    for (uint32_t i = 0; i < USERS; i++)
        crew_leave(workers[i]);
}

#define WORLDS 4

static void everything(void **state)
{
    static uint64_t streams;
    struct support_random random;
    (void)state;
    support_log_begin(LG_LOG_INFO);
    for (int i = 0; i < WORLDS; i++) {
        support_random_begin(&random, 1000000 + ++streams);
        run_world(&random, streams);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(everything), SUPPORT_TEST(everything), SUPPORT_TEST(everything),
        SUPPORT_TEST(everything), SUPPORT_TEST(everything), SUPPORT_TEST(everything),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
