/* Onces under random load: there is never a second singleton, nor half a one, whatever fails or ends. */
#include "support/crew.h"

#include "plat/atomic.h"
#include "plat/clock.h"

#include <lifeguard/once.h>

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 6

/* What the function makes: all its words are the same number. */
struct singleton {
    uint64_t words[16];
};

struct stand {
    struct lg_once once;
    struct singleton *made;
    uint32_t in_function, runs, failures, made_count; /* atomic */
    uint32_t failures_wanted;                         /* of the first runs */
    uint32_t overlaps;                                /* atomic; must stay 0 */
};

struct visitor {
    struct stand *stand;
    struct support_random random;
    struct singleton *got;
    unsigned wrong;
};

static int make(void *arg)
{
    struct visitor *visitor = arg;
    struct stand *stand = visitor->stand;
    if (lg__add_full(&stand->in_function, 1u) > 0)
        (void)lg__add_full(&stand->overlaps, 1u);
    uint32_t run = lg__add_full(&stand->runs, 1u);
    int status = LG_ESYS;
    if (support_below(&visitor->random, 2))
        sched_yield();
    if (run >= stand->failures_wanted) {
        struct singleton *singleton = malloc(sizeof *singleton);
        for (unsigned i = 0; singleton && i < 16; i++)
            singleton->words[i] = run + 1;
        stand->made = singleton;
        (void)lg__add_full(&stand->made_count, 1u);
        status = LG_OK;
    }
    (void)lg__sub_full(&stand->in_function, 1u);
    return status;
}

static int visit(void *arg)
{
    struct visitor *visitor = arg;
    struct stand *stand = visitor->stand;
    int status;
    do {
        status =
            lg_once_call(&stand->once, make, visitor, support_deadline(&visitor->random, 20000));
        if (status == LG_ESYS)
            (void)lg__add_full(&stand->failures, 1u);
        visitor->wrong +=
            status != LG_OK && status != LG_ESYS && status != LG_EBUSY && status != LG_ETIMEDOUT;
    } while (status != LG_OK && visitor->wrong == 0);
    visitor->got = stand->made;
    for (unsigned i = 1; i < 16; i++)
        visitor->wrong += visitor->got->words[i] != visitor->got->words[0];
    return (int)visitor->wrong;
}

static void test_there_is_one_singleton(void **state)
{
    (void)state;
    struct crew_worker *workers[THREADS];
    struct visitor visitors[THREADS];
    struct support_random random;
    support_random_begin(&random, 1);
    for (unsigned i = 0; i < THREADS; i++)
        workers[i] = crew_hire_numbered("visitor", i);
    for (int round = 0; round < SUPPORT_ROUNDS(3000); round++) {
        struct stand stand = {.failures_wanted = support_below(&random, 4)};
        for (unsigned i = 0; i < THREADS; i++) {
            visitors[i] = (struct visitor){.stand = &stand};
            support_random_begin(&visitors[i].random, 1000u + (unsigned)round * THREADS + i);
            crew_run(workers[i], visit, &visitors[i]);
        }
        for (unsigned i = 0; i < THREADS; i++) {
            assert_int_equal(crew_wait(workers[i]), 0);
            assert_ptr_equal(visitors[i].got, stand.made);
        }
        assert_int_equal(stand.overlaps, 0);
        assert_int_equal(stand.made_count, 1);
        assert_int_equal(stand.failures, stand.failures_wanted);
        assert_int_equal(stand.runs, stand.failures_wanted + 1);
        assert_int_equal(stand.once.word, LG_ONCE_DONE);
        free(stand.made);
    }
}

/* ---- Contexts that end within it -------------------------------------------------------------- */

/* The first runs end their context within the function, as a thread that is cancelled would. */
static int make_or_end(void *arg)
{
    struct visitor *visitor = arg;
    struct stand *stand = visitor->stand;
    uint32_t run = lg__add_full(&stand->runs, 1u);
    if (support_below(&visitor->random, 2))
        sched_yield();
    if (run < stand->failures_wanted)
        return lg_context_end(lg_context_detach()) == LG_OK ? LG_ESYS : LG_EINVAL;
    stand->made = calloc(1, sizeof *stand->made);
    (void)lg__add_full(&stand->made_count, 1u);
    return LG_OK;
}

static int visit_or_end(void *arg)
{
    struct visitor *visitor = arg;
    int status;
    do {
        status = lg_once_call(&visitor->stand->once, make_or_end, visitor, LG_FOREVER);
        visitor->wrong += status != LG_OK && status != LG_ESYS;
    } while (status != LG_OK && visitor->wrong == 0);
    visitor->got = visitor->stand->made;
    return (int)visitor->wrong;
}

static void test_it_survives_who_ends_within_it(void **state)
{
    (void)state;
    struct crew_worker *workers[THREADS];
    struct visitor visitors[THREADS];
    struct support_random random;
    support_random_begin(&random, 2);
    support_log_begin(LG_LOG_WARN);
    for (unsigned i = 0; i < THREADS; i++)
        workers[i] = crew_hire_numbered("visitor", i);
    for (int round = 0; round < SUPPORT_ROUNDS(1000); round++) {
        struct stand stand = {.failures_wanted = support_below(&random, 4)};
        for (unsigned i = 0; i < THREADS; i++) {
            visitors[i] = (struct visitor){.stand = &stand};
            support_random_begin(&visitors[i].random, 900000u + (unsigned)round * THREADS + i);
            crew_run(workers[i], visit_or_end, &visitors[i]);
        }
        for (unsigned i = 0; i < THREADS; i++) {
            assert_int_equal(crew_wait(workers[i]), 0);
            assert_ptr_equal(visitors[i].got, stand.made);
        }
        assert_int_equal(stand.made_count, 1);
        assert_int_equal(stand.runs, stand.failures_wanted + 1);
        free(stand.made);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_there_is_one_singleton),
        SUPPORT_TEST(test_it_survives_who_ends_within_it),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
