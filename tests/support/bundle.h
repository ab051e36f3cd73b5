/* Bundle: leases that are checked out together, and a mutex to hold meanwhile: steps for the crew. */
#ifndef LG_TEST_BUNDLE_H
#define LG_TEST_BUNDLE_H

#include "support/null_driver.h"

#define BUNDLE_MAX 16

struct bundle {
    struct null_driver *driver;
    struct lg_pool *pool;
    uint32_t count;
    lg_deadline deadline;
    struct lg_lease leases[BUNDLE_MAX];
    struct lg_report report; /* of the last checkout that failed */
};

struct bundle bundle_of(struct null_driver *driver, struct lg_pool *pool, uint32_t count);

/* They return the status. */
int bundle_checkout(void *bundle);
int bundle_checkin(void *bundle);

/* Whether no lease says anything. */
bool bundle_is_empty(const struct bundle *bundle);

#endif
