/* pairs pool|mutex|read|write COUNT: so many pairs of checkout and checkin, or of lock and unlock, by one thread,
 * and no other work: for a tool that counts instructions. */
#include <lifeguard/lifeguard.h>

#include <stdlib.h>
#include <string.h>

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

static int take_leases(unsigned long count)
{
    static const struct lg_driver driver = LG_DRIVER_INIT("nothing", open_one, close_one);
    char resource;
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_pool *pool;
    options.capacity = 8;
    if (lg_pool_create(&driver, &resource, &options, &pool) != LG_OK)
        return 2;
    for (; count > 0; count--) {
        struct lg_lease lease;
        if (lg_pool_checkout(pool, LG_FOREVER, &lease) != LG_OK ||
            lg_pool_checkin(pool, &lease) != LG_OK)
            return 1;
    }
    lg_pool_destroy(pool);
    return 0;
}

static int take_locks(unsigned long count)
{
    static struct lg_mutex mutex = LG_MUTEX_INIT("mutex");
    for (; count > 0; count--) {
        if (lg_mutex_lock(&mutex, LG_FOREVER) != LG_OK)
            return 1;
        lg_mutex_unlock(&mutex);
    }
    return 0;
}

static int take_to_read(unsigned long count)
{
    static struct lg_rwlock rwlock = LG_RWLOCK_INIT("rwlock");
    for (; count > 0; count--) {
        if (lg_rwlock_read(&rwlock, LG_FOREVER) != LG_OK)
            return 1;
        lg_rwlock_unlock(&rwlock);
    }
    return 0;
}

static int take_to_write(unsigned long count)
{
    static struct lg_rwlock rwlock = LG_RWLOCK_INIT("rwlock");
    for (; count > 0; count--) {
        if (lg_rwlock_write(&rwlock, LG_FOREVER) != LG_OK)
            return 1;
        lg_rwlock_unlock(&rwlock);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    static const struct {
        const char *name;
        int (*take)(unsigned long count);
    } kinds[] = {{"pool", take_leases},
                 {"mutex", take_locks},
                 {"read", take_to_read},
                 {"write", take_to_write}};
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            return kinds[i].take(strtoul(argv[2], NULL, 10));
    return 2;
}
