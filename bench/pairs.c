/* pairs COUNT: so many pairs of checkout and checkin by one thread, and no other work: for a tool that
 * counts instructions. */
#include <lifeguard/lifeguard.h>

#include <stdlib.h>

static int open_one(void *arg, const struct lg_open *open, void **resource)
{
    (void)open;
    *resource = arg;
    return LG_OK;
}

static void close_one(void *arg, void *resource)
{
    (void)arg;
    (void)resource;
}

int main(int argc, char **argv)
{
    static const struct lg_driver driver = LG_DRIVER_INIT("nothing", open_one, close_one);
    char resource;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_pool *pool;
    options.capacity = 8;
    if (argc != 2 || lg_pool_create(&driver, &resource, &options, &pool) != LG_OK)
        return 2;
    for (unsigned long left = strtoul(argv[1], NULL, 10); left > 0; left--) {
        struct lg_lease lease;
        if (lg_pool_checkout(pool, LG_FOREVER, &lease) != LG_OK ||
            lg_pool_checkin(pool, &lease) != LG_OK)
            return 1;
    }
    lg_pool_destroy(pool);
    return 0;
}
