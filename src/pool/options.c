/* Options: reading them, saying which is wrong, and what they make of a pool. */
#include "pool/options.h"

#include "pool/bias.h"

#include "plat/barrier.h"
#include "plat/log.h"
#include "plat/sized.h"
#include "plat/text.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_CAPACITY        10
#define DEFAULT_OPENING_MAX     2
#define DEFAULT_OPEN_TIMEOUT_MS 10000
#define DEFAULT_CHECK_AFTER_MS  500
#define DEFAULT_LEAK_AFTER_MS   60000
#define DEFAULT_PERIOD_MS       1000
#define DEFAULT_CLOSES_PER_PASS 16

#define NS_A_MS 1000000ull
#define IDLE_PERIODS                                                                               \
    16 /* of the keeper, that an idle timeout has at least where it sees idleness */
#define EVENT_ROOM_MAX (1u << 20)
#define MS_MAX         (UINT64_MAX / 1000000 / 4)

/* ---- Saying what is wrong -------------------------------------------------------------------- */

/* Say which option, of which pool if that is known, has which value, and what would be right. */
static void complain(const char *pool, const char *option, const char *value, const char *right)
{
    char name[LG_NAME_SIZE], buffer[320];
    struct lg__text text;
    lg__copy_name(name, sizeof name, pool ? pool : "pool");
    lg__text_begin(&text, buffer, sizeof buffer);
    lg__text_add(&text, "pool \"");
    lg__text_add_plain(&text, name);
    lg__text_addf(&text, "\" is not created: %s is %s, and should be %s", option, value, right);
    struct lg_log_field fields[] = {
        {"pool", name}, {"option", option}, {"value", value}, {"right", right}};
    lg__log(LG_LOG_WARN, "bad-option", fields, 4, buffer);
}

static void complain_number(const char *pool, const char *option, uint64_t value, const char *right)
{
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)value);
    complain(pool, option, number, right);
}

/* ---- Structs that carry their size ----------------------------------------------------------- */

/* A struct of the caller's, which begins with its size and may be older or newer than ours. */
struct sized {
    const char *name;  /* of its type */
    const char *field; /* of its size, for people */
    size_t known;      /* our size */
    size_t least;
};

/* As lg__sized_copy, and say what is wrong. */
static int copy_sized(void *to, const struct sized *sized, const void *from)
{
    char right[120];
    int status = lg__sized_copy(to, sized->known, sized->least, from);
    if (status == LG_OK)
        return status;
    if (status == LG_EINVAL)
        snprintf(right, sizeof right, "sizeof(%s), as its initializer sets it", sized->name);
    else
        snprintf(right, sizeof right,
                 "at most %zu with this library, or have nothing set behind that", sized->known);
    complain_number(NULL, sized->field, *(const uint32_t *)from, right);
    return status;
}

int lg__options_read_driver(const struct lg_driver *from, struct lg_driver *driver)
{
    static const struct sized sized = {"struct lg_driver", "the driver's size", sizeof *driver,
                                       offsetof(struct lg_driver, check)};
    if (!from) {
        complain(NULL, "driver", "NULL", "a table of functions");
        return LG_EINVAL;
    }
    int status = copy_sized(driver, &sized, from);
    if (status != LG_OK)
        return status;
    if (!driver->open || !driver->close) {
        complain(NULL, driver->open ? "the driver's close" : "the driver's open", "NULL",
                 "a function");
        return LG_EINVAL;
    }
    if ((unsigned)driver->fork > LG_FORK_REFUSE) {
        complain_number(NULL, "the driver's fork", (unsigned)driver->fork,
                        "LG_FORK_REFILL or LG_FORK_REFUSE");
        return LG_EINVAL;
    }
    return LG_OK;
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

/* What an option may be: at most so much.  `right` says it; NULL: by that number. */
struct bound {
    const char *option;
    size_t offset;
    size_t size; /* of the field: 4 or 8 */
    uint64_t most;
    const char *right;
};

#define BOUND(field, most, right)                                                                  \
    {                                                                                              \
#field, offsetof(struct lg_pool_options, field),                                           \
            sizeof(((struct lg_pool_options *)0)->field), (most), (right)                          \
    }
#define YES_OR_NO(field) BOUND(field, 1, "0 or 1")

static const struct bound bounds[] = {
    BOUND(capacity, LG_POOL_CAPACITY_MAX, NULL),
    YES_OR_NO(start_paused),
    BOUND(nested, LG_NESTED_SHARE, "one of enum lg_nested"),
    BOUND(order, LG_ORDER_FIFO, "one of enum lg_order"),
    BOUND(growth, LG_GROWTH_PATIENT, "one of enum lg_growth"),
    YES_OR_NO(unbiased),
    BOUND(overtaking_us, MS_MAX, NULL),
    YES_OR_NO(detached),
    YES_OR_NO(reclaim_orphans),
    BOUND(open_timeout_ms, MS_MAX, NULL),
    YES_OR_NO(clear_on_open_failure),
    BOUND(check_after_ms, MS_MAX, NULL),
    BOUND(keepalive_ms, MS_MAX, NULL),
    BOUND(idle_timeout_ms, MS_MAX, NULL),
    BOUND(lifetime_ms, MS_MAX, NULL),
    BOUND(lifetime_jitter_percent, 100, NULL),
    BOUND(leak_after_ms, MS_MAX, NULL),
    BOUND(declared_threads, LG_CONTEXTS_MAX, NULL),
    BOUND(event_room, EVENT_ROOM_MAX, NULL),
};

static uint64_t value_of(const struct lg_pool_options *options, const struct bound *bound)
{
    const char *field = (const char *)options + bound->offset;
    return bound->size == sizeof(uint64_t) ? *(const uint64_t *)(const void *)field
                                           : *(const uint32_t *)(const void *)field;
}

static bool is_in_bounds(const struct lg_pool_options *options, const struct bound *bound)
{
    char right[40];
    uint64_t value = value_of(options, bound);
    if (value <= bound->most)
        return true;
    snprintf(right, sizeof right, "at most %llu", (unsigned long long)bound->most);
    complain_number(options->name, bound->option, value, bound->right ? bound->right : right);
    return false;
}

/* Those whose bound is no number, or another option. */
static bool is_period_allowed(const struct lg_pool_options *options)
{
    char right[64];
    if (options->period_ms <= MS_MAX || options->period_ms == LG_PERIOD_NEVER)
        return true;
    snprintf(right, sizeof right, "at most %llu, or LG_PERIOD_NEVER", (unsigned long long)MS_MAX);
    complain_number(options->name, "period_ms", options->period_ms, right);
    return false;
}

static uint32_t capacity_of(const struct lg_pool_options *options)
{
    return options->capacity ? options->capacity : DEFAULT_CAPACITY;
}

static bool is_min_size_allowed(const struct lg_pool_options *options)
{
    char right[64];
    if (options->min_size <= capacity_of(options))
        return true;
    snprintf(right, sizeof right, "at most the capacity, %u", capacity_of(options));
    complain_number(options->name, "min_size", options->min_size, right);
    return false;
}

/* All that are wrong are named, not only the first. */
int lg__options_read(const struct lg_pool_options *from, struct lg_pool_options *options)
{
    static const struct lg_pool_options none = LG_POOL_OPTIONS_INIT;
    static const struct sized sized = {"struct lg_pool_options", "the options' size",
                                       sizeof *options, offsetof(struct lg_pool_options, capacity)};
    int status = copy_sized(options, &sized, from ? from : &none);
    if (status != LG_OK)
        return status;
    bool is_allowed = true;
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        is_allowed &= is_in_bounds(options, &bounds[i]);
    is_allowed &= is_min_size_allowed(options);
    is_allowed &= is_period_allowed(options);
    return is_allowed ? LG_OK : LG_EINVAL;
}

/* ---- What they make of a pool ---------------------------------------------------------------- */

static uint64_t ms_or(uint64_t ms, uint64_t fallback)
{
    return (ms ? ms : fallback) * NS_A_MS;
}

/* Ages end at 49 days: what is longer is never. */
static uint32_t age_or(uint64_t ms, uint32_t fallback)
{
    return ms == 0 ? fallback : ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

void lg__options_apply(struct lg_pool *pool, const struct lg_pool_options *options)
{
    pool->capacity = capacity_of(options);
    pool->extent = pool->capacity;
    pool->nested = options->nested;
    pool->growth = options->growth;
    pool->order = options->order;
    pool->opening_max = options->opening_max ? options->opening_max : DEFAULT_OPENING_MAX;
    pool->open_timeout_ns = ms_or(options->open_timeout_ms, DEFAULT_OPEN_TIMEOUT_MS);
    pool->check_after_ms = age_or(options->check_after_ms, DEFAULT_CHECK_AFTER_MS);
    pool->overtaking_ns = options->overtaking_us * 1000;
    pool->pass_until_ns = UINT64_MAX;
    pool->leak_after_ms = age_or(options->leak_after_ms, DEFAULT_LEAK_AFTER_MS);
    pool->is_detached = options->detached;
    pool->is_reclaiming = options->reclaim_orphans;
    pool->sizing.declared_threads = options->declared_threads;
    pool->bias_after =
        options->unbiased || !lg__barrier_is_there() ? LG__BIAS_NEVER : LG__BIAS_AFTER;
    pool->min_size = options->min_size;
    pool->clears_on_open_failure = options->clear_on_open_failure;
    pool->idle_timeout_ms = age_or(options->idle_timeout_ms, UINT32_MAX);
    pool->lifetime_ms = age_or(options->lifetime_ms, UINT32_MAX);
    uint64_t percent = options->lifetime_jitter_percent;
    pool->lifetime_jitter_ms = (uint32_t)((percent ? percent : 10) * pool->lifetime_ms / 100);
    pool->keepalive_ms =
        pool->driver.check ? age_or(options->keepalive_ms, UINT32_MAX) : UINT32_MAX;
    pool->closes_per_pass =
        options->closes_per_pass ? options->closes_per_pass : DEFAULT_CLOSES_PER_PASS;
    pool->period_ns = options->period_ms == LG_PERIOD_NEVER
                          ? LG_PERIOD_NEVER
                          : ms_or(options->period_ms, DEFAULT_PERIOD_MS);
    pool->empty_count = pool->capacity;
    pool->references = 1;
    lg__cancel_init(&pool->cancel, NULL, LG_FOREVER);
    pool->tickets = pool->front_tickets = UINT64_MAX / 2; /* up and down from there */
    if (pool->nested != LG_NESTED_DETECT || pool->order != LG_ORDER_AFFINE || pool->is_detached ||
        options->on_event)
        pool->control |= LG__POOL_SPECIAL;
    pool->is_idleness_seen = pool->idle_timeout_ms != UINT32_MAX &&
                             pool->period_ns <= pool->idle_timeout_ms * NS_A_MS / IDLE_PERIODS;
    bool must_note = pool->idle_timeout_ms != UINT32_MAX && !pool->is_idleness_seen;
    if (pool->driver.reset || must_note)
        pool->control |= LG__POOL_RESET;
    if (options->lifetime_ms && pool->period_ns == LG_PERIOD_NEVER)
        pool->control |= LG__POOL_SPECIAL; /* only a slow path looks at its age */
    if (options->start_paused)
        pool->control |= LG__POOL_PAUSED;
    pool->driver_check_ms = pool->driver.check ? pool->check_after_ms : UINT32_MAX;
    pool->check_after_ms = pool->driver_check_ms < pool->idle_timeout_ms ? pool->driver_check_ms
                                                                         : pool->idle_timeout_ms;
    lg__copy_name(pool->name, sizeof pool->name, options->name ? options->name : "pool");
    lg__copy_name(pool->advice, sizeof pool->advice, options->advice ? options->advice : "");
}
