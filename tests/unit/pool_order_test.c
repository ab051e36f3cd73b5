/* order: which of the idle resources is lent next. */
#include "support/crew.h"
#include "support/null_driver.h"

#define COUNT 4

static void ignore_event(void *arg, const struct lg_pool_event *event)
{
    (void)arg, (void)event;
}

static bool is_listened_to; /* a pool with a listener has paths of its own */

static struct lg_pool *ordered_pool(struct null_driver *driver, enum lg_order order)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = COUNT;
    options.order = order;
    options.on_event = is_listened_to ? ignore_event : NULL;
    return null_pool(driver, &options);
}

/* Take all, then give them back in this order of their slots' places in `loans`. */
static void take_and_return(struct null_driver *driver, struct lg_pool *pool, const int *order,
                            void **resources)
{
    struct loan loans[COUNT];
    for (int i = 0; i < COUNT; i++) {
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&loans[i]), LG_OK);
        resources[i] = loans[i].lease.resource;
    }
    for (int i = 0; i < COUNT; i++)
        assert_status(loan_checkin(&loans[order[i]]), LG_OK);
}

/* Take all again; the i-th must be the one that was given back as number expected[i]. */
static void assert_taken(struct null_driver *driver, struct lg_pool *pool, const int *order,
                         void *const *resources, const int *expected)
{
    struct loan loans[COUNT];
    for (int i = 0; i < COUNT; i++) {
        loans[i] = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&loans[i]), LG_OK);
        assert_ptr_equal(loans[i].lease.resource, resources[order[expected[i]]]);
    }
    for (int i = 0; i < COUNT; i++)
        assert_status(loan_checkin(&loans[i]), LG_OK);
}

static const int orders[][COUNT] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}};

#define ORDERS (sizeof orders / sizeof orders[0])

static void check(enum lg_order order, const int *expected)
{
    for (size_t i = 0; i < ORDERS; i++) {
        void *resources[COUNT];
        struct null_driver *driver = null_begin();
        struct lg_pool *pool = ordered_pool(driver, order);
        take_and_return(driver, pool, orders[i], resources);
        assert_taken(driver, pool, orders[i], resources, expected);
        null_end(driver, pool);
    }
}

static void lifo_lends_what_came_back_last(void **state)
{
    (void)state;
    check(LG_ORDER_LIFO, (const int[]){3, 2, 1, 0});
}

static void fifo_lends_what_came_back_first(void **state)
{
    (void)state;
    check(LG_ORDER_FIFO, (const int[]){0, 1, 2, 3});
}

/* One user at a time: LIFO uses one resource, FIFO all of them alike, affinity its own. */
static void count_used(enum lg_order order, int expected)
{
    void *resources[COUNT], *seen[COUNT] = {NULL};
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = ordered_pool(driver, order);
    take_and_return(driver, pool, orders[0], resources);
    int count = 0;
    for (int i = 0; i < 3 * COUNT; i++) {
        struct loan loan = loan_of(driver, pool, LG_FOREVER);
        assert_status(loan_checkout(&loan), LG_OK);
        int j = 0;
        while (j < count && seen[j] != loan.lease.resource)
            j++;
        if (j == count)
            seen[count++] = loan.lease.resource;
        assert_status(loan_checkin(&loan), LG_OK);
    }
    assert_int_equal(count, expected);
    null_end(driver, pool);
}

static void one_user_at_a_time(void **state)
{
    (void)state;
    count_used(LG_ORDER_LIFO, 1);
    count_used(LG_ORDER_AFFINE, 1);
    count_used(LG_ORDER_FIFO, COUNT);
}

/* Whoever comes first, and however it asks. */
static void keep_to_their_own(bool has_reset, enum lg_nested nested)
{
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct crew_worker *workers[2] = {crew_hire("A"), crew_hire("B")};
    void *own[2];
    options.capacity = 2;
    options.nested = nested;
    options.on_event = is_listened_to ? ignore_event : NULL;
    if (!has_reset)
        driver->table.reset = NULL;
    struct lg_pool *pool = null_pool(driver, &options);
    struct loan loans[2] = {loan_of(driver, pool, LG_FOREVER), loan_of(driver, pool, LG_FOREVER)};
    for (int i = 0; i < 2; i++) {
        assert_status(crew_do(workers[i], loan_checkout, &loans[i]), LG_OK);
        own[i] = loans[i].lease.resource;
    }
    for (int i = 0; i < 2; i++)
        assert_status(crew_do(workers[i], loan_checkin, &loans[i]), LG_OK);
    static const int comers[] = {1, 0, 0, 1, 1, 0, 1};
    for (size_t i = 0; i < sizeof comers / sizeof comers[0]; i++) {
        int who = comers[i];
        assert_status(crew_do(workers[who], loan_checkout, &loans[who]), LG_OK);
        assert_ptr_equal(loans[who].lease.resource, own[who]);
        assert_status(crew_do(workers[who], loan_checkin, &loans[who]), LG_OK);
    }
    null_end(driver, pool);
    crew_leave(workers[0]);
    crew_leave(workers[1]);
}

static void affinity_lends_each_its_own(void **state)
{
    (void)state;
    keep_to_their_own(false, LG_NESTED_DETECT);
    keep_to_their_own(true, LG_NESTED_DETECT);
    keep_to_their_own(true, LG_NESTED_FORBID);
}

static void the_same_with_a_listener(void **state)
{
    is_listened_to = true;
    lifo_lends_what_came_back_last(state);
    fifo_lends_what_came_back_first(state);
    one_user_at_a_time(state);
    affinity_lends_each_its_own(state);
    is_listened_to = false;
}

static void an_unknown_order_is_refused(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_pool *pool;
    options.order = (enum lg_order)3;
    assert_status(lg_pool_create(&driver->table, driver, &options, &pool), LG_EINVAL);
    null_end(driver, null_pool_of(driver, 1));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(lifo_lends_what_came_back_last),
        SUPPORT_TEST(fifo_lends_what_came_back_first),
        SUPPORT_TEST(one_user_at_a_time),
        SUPPORT_TEST(affinity_lends_each_its_own),
        SUPPORT_TEST(the_same_with_a_listener),
        SUPPORT_TEST(an_unknown_order_is_refused),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
