/* Option structs and driver tables of any size and bytes. */
#include "sized.h"

#include <lifeguard/log.h>
#include <lifeguard/stats.h>

static int open_nothing(void *arg, const struct lg_open *open, void **resource)
{
    (void)arg, (void)open, (void)resource;
    return LG_EDRIVER;
}

static void close_nothing(void *arg, void *resource)
{
    (void)arg, (void)resource;
}

static int check_nothing(void *arg, void *resource)
{
    (void)arg, (void)resource;
    return LG_OK;
}

static void hear_nothing(void *arg, const struct lg_pool_event *event)
{
    (void)arg, (void)event;
}

static void destroy_nothing(void *arg)
{
    (void)arg;
}

static unsigned char *take_driver(struct fuzz_input *input)
{
    uint8_t has = (uint8_t)~fuzz_byte(input); /* 0: all of them */
    unsigned char *bytes = fuzz_struct(input, sizeof(struct lg_driver));
    /* A struct that ends within a pointer has none that could be called. */
    FUZZ_PUT(bytes, struct lg_driver, noun, has & 1 ? "fuzz" : NULL);
    FUZZ_PUT(bytes, struct lg_driver, open, has & 2 ? open_nothing : NULL);
    FUZZ_PUT(bytes, struct lg_driver, close, has & 4 ? close_nothing : NULL);
    FUZZ_PUT(bytes, struct lg_driver, check, has & 8 ? check_nothing : NULL);
    FUZZ_PUT(bytes, struct lg_driver, reset, has & 16 ? check_nothing : NULL);
    FUZZ_PUT(bytes, struct lg_driver, destroy, has & 32 ? destroy_nothing : NULL);
    FUZZ_PUT(bytes, struct lg_driver, interrupt, has & 64 ? close_nothing : NULL);
    return bytes;
}

static unsigned char *take_options(struct fuzz_input *input)
{
    static char name[LG_NAME_SIZE + 8];
    fuzz_text(input, name, sizeof name);
    return fuzz_pool_options(input, name[0] ? name : NULL, name[0] == 'e' ? hear_nothing : NULL);
}

/* What the header demands of what it knows.  No struct of any version ends within a pointer. */
static bool is_sound(const unsigned char *bytes)
{
    struct lg_pool_options options = {0};
    uint32_t size = fuzz_struct_size(bytes);
    if (size > FUZZ_SIZE_MOST || (size > sizeof size && size % sizeof(void *) != 0))
        return false;
    memcpy(&options, bytes, size < sizeof options ? size : sizeof options);
    return options.capacity <= LG_POOL_CAPACITY_MAX &&
           (unsigned)options.nested <= LG_NESTED_SHARE && options.detached <= 1 &&
           options.reclaim_orphans <= 1 && options.unbiased <= 1 && options.start_paused <= 1 &&
           options.clear_on_open_failure <= 1;
}

static void check_pool(struct lg_pool *pool, const unsigned char *options)
{
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    struct lg_lease lease;
    FUZZ_CHECK(!options || is_sound(options));
    FUZZ_CHECK(lg_pool_checkout(pool, LG_TRY, &lease) != LG_OK && lease.resource == NULL);
    lg_pool_stats(pool, &stats);
    FUZZ_CHECK(stats.capacity >= 1 && stats.capacity <= LG_POOL_CAPACITY_MAX);
    FUZZ_CHECK(stats.idle + stats.lent_now == 0);
    FUZZ_CHECK(stats.opened == 0 && stats.lent == 0); /* every open fails */
    lg_pool_destroy(pool);
}

static void hear_log(void *arg, const struct lg_log_event *event)
{
    (void)arg;
    FUZZ_CHECK(event->text[0] != '\0' && !strchr(event->text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    bool has_options = fuzz_byte(&input) < 224;
    lg_log_set(LG_LOG_WARN, hear_log, NULL);
    unsigned char *driver = take_driver(&input);
    unsigned char *options = has_options ? take_options(&input) : NULL;
    struct lg_pool *pool = (struct lg_pool *)(void *)driver;
    int status = lg_pool_create((const struct lg_driver *)(const void *)driver, NULL,
                                (const struct lg_pool_options *)(const void *)options, &pool);
    FUZZ_CHECK(status == LG_OK || status == LG_EINVAL || status == LG_EVERSION ||
               status == LG_ENOMEM);
    FUZZ_CHECK((status == LG_OK) == (pool != NULL));
    if (pool)
        check_pool(pool, options);
    free(driver);
    free(options);
    return 0;
}
