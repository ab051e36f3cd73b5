/* Metrics when memory is out. */
#include "support/faults.h"
#include "support/null_driver.h"
#include "support/openmetrics.h"

#include <string.h>

static char text[64 * 1024];

/* All of it, or 0. */
static int write_all(void *arg)
{
    size_t *whole = arg;
    size_t length = lg_metrics_write(text, sizeof text);
    SUPPORT_CHECK(length == 0 || length == *whole);
    SUPPORT_CHECK(length == 0 || openmetrics_fault(text) == NULL);
    return 0;
}

/* It needs none. */
static int write_one(void *pool)
{
    size_t length = lg_pool_metrics(pool, text, sizeof text);
    SUPPORT_CHECK(length == strlen(text) && openmetrics_fault(text) == NULL);
    return 0;
}

static void memory_is_out(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    size_t whole = lg_metrics_write(NULL, 0);
    assert_int_equal(faults_loop(FAULT_ALL, 10, write_all, &whole), 2); /* once, and from then on */
    assert_int_equal(faults_loop(FAULT_ALL, 10, write_one, pool), 0);
    null_end(driver, pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(memory_is_out),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
