/* Robust mutexes, of each sort, with everything that may go wrong at once.
 *
 * Threads: many of them move money between two accounts under a few mutexes, nested in any order, with deadlines
 * and cancels, and end now and then while they hold something; whoever finds that repairs the accounts.
 * Processes: children do the same with one mutex in shared memory, and are killed at any instruction. */
#include "support/robust.h"

#include "graph/context.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOTAL 1000

/* What a mutex protects: a + b == TOTAL, whenever nobody holds it who lives. */
struct account {
    struct lg_robust_mutex mutex;
    long a, b;
    uint32_t users;   /* atomic; who is inside */
    uint64_t moved;   /* under mutex */
    uint64_t repairs; /* under mutex */
};

static uint32_t faults; /* atomic */

static void note_fault(void)
{
    __atomic_add_fetch(&faults, 1, __ATOMIC_SEQ_CST);
}

static void enter(struct account *account)
{
    if (__atomic_add_fetch(&account->users, 1, __ATOMIC_SEQ_CST) != 1)
        note_fault();
    if (account->a + account->b != TOTAL)
        note_fault();
}

static void leave(struct account *account)
{
    __atomic_sub_fetch(&account->users, 1, __ATOMIC_SEQ_CST);
}

static void begin_move(struct account *account)
{
    account->a -= 10;
}

static void end_move(struct account *account)
{
    account->b += 10;
    if (account->a < 0) {
        account->a += account->b;
        account->b = 0;
    }
    account->moved++;
}

/* After LG_EOWNERDEAD, of whoever gets it. */
static bool repair(struct account *account) LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (lg_robust_mutex_recover(&account->mutex) != LG_OK)
        return false;
    __atomic_store_n(&account->users, 0, __ATOMIC_SEQ_CST); /* the dead one did not leave */
    account->b = TOTAL - account->a;
    account->repairs++;
    return true;
}

/* ---- Threads --------------------------------------------------------------------------------- */

#define ACCOUNTS 3
#define THREADS  8

static struct account *accounts[ACCOUNTS];
static struct lg_cancel *cancel;
static uint32_t next_stream, deadlocks, cancels, timeouts, deaths; /* atomic */

static bool take(struct account *account, lg_deadline deadline) LG_NO_THREAD_SAFETY_ANALYSIS
{
    int status = lg_robust_mutex_lock(&account->mutex, deadline);
    if (status == LG_OK || (status == LG_EOWNERDEAD && repair(account))) {
        if (!lg_robust_mutex_is_held(&account->mutex))
            note_fault();
        enter(account);
        return true;
    }
    if (lg_robust_mutex_is_held(&account->mutex))
        note_fault();
    switch (status) {
    case LG_EDEADLK:
        __atomic_add_fetch(&deadlocks, 1, __ATOMIC_SEQ_CST);
        if (lg_report_last()->member_count < 2)
            note_fault();
        break;
    case LG_ECANCELED:
        __atomic_add_fetch(&cancels, 1, __ATOMIC_SEQ_CST);
        break;
    case LG_ETIMEDOUT:
        __atomic_add_fetch(&timeouts, 1, __ATOMIC_SEQ_CST);
        break;
    case LG_EBUSY:
    case LG_EOWNERDEAD:
        break;
    default:
        note_fault();
    }
    return false;
}

static void put(struct account *account) LG_NO_THREAD_SAFETY_ANALYSIS
{
    leave(account);
    lg_robust_mutex_unlock(&account->mutex);
}

/* One or two, in any order.  True: the thread is to end as it is. */
static bool move_once(struct support_random *random)
{
    static const unsigned deadlines_ms[] = {0, 1, 5, 1000000};
    uint32_t first = support_below(random, ACCOUNTS);
    uint32_t second = (first + 1 + support_below(random, ACCOUNTS - 1)) % ACCOUNTS;
    lg_deadline deadline = lg_after_ms(deadlines_ms[support_below(random, 4)]);
    /* What a thread wrote before it died is ordered before its mutex is had again by the kernel alone, which the
     * thread sanitizer does not see. */
    bool must_die = !SUPPORT_TSAN && support_below(random, 1000) == 0;
    if (!take(accounts[first], deadline))
        return false;
    begin_move(accounts[first]);
    if (must_die)
        return true;
    if (support_below(random, 2))
        sched_yield();
    end_move(accounts[first]);
    if (support_below(random, 2) && take(accounts[second], deadline)) {
        begin_move(accounts[second]);
        end_move(accounts[second]);
        put(accounts[second]);
    }
    put(accounts[first]);
    return false;
}

static void *run_thread(void *arg)
{
    struct support_random random;
    struct lg_cancel_scope scope;
    support_random_begin(&random, __atomic_add_fetch(&next_stream, 1, __ATOMIC_SEQ_CST));
    if (lg_cancel_enter(support_below(&random, 4) ? NULL : cancel, &scope) != LG_OK)
        note_fault();
    for (unsigned i = 0; i < SUPPORT_ROUNDS(1000); i++)
        if (move_once(&random)) {
            __atomic_add_fetch(&deaths, 1, __ATOMIC_SEQ_CST);
            break;
        }
    lg_cancel_leave(&scope);
    return arg;
}

static void try_threads(uint32_t sort)
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        accounts[i] = robust_map(sizeof *accounts[i]);
        accounts[i]->a = TOTAL;
        assert_int_equal(lg_robust_mutex_init(&accounts[i]->mutex, "account", sort), LG_OK);
    }
    assert_int_equal(lg_cancel_create(NULL, LG_FOREVER, &cancel), LG_OK);
    for (int round = 0; round < 4; round++) {
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, run_thread, NULL), 0);
        if (round == 2)
            lg_cancel_request(cancel);
        for (unsigned i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        if (take(accounts[i], LG_TRY)) {
            put(accounts[i]);
        } else {
            note_fault();
        }
        lg_robust_mutex_destroy(&accounts[i]->mutex);
        robust_unmap(accounts[i], sizeof *accounts[i]);
    }
    lg_cancel_destroy(cancel);
}

static void test_threads(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_ERROR);
    for (uint32_t sort = 0; sort < ROBUST_SORTS; sort++)
        try_threads(sort);
    print_message("%u deadlocks, %u cancels, %u timeouts, %u deaths\n", deadlocks, cancels,
                  timeouts, deaths);
    assert_int_equal(faults, 0);
    assert_true(deadlocks > 0 && cancels > 0 && timeouts > 0);
    assert_true(deaths > 0 || SUPPORT_TSAN);
}

/* ---- Processes ------------------------------------------------------------------------------- */

#define CHILDREN 3

static void run_process(struct account *account, uint64_t stream)
{
    struct support_random random;
    alarm(50);
    support_random_begin(&random, stream);
    for (;;) {
        lg_deadline deadline = support_below(&random, 3) ? LG_FOREVER : lg_after_ms(1);
        if (take(account, deadline)) {
            begin_move(account);
            end_move(account);
            if (__atomic_load_n(&faults, __ATOMIC_SEQ_CST))
                account->moved = UINT64_MAX; /* the parent looks for it */
            put(account);
        }
    }
}

static pid_t start_process(struct account *account, uint64_t stream)
{
    pid_t child = fork();
    if (child == 0)
        run_process(account, stream);
    assert_true(child > 0);
    return child;
}

/* Kill the children one after the other, each replaced by another, while they work. */
static void try_processes(uint32_t sort)
{
    pid_t children[CHILDREN];
    struct account *account = robust_map(sizeof *account);
    struct support_random random;
    int status;
    support_random_begin(&random, 1000 + sort);
    account->a = TOTAL;
    assert_int_equal(lg_robust_mutex_init(&account->mutex, "shared", sort), LG_OK);
    for (unsigned i = 0; i < CHILDREN; i++)
        children[i] = start_process(account, i);
    for (unsigned round = 0; round < SUPPORT_ROUNDS(100); round++) {
        uint32_t i = support_below(&random, CHILDREN);
        uint64_t wanted =
            __atomic_load_n(&account->moved, __ATOMIC_SEQ_CST) + support_below(&random, 200);
        while (__atomic_load_n(&account->moved, __ATOMIC_SEQ_CST) < wanted) /* they get on */
            sched_yield();
        kill(children[i], SIGKILL);
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        children[i] = start_process(account, 10 + round);
        assert_true(account->moved != UINT64_MAX);
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        kill(children[i], SIGKILL);
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
    }
    assert_true(take(account, LG_FOREVER));
    print_message("flags %u: %llu moves, %llu repairs\n", sort, (unsigned long long)account->moved,
                  (unsigned long long)account->repairs);
    assert_true(account->moved != UINT64_MAX);
    put(account);
    lg_robust_mutex_destroy(&account->mutex);
    robust_unmap(account, sizeof *account);
}

static void test_processes(void **state)
{
    (void)state;
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("the thread sanitizer does not know processes");
    try_processes(LG_ROBUST_SHARED);
    try_processes(LG_ROBUST_SHARED | LG_ROBUST_INHERIT);
    assert_int_equal(faults, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {SUPPORT_TEST(test_threads), SUPPORT_TEST(test_processes)};
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
