/* Leak reports: what is said of a lease that is out for too long, once, and when it is back. */
#include "pool/tick.h"
#include "support/locks.h"
#include "support/owners.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- What was said ------------------------------------------------------------------------------ */

#define SAID_MAX 128

struct said {
    enum lg_log_level level;
    char code[32];
    char text[700];
    char fields[700]; /* "key=value;" each */
};

static pthread_mutex_t said_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct said said[SAID_MAX]; /* under said_mutex */
static uint32_t said_count;        /* as said */
static char
    pool_name[LG_NAME_SIZE]; /* as said; only of this one: another keeper may be on its way out */
static lg_log_callback *follow_up; /* as said; called after an event was kept */

static void keep(void *arg, const struct lg_log_event *event)
{
    struct said one = {.level = event->level};
    char own[LG_NAME_SIZE + 8];
    size_t used = 0;
    snprintf(one.code, sizeof one.code, "%s", event->code);
    snprintf(one.text, sizeof one.text, "%s", event->text);
    for (size_t i = 0; i < event->field_count && used < sizeof one.fields; i++)
        used += (size_t)snprintf(one.fields + used, sizeof one.fields - used, "%s=%s;",
                                 event->fields[i].key, event->fields[i].value);
    pthread_mutex_lock(&said_mutex);
    snprintf(own, sizeof own, "pool=%s;", pool_name);
    bool is_ours = strncmp(one.fields, own, strlen(own)) == 0;
    if (is_ours && said_count < SAID_MAX)
        said[said_count++] = one;
    lg_log_callback *next = is_ours ? follow_up : NULL;
    pthread_mutex_unlock(&said_mutex);
    if (next)
        next(arg, event);
}

/* How many events have this code, and this in their fields. */
static uint32_t count_said(const char *code, const char *field)
{
    uint32_t count = 0;
    pthread_mutex_lock(&said_mutex);
    for (uint32_t i = 0; i < said_count; i++)
        count += strcmp(said[i].code, code) == 0 && (!field || strstr(said[i].fields, field));
    pthread_mutex_unlock(&said_mutex);
    return count;
}

/* The latest with this code, once there are so many of them. */
static struct said wait_said(const char *code, uint32_t count)
{
    struct said latest = {0};
    NULL_WAIT_UNTIL(count_said(code, NULL) >= count);
    assert_int_equal(count_said(code, NULL), count);
    pthread_mutex_lock(&said_mutex);
    for (uint32_t i = 0; i < said_count; i++)
        if (strcmp(said[i].code, code) == 0)
            latest = said[i];
    pthread_mutex_unlock(&said_mutex);
    return latest;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in: %s", part, text);
}

/* ---- Pools that report --------------------------------------------------------------------------- */

static struct lg_pool_options listen_to(lg_log_callback *callback, void *arg)
{
    static unsigned pools;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    support_log_begin(LG_LOG_INFO); /* so that the end of the test takes our callback away */
    pthread_mutex_lock(&said_mutex);
    said_count = 0;
    follow_up = callback;
    snprintf(pool_name, sizeof pool_name, "db-%u", ++pools);
    pthread_mutex_unlock(&said_mutex);
    lg_log_set(LG_LOG_INFO, keep, arg);
    options.name = pool_name;
    options.leak_after_ms = 100 * NULL_CHECK_MS; /* null_age is longer ago; no test takes so long */
    options.check_after_ms = 100 * NULL_CHECK_MS;
    options.period_ms = 1;
    options.capacity = 3;
    return options;
}

static struct lg_pool_options reporting(void)
{
    return listen_to(NULL, NULL);
}

static bool has_keeper(struct lg_pool *pool)
{
    lg__raw_lock(&pool->lock);
    bool has_one = pool->has_keeper;
    lg__raw_unlock(&pool->lock);
    return has_one;
}

/* A loan whose holder may vanish: the owner word is left alone. */
static struct loan careless(struct null_driver *driver, struct lg_pool *pool)
{
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    loan.is_untouched = 1;
    return loan;
}

static void age(const struct loan *loan)
{
    lg__store_relaxed(&loan->pool->slots[loan->lease.slot].since_ms,
                      (uint32_t)lg__tick_now_ms() - 1000000000);
}

/* When this returns, the keeper has looked at all leases at least once: a pass that reported one more,
 * and a later one that found it back, have a whole round between them. */
static void let_it_look(struct null_driver *driver, struct lg_pool *pool)
{
    struct loan fence = careless(driver, pool);
    char field[32];
    assert_status(loan_checkout(&fence), LG_OK);
    snprintf(field, sizeof field, "resource=%u;", lg_lease_id(&fence.lease));
    uint32_t before = count_said("leak", field);
    uint32_t before_back = count_said("leak-returned", field);
    age(&fence);
    NULL_WAIT_UNTIL(count_said("leak", field) > before);
    assert_status(loan_checkin(&fence), LG_OK);
    NULL_WAIT_UNTIL(count_said("leak-returned", field) > before_back);
}

/* ---- One lease ----------------------------------------------------------------------------------- */

static void it_is_said_once_and_when_it_is_back(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *a = crew_hire("hoarder");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    assert_int_equal(stats_of(pool).leaking_now, 0);
    null_age(pool);
    struct said leak = wait_said("leak", 1);
    assert_int_equal(leak.level, LG_LOG_WARN);
    assert_has(leak.text, pool_name);
    assert_has(leak.text, "(resource #1) held by hoarder, taken at ");
    assert_has(leak.text, "null_driver.c:");
    assert_has(leak.text, ", has been out for 10000");
    assert_has(leak.text, "; its holder runs (thread ");
    assert_has(leak.fields, ";resource=1;slot=0;holder=hoarder;taken=");
    assert_has(leak.fields, ";held_ms=10000");
    assert_has(leak.fields, ";state=runs;thread=");
    assert_int_equal(stats_of(pool).leaking_now, 1);
    assert_int_equal(stats_of(pool).leaks_reported, 1);
    let_it_look(driver, pool);
    assert_status(crew_do(a, loan_detach, &loan), LG_OK); /* it is the same loan */
    let_it_look(driver, pool);
    assert_status(loan_adopt(&loan), LG_OK);
    let_it_look(driver, pool);
    assert_int_equal(count_said("leak", "resource=1;"), 1);
    assert_int_equal(count_said("leak-returned", "resource=1;"), 0);
    assert_status(loan_checkin(&loan), LG_OK);
    NULL_WAIT_UNTIL(count_said("leak-returned", "resource=1;") == 1);
    struct said back = wait_said("leak-returned", 4);
    assert_int_equal(back.level, LG_LOG_INFO);
    assert_has(back.text, "(resource #1) held by hoarder, taken at ");
    assert_has(back.text, ", is back after 10000");
    assert_has(back.fields, ";resource=1;slot=0;holder=hoarder;taken=");
    assert_has(back.fields, ";held_ms=10000");
    assert_int_equal(stats_of(pool).leaking_now, 0);
    assert_int_equal(stats_of(pool).leaks_reported, 4);
    null_end(driver, pool);
}

/* A later loan of the same slot is another: the first is said to be back, though it is out again. */
static void the_next_loan_is_another(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    options.capacity = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_status(loan_checkout(&loan), LG_OK);
        if (i > 1)
            (void)wait_said("leak-returned", i - 1);
        assert_int_equal(count_said("leak", NULL), i - 1);
        null_age(pool);
        (void)wait_said("leak", i);
        assert_status(loan_checkin(&loan), LG_OK);
    }
    (void)wait_said("leak-returned", 3);
    null_end(driver, pool);
}

static void all_shares_are_one_loan(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    options.nested = LG_NESTED_SHARE;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *a = crew_hire("A");
    struct loan first = careless(driver, pool), second = first;
    assert_status(crew_do(a, loan_checkout, &first), LG_OK);
    assert_status(crew_do(a, loan_checkout, &second), LG_OK);
    null_age(pool);
    (void)wait_said("leak", 1);
    assert_status(crew_do(a, loan_checkin, &first), LG_OK);
    let_it_look(driver, pool);
    assert_int_equal(count_said("leak", "resource=1;"), 1);
    assert_int_equal(count_said("leak-returned", "resource=1;"), 0);
    assert_status(crew_do(a, loan_checkin, &second), LG_OK);
    NULL_WAIT_UNTIL(count_said("leak-returned", "resource=1;") == 1);
    null_end(driver, pool);
}

static void a_biased_one_is_reported_too(void **state)
{
    (void)state;
    skip_without_barrier();
    struct null_driver *driver = bias_driver();
    struct lg_pool_options options = reporting();
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *a = hire_owner("owner", driver, pool);
    struct streak streak = streak_of(driver, pool, 1000);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    for (uint32_t i = 1; i <= 2; i++) {
        assert_status(crew_do(a, earn, &streak), LG_OK);
        streak.count = 1000;
        assert_status(crew_do(a, take_in_turn, &streak), LG_OK);
        assert_int_equal(biased(pool), 1);
        assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
        assert_int_equal(count_said("leak", NULL), i - 1);
        null_age(pool);
        struct said leak = wait_said("leak", i);
        assert_has(leak.fields, ";holder=owner;");
        assert_int_equal(biased(pool), 0);
        assert_status(crew_do(a, loan_checkin, &loan), LG_OK);
        (void)wait_said("leak-returned", i);
    }
    null_end(driver, pool);
}

/* ---- What the holder does ------------------------------------------------------------------------ */

static void a_blocked_holder_s_wait_is_named(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    struct lg_pool *pool = null_pool(driver, &options);
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("stuck");
    struct lock_until lock = {&mutex, LG_FOREVER, "f.c:12"};
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_int_equal(step_lock(&mutex), LG_OK);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    crew_run(a, step_lock_until, &lock);
    crew_wait_blocked_on(a, &mutex);
    null_age(pool);
    struct said leak = wait_said("leak", 1);
    assert_has(leak.text, "; its holder waits for mutex \"m\" at f.c:12 since ");
    assert_has(leak.fields, ";state=waits;waits_noun=mutex;waits_name=m;waits_place=f.c:12;"
                            "waited_ms=");
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_unlock, &mutex), LG_OK);
    assert_status(crew_do(a, loan_checkin, &loan), LG_OK);
    (void)wait_said("leak-returned", 1);
    null_end(driver, pool);
}

static void a_detached_lease_is_nobody_s(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    options.detached = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(loan_checkout(&loan), LG_OK);
    null_age(pool);
    struct said leak = wait_said("leak", 1);
    assert_has(leak.text, " held by (detached), taken at ");
    assert_has(leak.text, ", has been out for 10000");
    assert_has(leak.fields, ";holder=(detached);");
    assert_has(leak.fields, ";state=detached;");
    assert_status(loan_checkin(&loan), LG_OK);
    (void)wait_said("leak-returned", 1);
    null_end(driver, pool);
}

static void an_orphan_s_holder_has_ended(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *a = crew_hire("mortal");
    struct loan loan = careless(driver, pool);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    crew_leave(a);
    let_it_look(driver, pool);
    assert_int_equal(count_said("leak", "resource=1;"), 0); /* it is not old */
    null_age(pool);
    struct said leak = wait_said("leak", 2); /* with that of the look */
    assert_has(leak.text, " held by mortal (ended), taken at ");
    assert_has(leak.text, "; its holder has ended");
    assert_has(leak.fields, ";state=ended;");
    let_it_look(driver, pool);
    assert_int_equal(count_said("leak", "resource=1;"), 1);
    assert_status(loan_checkin(&loan), LG_OK);
    NULL_WAIT_UNTIL(count_said("leak-returned", "resource=1;") == 1);
    null_end(driver, pool);
}

/* What was reported while its holder lived, and is taken back when that ends. */
static void a_reclaimed_one_is_back(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    options.reclaim_orphans = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *a = crew_hire("mortal");
    struct loan loan = careless(driver, pool);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    null_age(pool);
    (void)wait_said("leak", 1);
    crew_leave(a);
    struct said back = wait_said("leak-returned", 1);
    assert_has(back.fields, ";holder=mortal (ended);");
    assert_int_equal(count_said("leak", NULL), 1);
    null_end(driver, pool);
}

static int step_detach(void *arg)
{
    *(struct lg_context **)arg = lg_context_detach();
    return LG_OK;
}

static void a_parked_holder_is_on_no_thread(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *a = crew_hire("coroutine");
    struct lg_context *context = NULL;
    struct loan loan = careless(driver, pool);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    assert_int_equal(crew_do(a, step_detach, &context), LG_OK);
    null_age(pool);
    struct said leak = wait_said("leak", 1);
    assert_has(leak.text, " held by coroutine, taken at ");
    assert_has(leak.text, "; its holder is detached from its thread");
    assert_has(leak.fields, ";state=parked;");
    assert_status(lg_context_resume(context), LG_OK);
    assert_status(loan_checkin(&loan), LG_OK);
    (void)wait_said("leak-returned", 1);
    null_end(driver, pool);
}

/* Where leases wander without a word, who took one may be busy with something else. */
static void a_wandering_one_s_user_is_not_known(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *a = crew_hire("A");
    struct loan loan = careless(driver, pool);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    assert_status(loan_checkin(&loan), LG_OK); /* A's */
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    null_age(pool);
    struct said leak = wait_said("leak", 1);
    assert_has(leak.text, " held by A, taken at ");
    assert_has(leak.text, "; who uses it now is not known");
    assert_has(leak.fields, ";state=unknown;");
    assert_status(crew_do(a, loan_checkin, &loan), LG_OK);
    (void)wait_said("leak-returned", 1);
    null_end(driver, pool);
}

/* ---- Many ---------------------------------------------------------------------------------------- */

/* One hour between passes: they come when the test wants them. */
static void so_many_a_pass(void **state)
{
    (void)state;
    enum { MANY = 2 * LG__LEAKS_A_PASS + 5 };
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    options.capacity = MANY;
    options.period_ms = 1000 * 60 * 60;
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan loans[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&loans[i]), LG_OK);
    }
    null_wait_no_openers(pool); /* of which one may kick: none is to come in between */
    uint32_t last = 0;
    while (loans[last].lease.slot != MANY - 1)
        last++;
    age(&loans[last]);
    assert_true(lg__keeper_kick(pool));
    (void)wait_said("leak", 1);
    assert_status(loan_checkin(&loans[last]), LG_OK);
    assert_true(lg__keeper_kick(pool));
    (void)wait_said("leak-returned", 1); /* that pass has looked at all the others */
    null_age(pool);
    assert_true(lg__keeper_kick(pool));
    struct said more = wait_said("leak-more", 1);
    assert_int_equal(more.level, LG_LOG_WARN);
    assert_has(more.text, "and 20 more leases of pool \"");
    assert_has(more.fields, ";count=20;");
    assert_int_equal(count_said("leak", NULL), 1 + LG__LEAKS_A_PASS);
    assert_true(lg__keeper_kick(pool));
    assert_has(wait_said("leak-more", 2).fields, ";count=4;");
    assert_int_equal(count_said("leak", NULL), 1 + 2 * LG__LEAKS_A_PASS);
    assert_true(lg__keeper_kick(pool));
    (void)wait_said("leak", MANY);
    assert_int_equal(stats_of(pool).leaking_now, MANY - 1);
    assert_int_equal(stats_of(pool).leaks_reported, MANY);
    for (uint32_t i = 0; i < MANY; i++)
        if (i != last)
            assert_status(loan_checkin(&loans[i]), LG_OK);
    assert_true(lg__keeper_kick(pool));
    (void)wait_said("leak-returned", MANY);
    assert_int_equal(count_said("leak-more", NULL), 2);
    null_end(driver, pool);
}

/* Slots that came with a resize are looked at, and those that went with the next one still are. */
static void a_resize_changes_nothing(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    options.capacity = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan loans[3];
    assert_status(lg_pool_resize(pool, 0, 3), LG_OK);
    for (uint32_t i = 0; i < 3; i++) {
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&loans[i]), LG_OK);
    }
    null_wait_no_openers(pool);
    age(&loans[0]);
    (void)wait_said("leak", 1);
    assert_status(lg_pool_resize(pool, 0, 1), LG_OK);
    age(&loans[1]);
    (void)wait_said("leak", 2);
    age(&loans[2]);
    (void)wait_said("leak", 3);
    assert_int_equal(stats_of(pool).leaking_now, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_status(loan_checkin(&loans[i]), LG_OK);
    (void)wait_said("leak-returned", 3);
    null_end(driver, pool);
}

/* ---- Who reports --------------------------------------------------------------------------------- */

static void without_being_asked_there_is_no_thread(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    options.leak_after_ms = 0;
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(loan_checkout(&loan), LG_OK);
    null_age(pool);
    assert_int_equal(stats_of(pool).leaking_now, 1); /* counted all the same */
    assert_int_equal(stats_of(pool).leaks_reported, 0);
    assert_false(has_keeper(pool));
    assert_null(pool->leaks);
    assert_true(lg__keeper_kick(pool)); /* nor does one that is there for something else */
    NULL_WAIT_UNTIL(!has_keeper(pool));
    assert_int_equal(count_said("leak", NULL), 0);
    assert_status(loan_checkin(&loan), LG_OK);
    null_end(driver, pool);
}

static void a_keeper_that_is_there_reports(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    options.leak_after_ms = 0;
    options.min_size = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(loan_checkout(&loan), LG_OK);
    null_age(pool);
    (void)wait_said("leak", 1);
    assert_status(loan_checkin(&loan), LG_OK);
    (void)wait_said("leak-returned", 1);
    null_end(driver, pool);
}

static void never_without_passes(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    options.period_ms = LG_PERIOD_NEVER;
    options.min_size = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(loan_checkout(&loan), LG_OK);
    null_age(pool);
    assert_false(has_keeper(pool));
    assert_null(pool->leaks);
    assert_int_equal(stats_of(pool).leaking_now, 1);
    assert_status(loan_checkin(&loan), LG_OK);
    null_end(driver, pool);
}

static int check_child(void *arg)
{
    struct lg_pool *pool = arg;
    struct lg_pool_stats stats = stats_of(pool);
    SUPPORT_CHECK(stats.leaking_now == 0 && stats.leaks_reported == 0);
    for (uint32_t i = 0; i < pool->capacity; i++)
        SUPPORT_CHECK(!pool->leaks[i].is_reported);
    return 0;
}

static void a_child_has_none_of_the_parent_s(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(loan_checkout(&loan), LG_OK);
    null_wait_no_openers(pool);
    null_age(pool);
    (void)wait_said("leak", 1);
    assert_int_equal(support_fork(check_child, pool), 0);
    assert_status(loan_checkin(&loan), LG_OK);
    (void)wait_said("leak-returned", 1);
    null_end(driver, pool);
}

/* ---- The listener -------------------------------------------------------------------------------- */

struct caller {
    struct lg_pool *pool;
    struct lg_lease leaked;
    int checkout, checkin, clear, leaked_checkin; /* what they returned */
    size_t holders;
    uint64_t leaking;
    uint32_t is_set, is_done; /* atomic */
};

/* The keeper's thread: no cmocka. */
static void call_back(void *arg, const struct lg_log_event *event)
{
    struct caller *caller = arg;
    struct lg_lease lease;
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    if (strcmp(event->code, "leak") != 0 || lg__load_acquire(&caller->is_done))
        return;
    NULL_WAIT_UNTIL(lg__load_acquire(&caller->is_set));
    (void)lg_pool_stats(caller->pool, &stats);
    caller->leaking = stats.leaking_now;
    caller->holders = lg_pool_holders(caller->pool, NULL, 0);
    caller->checkout = lg_pool_checkout(caller->pool, LG_FOREVER, &lease);
    caller->checkin = lg_pool_checkin(caller->pool, &lease);
    caller->clear = lg_pool_clear(caller->pool, 0);
    caller->leaked_checkin = lg_pool_discard(caller->pool, &caller->leaked);
    lg__store_release(&caller->is_done, 1u);
}

static void a_callback_may_call_the_pool(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct caller caller = {.checkout = 1, .checkin = 1, .clear = 1, .leaked_checkin = 1};
    struct lg_pool_options options = listen_to(call_back, &caller);
    options.detached = 1;
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan loan = careless(driver, pool);
    assert_status(loan_checkout(&loan), LG_OK);
    caller.pool = pool;
    caller.leaked = loan.lease;
    lg__store_release(&caller.is_set, 1u);
    null_age(pool);
    NULL_WAIT_UNTIL(lg__load_acquire(&caller.is_done));
    (void)wait_said("leak-returned", 1);
    assert_int_equal(caller.leaking, 1);
    assert_int_equal(caller.holders, 1);
    assert_status(caller.checkout, LG_OK);
    assert_status(caller.checkin, LG_OK);
    assert_status(caller.clear, LG_OK);
    assert_status(caller.leaked_checkin, LG_OK);
    assert_status(loan_checkin(&loan), LG_ESTALE);
    null_wait_closed(driver, 2);
    null_end(driver, pool);
}

/* A name is of others: it stays within its line. */
static void a_name_begins_no_line(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = reporting();
    struct lg_pool *pool = null_pool(driver, &options);
    struct crew_worker *a = crew_hire("two\nlines\033[31m");
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    assert_status(crew_do(a, loan_checkout, &loan), LG_OK);
    null_age(pool);
    struct said leak = wait_said("leak", 1);
    assert_has(leak.text, " held by two?lines?[31m, taken at ");
    assert_status(crew_do(a, loan_checkin, &loan), LG_OK);
    (void)wait_said("leak-returned", 1);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(it_is_said_once_and_when_it_is_back),
        SUPPORT_TEST(the_next_loan_is_another),
        SUPPORT_TEST(all_shares_are_one_loan),
        SUPPORT_TEST(a_biased_one_is_reported_too),
        SUPPORT_TEST(a_blocked_holder_s_wait_is_named),
        SUPPORT_TEST(a_detached_lease_is_nobody_s),
        SUPPORT_TEST(an_orphan_s_holder_has_ended),
        SUPPORT_TEST(a_reclaimed_one_is_back),
        SUPPORT_TEST(a_parked_holder_is_on_no_thread),
        SUPPORT_TEST(a_wandering_one_s_user_is_not_known),
        SUPPORT_TEST(so_many_a_pass),
        SUPPORT_TEST(a_resize_changes_nothing),
        SUPPORT_TEST(without_being_asked_there_is_no_thread),
        SUPPORT_TEST(a_keeper_that_is_there_reports),
        SUPPORT_TEST(never_without_passes),
        SUPPORT_TEST(a_child_has_none_of_the_parent_s),
        SUPPORT_TEST(a_callback_may_call_the_pool),
        SUPPORT_TEST(a_name_begins_no_line),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
