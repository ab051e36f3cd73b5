/* Made-up leases handed to whatever takes one: a status comes back, and nothing has changed.
 *
 * Two pools of four, one that shares; in each, two leases are out.  A made-up lease that happens to be
 * one of these is that one (a lease is a value) and is not handed in; all others are refused.  What is
 * not looked at before it is known to be a lease (detach, adopt and give follow its pool) gets a pool
 * that is one. */
#include "fuzz.h"

#include <lifeguard/pool.h>
#include <lifeguard/stats.h>

#define POOLS    2
#define CAPACITY 4
#define OUT      2

static struct lg_pool *pools[POOLS];
static struct lg_lease out[POOLS][OUT];
static struct lg_context *other;
static int resources[POOLS * CAPACITY];
static unsigned opened; /* atomic */

static int open_next(void *arg, const struct lg_open *open, void **resource)
{
    (void)arg, (void)open;
    unsigned index = __atomic_fetch_add(&opened, 1u, __ATOMIC_RELAXED);
    FUZZ_CHECK(index < POOLS * CAPACITY); /* nothing is ever closed here */
    *resource = &resources[index];
    return LG_OK;
}

static void close_never(void *arg, void *resource)
{
    (void)arg, (void)resource;
    FUZZ_CHECK(!"a resource was closed");
}

static int reset(void *arg, void *resource)
{
    (void)arg, (void)resource;
    return LG_OK;
}

static void begin(void)
{
    static struct lg_driver driver = LG_DRIVER_INIT("fuzz", open_next, close_never);
    for (int i = 0; i < POOLS; i++) {
        struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
        options.capacity = CAPACITY;
        options.check_after_ms = 1000000;
        options.nested = i == 0 ? LG_NESTED_DETECT : LG_NESTED_SHARE;
        driver.reset = i == 0 ? NULL : reset;
        FUZZ_CHECK(lg_pool_create(&driver, NULL, &options, &pools[i]) == LG_OK);
    }
    struct lg_context *mine = lg_context_detach();
    other = lg_context_detach();
    FUZZ_CHECK(mine && other && lg_context_resume(mine) == LG_OK);
}

static struct lg_lease take_lease(struct fuzz_input *input)
{
    struct lg_lease lease;
    uint8_t kind = fuzz_byte(input);
    const struct lg_lease *model = &out[kind & 1][kind >> 1 & 1];
    fuzz_fill(input, &lease, sizeof lease);
    if (kind & 4)
        lease.pool = model->pool;
    if (kind & 8)
        lease.slot = model->slot ^ (lease.slot & 7);
    if (kind & 16)
        lease.slot = model->slot ^ ((lease.slot & 0xff) << 16);
    if (kind & 32)
        lease.tag = model->tag + (lease.tag % 5) - 2;
    if (kind & 64)
        lease.resource = model->resource;
    return lease;
}

static bool is_out(const struct lg_lease *lease)
{
    for (int i = 0; i < POOLS; i++)
        for (int j = 0; j < OUT; j++)
            if (out[i][j].pool == lease->pool && out[i][j].slot == lease->slot &&
                out[i][j].tag == lease->tag)
                return true;
    return false;
}

static bool is_a_pool(const struct lg_pool *pool)
{
    return !pool || pool == pools[0] || pool == pools[1];
}

static int hand_in(struct lg_pool *pool, struct lg_lease *lease, uint8_t how)
{
    bool is_followed = how % 5 >= 2;
    if (is_followed && !is_a_pool(lease->pool))
        lease->pool = pool;
    if (is_out(lease))
        return LG_ESTALE;
    switch (how % 5) {
    case 0:
        return lg_pool_checkin(pool, lease);
    case 1:
        return lg_pool_discard(pool, lease);
    case 2:
        return lg_lease_detach(lease);
    case 3:
        return lg_lease_adopt(lease);
    }
    return lg_lease_give(lease, other);
}

/* A statistics struct of any size: filled to its end and no further, or refused. */
static void read_stats(struct fuzz_input *input)
{
    uint32_t size = fuzz_word(input) % (2 * sizeof(struct lg_pool_stats));
    uint32_t *stats = malloc(size < sizeof size ? sizeof size : size);
    FUZZ_CHECK(stats != NULL);
    *stats = size;
    int status = lg_pool_stats(pools[0], (struct lg_pool_stats *)(void *)stats);
    FUZZ_CHECK((status == LG_OK || status == LG_EINVAL) && *stats == size);
    free(stats);
}

/* Whatever was handed in, these are out, these hold them, and nothing else has moved. */
static void check_books(void)
{
    for (int i = 0; i < POOLS; i++) {
        struct lg_pool_stats stats = LG_POOL_STATS_INIT;
        struct lg_lease_info info[CAPACITY];
        char mine[LG_NAME_SIZE];
        lg_pool_stats(pools[i], &stats);
        lg_context_name(lg_context_self(), mine);
        size_t holders = lg_pool_holders(pools[i], info, CAPACITY);
        FUZZ_CHECK(holders == (i == 0 ? OUT : 1)); /* shared: one loan, two leases */
        FUZZ_CHECK(stats.lent - stats.returned == OUT);
        for (size_t j = 0; j < holders; j++)
            FUZZ_CHECK(strcmp(info[j].holder, mine) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    if (!other)
        begin();
    for (int i = 0; i < POOLS * OUT; i++)
        FUZZ_CHECK(lg_pool_checkout(pools[i / OUT], LG_FOREVER, &out[i / OUT][i % OUT]) == LG_OK);
    for (int i = 0; input.left > 0 && i < 64; i++) {
        uint8_t how = fuzz_byte(&input);
        struct lg_lease lease = take_lease(&input);
        struct lg_pool *pool = pools[how >> 7];
        if (lease.pool && !is_a_pool(lease.pool) && how % 5 >= 2)
            lease.pool = pool;
        struct lg_lease before = lease;
        int status = hand_in(pool, &lease, how);
        FUZZ_CHECK(status == LG_ESTALE || status == LG_EFOREIGN);
        FUZZ_CHECK(memcmp(&lease, &before, sizeof lease) == 0);
    }
    read_stats(&input);
    check_books();
    for (int i = 0; i < POOLS * OUT; i++)
        FUZZ_CHECK(lg_pool_checkin(pools[i / OUT], &out[i / OUT][i % OUT]) == LG_OK);
    return 0;
}
