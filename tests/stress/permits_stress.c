/* Permits under random load: never more out than there is, no unit lost, no wake lost, no false alarm; all
 * work gets done where there are deadlocks; contexts that end, gifts and resizes in between. */
#include "support/locks.h"
#include "support/permits.h"

#include "graph/context.h"
#include "plat/clock.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define THREADS  6
#define CAPACITY 5

/* What is out by the books of the test, for who may not hold more than there is. */
struct book {
    struct lg_permits permits;
    int64_t out; /* atomic */
    uint32_t capacity_most;
    unsigned rounds;
    uint64_t stream;
    struct lg_context *contexts[THREADS]; /* atomic */
    uint32_t finished;                    /* atomic; how many clerks have */
    uint32_t is_over;                     /* atomic */
};

struct clerk {
    struct book *book;
    unsigned index;
    unsigned done, late, told, wrong;
    struct support_random random;
};

static void open_book(struct book *book, uint64_t stream, unsigned rounds)
{
    memset(book, 0, sizeof *book);
    book->permits = (struct lg_permits)LG_PERMITS_INIT("units", CAPACITY);
    book->capacity_most = CAPACITY;
    book->stream = stream;
    book->rounds = rounds;
}

static int acquire(struct clerk *clerk, uint32_t units, lg_deadline deadline)
{
    struct book *book = clerk->book;
    int status = lg_permits_acquire(&book->permits, units, deadline);
    clerk->late += status == LG_ETIMEDOUT || status == LG_EBUSY;
    clerk->told += status == LG_EDEADLK;
    clerk->wrong +=
        status != LG_OK && status != LG_ETIMEDOUT && status != LG_EBUSY && status != LG_EDEADLK;
    if (status == LG_OK)
        clerk->wrong +=
            lg__add_full(&book->out, (int64_t)units) + (int64_t)units > book->capacity_most;
    return status;
}

static void release(struct clerk *clerk, uint32_t units)
{
    (void)lg__sub_full(&clerk->book->out, (int64_t)units);
    clerk->wrong += lg_permits_release(&clerk->book->permits, units) != LG_OK;
}

static struct clerk employ(struct book *book, support_step *work)
{
    struct clerk clerks[THREADS], all = {0};
    struct crew_worker *workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        clerks[i] = (struct clerk){.book = book, .index = i};
        support_random_begin(&clerks[i].random, book->stream * 100 + i);
        workers[i] = crew_hire_numbered("clerk", i);
        lg__store_release(&book->contexts[i], crew_context(workers[i]));
    }
    for (unsigned i = 0; i < THREADS; i++)
        crew_run(workers[i], work, &clerks[i]);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        all.done += clerks[i].done;
        all.late += clerks[i].late;
        all.told += clerks[i].told;
        all.wrong += clerks[i].wrong;
    }
    for (unsigned i = 0; i < THREADS; i++)
        crew_leave(workers[i]);
    assert_int_equal(all.wrong, 0);
    return all;
}

/* ---- One acquire at a time: never a deadlock --------------------------------------------------- */

static int take_at_once(void *arg)
{
    struct clerk *clerk = arg;
    for (unsigned i = 0; i < clerk->book->rounds; i++) {
        uint32_t units = 1 + support_below(&clerk->random, CAPACITY);
        if (acquire(clerk, units, support_deadline(&clerk->random, 200000)) != LG_OK)
            continue;
        if (support_below(&clerk->random, 8) == 0)
            sched_yield();
        uint32_t part = support_below(&clerk->random, units);
        if (part > 0)
            release(clerk, part);
        release(clerk, units - part);
        clerk->done++;
    }
    return 0;
}

static void test_at_once_nobody_is_ever_told(void **state)
{
    (void)state;
    static struct book book;
    open_book(&book, 1, SUPPORT_ROUNDS(15000u));
    struct clerk all = employ(&book, take_at_once);
    assert_int_equal(all.told, 0);
    assert_true(all.done > 0 && all.late > 0);
    expect_permits_quiet(&book.permits, CAPACITY);
}

/* ---- Piece by piece: all work gets done -------------------------------------------------------- */

static int take_piecewise(void *arg)
{
    struct clerk *clerk = arg;
    for (unsigned i = 0; i < clerk->book->rounds; i++) {
        uint32_t wanted = 2 + support_below(&clerk->random, CAPACITY - 1);
        for (unsigned attempt = 0;; attempt++) {
            uint32_t held = 0;
            int status = LG_OK;
            while (held < wanted && status == LG_OK) {
                uint32_t piece = 1 + support_below(&clerk->random, wanted - held);
                status = acquire(clerk, piece, LG_FOREVER);
                held += status == LG_OK ? piece : 0;
                if (support_below(&clerk->random, 4) == 0)
                    sched_yield();
            }
            if (held > 0)
                release(clerk, held);
            if (status == LG_OK || clerk->wrong > 0)
                break;
            if (!lg_retry(attempt % 4, LG_FOREVER))
                clerk->wrong++;
        }
        clerk->done++;
    }
    return 0;
}

static void test_piecewise_all_work_gets_done(void **state)
{
    (void)state;
    static struct book book;
    open_book(&book, 2, SUPPORT_ROUNDS(1500u));
    struct clerk all = employ(&book, take_piecewise);
    assert_int_equal(all.done, THREADS * book.rounds);
    assert_true(all.told > 0);
    expect_permits_quiet(&book.permits, CAPACITY);
}

/* ---- Gifts, ends and resizes ------------------------------------------------------------------- */

static void give_to_any(struct clerk *clerk, uint32_t units)
{
    struct book *book = clerk->book;
    struct lg_context *other =
        lg__load_acquire(&book->contexts[support_below(&clerk->random, THREADS)]);
    int status = lg_permits_give(&book->permits, units, other);
    clerk->wrong += status != LG_OK && status != LG_EINVAL; /* it may have ended */
}

/* What it has taken and what others have given it; more may come. */
static void give_back_all(struct clerk *clerk)
{
    uint32_t held = lg_permits_held(&clerk->book->permits);
    if (held > 0)
        clerk->wrong += lg_permits_release(&clerk->book->permits, held) != LG_OK;
}

/* End the context with what it holds, as a thread that ends would. */
static void end_context(struct clerk *clerk)
{
    clerk->wrong += lg_context_end(lg_context_detach()) != LG_OK;
    lg__store_release(&clerk->book->contexts[clerk->index], lg_context_self());
}

static int take_and_give(void *arg)
{
    struct clerk *clerk = arg;
    struct book *book = clerk->book;
    for (unsigned i = 0; i < book->rounds; i++) {
        uint32_t units = 1 + support_below(&clerk->random, 2);
        int status =
            lg_permits_acquire(&book->permits, units, support_deadline(&clerk->random, 200000));
        clerk->wrong +=
            status != LG_OK && status != LG_ETIMEDOUT && status != LG_EBUSY && status != LG_EDEADLK;
        if (status == LG_OK) {
            clerk->done++;
            uint32_t which = support_below(&clerk->random, 8);
            if (which < 3)
                give_to_any(clerk, units);
            else if (which == 3)
                end_context(clerk);
        }
        give_back_all(clerk);
    }
    (void)lg__add_full(&book->finished, 1u);
    while (lg__load_acquire(&book->finished) <
           THREADS) { /* who still works may give, and wait for it */
        give_back_all(clerk);
        sched_yield();
    }
    return 0;
}

static int resize_again_and_again(void *arg)
{
    struct clerk *clerk = arg;
    struct book *book = clerk->book;
    while (!lg__load_acquire(&book->is_over)) {
        clerk->wrong +=
            lg_permits_resize(&book->permits, 2 + support_below(&clerk->random, CAPACITY)) != LG_OK;
        for (int i = 0; i < 1000; i++)
            sched_yield();
    }
    return (int)clerk->wrong;
}

/* What is not in at the end was lost, and what is too much was made.  (Gifts may arrive at a clerk that
 * is done: when all have left, these are back as well.) */
static void test_whatever_happens_none_is_lost(void **state)
{
    (void)state;
    static struct book book;
    open_book(&book, 3, SUPPORT_ROUNDS(2000u));
    support_log_begin(LG_LOG_ERROR);
    struct clerk resizer = {.book = &book};
    support_random_begin(&resizer.random, 399);
    struct crew_worker *r = crew_hire("resizer");
    crew_run(r, resize_again_and_again, &resizer);
    struct clerk all = employ(&book, take_and_give);
    lg__store_release(&book.is_over, 1u);
    assert_int_equal(crew_wait(r), 0);
    assert_true(all.done > 0);
    assert_int_equal(lg_permits_resize(&book.permits, CAPACITY), LG_OK);
    expect_permits_quiet(&book.permits, CAPACITY);
}

/* ---- Deadlocks that are none ------------------------------------------------------------------- */

/* Each takes a mutex and then units, or units and then another mutex, but the mutexes are in one order and
 * units come last or are so many that all who hold a mutex can have theirs: no deadlock. */
struct shop {
    struct lg_mutex first, second;
    struct lg_permits permits;
    unsigned rounds;
    uint64_t stream;
};

struct customer {
    struct shop *shop;
    unsigned wrong;
    struct support_random random;
};

static int buy(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct customer *customer = arg;
    struct shop *shop = customer->shop;
    for (unsigned i = 0; i < shop->rounds; i++) {
        bool takes_first = support_below(&customer->random, 2);
        bool takes_second = support_below(&customer->random, 2);
        uint32_t units = 1 + support_below(&customer->random, 3);
        customer->wrong += takes_first && lg_mutex_lock(&shop->first, LG_FOREVER) != LG_OK;
        customer->wrong += takes_second && lg_mutex_lock(&shop->second, LG_FOREVER) != LG_OK;
        int status = lg_permits_acquire(&shop->permits, units, LG_FOREVER);
        customer->wrong += status != LG_OK;
        if (support_below(&customer->random, 8) == 0)
            sched_yield();
        if (takes_second)
            lg_mutex_unlock(&shop->second);
        if (takes_first)
            lg_mutex_unlock(&shop->first);
        customer->wrong += lg_permits_release(&shop->permits, units) != LG_OK;
    }
    return (int)customer->wrong;
}

static void test_in_order_with_mutexes(void **state)
{
    (void)state;
    static struct shop shop = {.first = LG_MUTEX_INIT("first"),
                               .second = LG_MUTEX_INIT("second"),
                               .permits = LG_PERMITS_INIT("units", 4)};
    struct customer customers[THREADS];
    struct crew_worker *workers[THREADS];
    shop.rounds = SUPPORT_ROUNDS(6000u);
    for (unsigned i = 0; i < THREADS; i++) {
        customers[i] = (struct customer){.shop = &shop};
        support_random_begin(&customers[i].random, 400 + i);
        workers[i] = crew_hire_numbered("customer", i);
        crew_run(workers[i], buy, &customers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    expect_permits_quiet(&shop.permits, 4);
}

/* ---- Memory that goes -------------------------------------------------------------------------- */

/* Whoever gives back last frees the permits; the other is out of it then, whatever it did there.  (The
 * address sanitizer watches.) */
struct shared {
    struct lg_permits permits;
    uint32_t users; /* atomic */
};

static int use_shared(void *arg)
{
    struct shared *shared = arg;
    for (int i = 0; i < 20; i++) {
        if (lg_permits_acquire(&shared->permits, 1 + (unsigned)i % 2, LG_FOREVER) != LG_OK ||
            lg_permits_release(&shared->permits, 1 + (unsigned)i % 2) != LG_OK)
            return 1;
    }
    if (lg__sub_full(&shared->users, 1u) == 1)
        free(shared);
    return 0;
}

static void test_the_last_user_frees_them(void **state)
{
    (void)state;
    struct crew_worker *workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        workers[i] = crew_hire_numbered("user", i);
    for (int round = 0; round < SUPPORT_ROUNDS(500); round++) {
        struct shared *shared = calloc(1, sizeof *shared);
        assert_non_null(shared);
        shared->users = THREADS;
        assert_int_equal(lg_permits_init(&shared->permits, "shared", 2), LG_OK);
        for (unsigned i = 0; i < THREADS; i++)
            crew_run(workers[i], use_shared, shared);
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(crew_wait(workers[i]), 0);
    }
}

/* ---- Fork -------------------------------------------------------------------------------------- */

/* While others take and give back as fast as they can, main forks: in the child all are in that main does
 * not hold, wherever the others were. */
static int count_in_child(void *arg)
{
    struct book *book = arg;
    SUPPORT_CHECK(lg_permits_try_acquire(&book->permits, CAPACITY) == LG_OK);
    SUPPORT_CHECK(lg_permits_try_acquire(&book->permits, 1) == LG_EBUSY);
    SUPPORT_CHECK(lg_permits_release(&book->permits, CAPACITY) == LG_OK);
    lg_permits_destroy(&book->permits);
    return 0;
}

static int take_until_over(void *arg)
{
    struct clerk *clerk = arg;
    while (!lg__load_acquire(&clerk->book->is_over))
        if (acquire(clerk, 1 + support_below(&clerk->random, 3), LG_FOREVER) == LG_OK)
            release(clerk, lg_permits_held(&clerk->book->permits));
    return (int)clerk->wrong;
}

static void test_fork_at_any_moment(void **state)
{
    (void)state;
    static struct book book;
    struct clerk clerks[3];
    struct crew_worker *workers[3];
    open_book(&book, 5, 0);
    for (unsigned i = 0; i < 3; i++) {
        clerks[i] = (struct clerk){.book = &book};
        support_random_begin(&clerks[i].random, 500 + i);
        workers[i] = crew_hire_numbered("clerk", i);
        crew_run(workers[i], take_until_over, &clerks[i]);
    }
    for (int i = 0; i < SUPPORT_ROUNDS(200); i++)
        assert_int_equal(support_fork(count_in_child, &book), 0);
    lg__store_release(&book.is_over, 1u);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
    expect_permits_quiet(&book.permits, CAPACITY);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_at_once_nobody_is_ever_told),
        SUPPORT_TEST(test_piecewise_all_work_gets_done),
        SUPPORT_TEST(test_whatever_happens_none_is_lost),
        SUPPORT_TEST(test_in_order_with_mutexes),
        SUPPORT_TEST(test_the_last_user_frees_them),
        SUPPORT_TEST(test_fork_at_any_moment),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
