/* The lease lies in the resource that it is of: from the moment when that is another's, nothing is written
 * there. */
#include "core.h"

static struct lg_pool *pool;
static struct lg_lease leases[RESOURCES_MAX]; /* each resource's own */

static void *work(void *arg)
{
    struct lg_lease lease;
    OK(lg_pool_checkout(pool, LG_FOREVER, &lease));
    use(&lease);
    struct lg_lease *within = &leases[(struct resource *)lease.resource - resources];
    *within = lease;
    OK(lg_pool_checkin(pool, within));
    return arg;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    pool = make_pool(&options);
    lend(pool, 1);
    run_two(work, work);
    lg_pool_destroy(pool);
    return 0;
}
