/* Bundles. */
#include "support/bundle.h"

struct bundle bundle_of(struct null_driver *driver, struct lg_pool *pool, uint32_t count)
{
    return (struct bundle){.driver = driver, .pool = pool, .count = count, .deadline = LG_FOREVER};
}

int bundle_checkout(void *arg)
{
    struct bundle *bundle = arg;
    int status =
        lg_pool_checkout_many(bundle->pool, bundle->count, bundle->deadline, bundle->leases);
    if (status != LG_OK)
        bundle->report = *lg_report_last();
    for (uint32_t i = 0; status == LG_OK && i < bundle->count; i++)
        null_use(bundle->driver, bundle->leases[i].resource, bundle);
    return status;
}

int bundle_checkin(void *arg)
{
    struct bundle *bundle = arg;
    for (uint32_t i = 0; i < bundle->count; i++)
        null_drop(bundle->driver, bundle->leases[i].resource, bundle);
    return lg_pool_checkin_many(bundle->pool, bundle->count, bundle->leases);
}

bool bundle_is_empty(const struct bundle *bundle)
{
    for (uint32_t i = 0; i < bundle->count; i++)
        if (bundle->leases[i].resource || bundle->leases[i].pool || bundle->leases[i].slot ||
            bundle->leases[i].tag)
            return false;
    return true;
}
