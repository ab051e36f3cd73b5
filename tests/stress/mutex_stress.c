/* Mutexes under random load: money is conserved, who takes locks in order is never told of a
 * deadlock, who does not is, and gets all work done; memory goes as soon as it may. */
#include "support/locks.h"

#include "graph/context.h"

#include "plat/clock.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define THREADS  4
#define ACCOUNTS 6
#define START    1000

struct account {
    struct lg_mutex mutex;
    long balance; /* under mutex */
    long mirror;  /* under mutex; always START - balance */
};

struct bank {
    struct account accounts[ACCOUNTS];
    unsigned rounds;
    uint64_t stream;
    uint32_t is_over; /* atomic */
};

struct teller {
    struct bank *bank;
    unsigned index;
    unsigned done, timed_out, busy, told; /* how often */
    unsigned wrong;                       /* what must never be */
    struct support_random random;
};

static void open_bank(struct bank *bank, uint64_t stream, unsigned rounds)
{
    memset(bank, 0, sizeof *bank);
    bank->stream = stream;
    bank->rounds = rounds;
    for (int i = 0; i < ACCOUNTS; i++) {
        bank->accounts[i].mutex = (struct lg_mutex)LG_MUTEX_INIT("account");
        bank->accounts[i].balance = START;
    }
}

static void check_bank(const struct bank *bank)
{
    long sum = 0;
    for (int i = 0; i < ACCOUNTS; i++) {
        assert_int_equal(bank->accounts[i].mirror, START - bank->accounts[i].balance);
        assert_int_equal(bank->accounts[i].mutex.word & ~3ull, 0);
        sum += bank->accounts[i].balance;
    }
    assert_int_equal(sum, ACCOUNTS * START);
}

/* All tellers at work; returns what they did together. */
static struct teller employ(struct bank *bank, support_step *work)
{
    struct teller tellers[THREADS], all = {0};
    struct crew_worker *workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        tellers[i] = (struct teller){.bank = bank, .index = i};
        support_random_begin(&tellers[i].random, bank->stream * 100 + i);
        workers[i] = crew_hire_numbered("teller", i);
    }
    for (unsigned i = 0; i < THREADS; i++)
        crew_run(workers[i], work, &tellers[i]);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        all.done += tellers[i].done;
        all.timed_out += tellers[i].timed_out;
        all.busy += tellers[i].busy;
        all.told += tellers[i].told;
        all.wrong += tellers[i].wrong;
    }
    return all;
}

static void move(struct teller *teller, struct account *from, struct account *to, long amount)
{
    teller->wrong += from->mirror != START - from->balance || to->mirror != START - to->balance;
    from->balance -= amount;
    if (support_below(&teller->random, 8) == 0)
        sched_yield(); /* in the middle of it */
    to->balance += amount;
    from->mirror += amount;
    to->mirror -= amount;
    teller->done++;
}

static bool note(struct teller *teller, int status)
{
    teller->timed_out += status == LG_ETIMEDOUT;
    teller->busy += status == LG_EBUSY;
    teller->told += status == LG_EDEADLK;
    teller->wrong +=
        status != LG_OK && status != LG_ETIMEDOUT && status != LG_EBUSY && status != LG_EDEADLK;
    return status == LG_OK;
}

/* ---- In order: never a deadlock -------------------------------------------------------------- */

/* Two accounts, the lower number first, each with any deadline. */
static int transfer_in_order(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct teller *teller = arg;
    struct account *accounts = teller->bank->accounts;
    for (unsigned i = 0; i < teller->bank->rounds; i++) {
        uint32_t a = support_below(&teller->random, ACCOUNTS - 1);
        uint32_t b = a + 1 + support_below(&teller->random, ACCOUNTS - 1 - a);
        bool is_upward = support_below(&teller->random, 2);
        if (!note(teller,
                  lg_mutex_lock(&accounts[a].mutex, support_deadline(&teller->random, 100000))))
            continue;
        if (note(teller,
                 lg_mutex_lock(&accounts[b].mutex, support_deadline(&teller->random, 100000)))) {
            move(teller, &accounts[is_upward ? a : b], &accounts[is_upward ? b : a], 1);
            lg_mutex_unlock(&accounts[is_upward ? a : b].mutex);
            lg_mutex_unlock(&accounts[is_upward ? b : a].mutex);
        } else {
            lg_mutex_unlock(&accounts[a].mutex);
        }
    }
    return 0;
}

static void test_in_order_nobody_is_ever_told(void **state)
{
    (void)state;
    static struct bank bank;
    open_bank(&bank, 1, SUPPORT_ROUNDS(40000u));
    struct teller all = employ(&bank, transfer_in_order);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.told, 0);
    assert_true(all.done > 0 && all.timed_out > 0 && all.busy > 0);
    check_bank(&bank);
}

/* ---- In any order: every transfer is done all the same --------------------------------------- */

/* The accounts of a transfer, up to four of them in any order; all or nothing. */
static int lock_all(struct teller *teller, const uint32_t *order, unsigned count)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    unsigned held = 0;
    int status = LG_OK;
    while (held < count && status == LG_OK) {
        bool is_timed = support_below(&teller->random, 10) == 0;
        status = lg_mutex_lock(&teller->bank->accounts[order[held]].mutex,
                               is_timed ? lg__now_ns() + 20000 : LG_FOREVER);
        held += status == LG_OK;
    }
    while (status != LG_OK && held > 0)
        lg_mutex_unlock(&teller->bank->accounts[order[--held]].mutex);
    return status;
}

static void choose_order(struct support_random *random, uint32_t *order)
{
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        uint32_t j = support_below(random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

static int transfer_in_any_order(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct teller *teller = arg;
    uint32_t order[ACCOUNTS] = {0};
    for (unsigned i = 0; i < teller->bank->rounds; i++) {
        unsigned count = 2 + support_below(&teller->random, 3);
        unsigned attempt = 0;
        choose_order(&teller->random, order);
        while (!note(teller, lock_all(teller, order, count)))
            if (!lg_retry(attempt++ % 4, LG_FOREVER))
                teller->wrong++;
        move(teller, &teller->bank->accounts[order[0]], &teller->bank->accounts[order[1]], 1);
        while (count > 0)
            lg_mutex_unlock(&teller->bank->accounts[order[--count]].mutex);
    }
    return 0;
}

static void test_in_any_order_all_work_gets_done(void **state)
{
    (void)state;
    static struct bank bank;
    open_bank(&bank, 2, SUPPORT_ROUNDS(3000u));
    struct teller all = employ(&bank, transfer_in_any_order);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.done, THREADS * bank.rounds);
    assert_true(all.told > 0);
    check_bank(&bank);
}

/* ---- Deadlocks that are none ----------------------------------------------------------------- */

/* A (worker 0) was told once and has let go of nothing: it goes last when victims are chosen.  It
 * now only ever looks whether it could have b: with deadlines that have passed, which begin a wait
 * for an instant, for the sake of the report.  B holds b and waits for a, with deadlines.  A runs
 * all the time, so B is never deadlocked, whatever it sees of A's instants. */
struct pair {
    struct lg_mutex a, b;
    uint32_t is_over; /* atomic */
    unsigned told, rounds;
};

static int look_at_b(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct pair *pair = arg;
    while (!lg__load_acquire(&pair->is_over)) {
        int status = lg_mutex_lock(&pair->b, 1);
        pair->told += status == LG_EDEADLK;
        if (status == LG_OK)
            lg_mutex_unlock(&pair->b);
    }
    return 0;
}

static int wait_for_a(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct pair *pair = arg;
    unsigned told = 0;
    for (unsigned i = 0; i < pair->rounds; i++)
        told += lg_mutex_lock(&pair->a, lg__now_ns() + 2000) == LG_EDEADLK;
    lg__store_release(&pair->is_over, 1u);
    return (int)told;
}

static void test_an_instant_is_no_wait(void **state)
{
    (void)state;
    static struct pair pair = {.a = LG_MUTEX_INIT("a"), .b = LG_MUTEX_INIT("b")};
    struct crew_worker *A = crew_hire("A"), *B = crew_hire("B");
    pair.rounds = SUPPORT_ROUNDS(3000u);
    assert_int_equal(crew_do(A, step_lock, &pair.a), LG_OK);
    assert_int_equal(crew_do(B, step_lock, &pair.b), LG_OK);
    crew_run(B, step_lock, &pair.a);
    crew_wait_blocked_on(B, &pair.a);
    assert_int_equal(crew_do(A, step_lock, &pair.b), LG_EDEADLK); /* told, and holds on to a */
    struct lg_context *b = crew_context(B);
    assert_true(lg__wait_end(&b->wait, LG__WAIT_TIMED_OUT, 0));
    lg__wait_wake(&b->wait);
    assert_int_equal(crew_wait(B), LG_ETIMEDOUT);
    crew_run(A, look_at_b, &pair);
    assert_int_equal(crew_do(B, wait_for_a, &pair), 0);
    (void)crew_wait(A);
    assert_int_equal(pair.told, 0);
    (void)crew_do(B, step_unlock, &pair.b);
    (void)crew_do(A, step_unlock, &pair.a);
}

/* A try is no wait: whatever races it loses, it fills no report.  Others keep the mutex
 * contended. */
static int contend(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct pair *pair = arg;
    while (!lg__load_acquire(&pair->is_over))
        if (lg_mutex_lock(&pair->a, LG_FOREVER) == LG_OK)
            lg_mutex_unlock(&pair->a);
    return 0;
}

static int only_try(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct pair *pair = arg;
    unsigned wrong = 0;
    for (unsigned i = 0; i < pair->rounds; i++) {
        int status = lg_mutex_try_lock(&pair->a);
        if (status == LG_OK)
            lg_mutex_unlock(&pair->a);
        wrong += status != LG_OK && status != LG_EBUSY;
        wrong += lg_report_last()->kind != LG_REPORT_NONE;
    }
    lg__store_release(&pair->is_over, 1u);
    return (int)wrong;
}

static void test_a_try_fills_no_report(void **state)
{
    (void)state;
    static struct pair pair = {.a = LG_MUTEX_INIT("a")};
    struct crew_worker *workers[2], *t = crew_hire("T");
    pair.rounds = SUPPORT_ROUNDS(100000u);
    for (unsigned i = 0; i < 2; i++) {
        workers[i] = crew_hire_numbered("contender", i);
        crew_run(workers[i], contend, &pair);
    }
    assert_int_equal(crew_do(t, only_try, &pair), 0);
    (void)crew_wait(workers[0]);
    (void)crew_wait(workers[1]);
}

/* ---- Memory that goes ------------------------------------------------------------------------ */

/* Y allocates a mutex and holds it; X, who holds the gate, waits for it in vain, lets go of the
 * gate and says so; Y unlocks and frees.  Z and W wait for the gate, with deadlines: their reports
 * follow X to the mutex that is about to go.  The address sanitizer watches. */
struct stage {
    struct lg_mutex gate;
    struct lg_mutex *offered; /* atomic */
    uint32_t answered;        /* atomic; how many X has been offered and has left */
    uint32_t is_over;         /* atomic */
    unsigned rounds;
};

static int offer(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct stage *stage = arg;
    for (uint32_t i = 0; i < stage->rounds; i++) {
        struct lg_mutex *mutex = calloc(1, sizeof *mutex);
        if (!mutex || lg_mutex_lock(mutex, LG_FOREVER) != LG_OK)
            return 1;
        lg__store_release(&stage->offered, mutex);
        while (lg__load_acquire(&stage->answered) == i)
            sched_yield();
        lg_mutex_unlock(mutex);
        free(mutex);
    }
    lg__store_release(&stage->is_over, 1u);
    return 0;
}

static int answer(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct stage *stage = arg;
    while (!lg__load_acquire(&stage->is_over)) {
        struct lg_mutex *mutex = lg__swap_acquire(&stage->offered, (struct lg_mutex *)NULL);
        if (!mutex) {
            sched_yield();
            continue;
        }
        if (lg_mutex_lock(&stage->gate, LG_FOREVER) != LG_OK)
            return 1;
        if (lg_mutex_lock(mutex, lg__now_ns() + 30000) != LG_ETIMEDOUT)
            return 2;
        lg_mutex_unlock(&stage->gate);
        (void)lg__add_full(&stage->answered, 1u);
    }
    return 0;
}

static int look_through(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct stage *stage = arg;
    int wrong = 0;
    while (!lg__load_acquire(&stage->is_over)) {
        int status = lg_mutex_lock(&stage->gate, lg__now_ns() + 10000);
        if (status == LG_OK)
            lg_mutex_unlock(&stage->gate);
        wrong += status != LG_OK && status != LG_ETIMEDOUT;
    }
    return wrong;
}

static void test_a_walk_ends_before_the_memory_goes(void **state)
{
    (void)state;
    static struct stage stage = {.gate = LG_MUTEX_INIT("gate")};
    static support_step *const parts[] = {offer, answer, look_through, look_through};
    struct crew_worker *workers[4];
    stage.rounds = SUPPORT_TSAN ? 100 : 1000;
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = crew_hire_numbered("actor", i);
        crew_run(workers[i], parts[i], &stage);
    }
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(crew_wait(workers[i]), 0);
}

/* Whoever takes the last piece frees the mutex that counted them, right after its own unlock. */
struct shared {
    struct lg_mutex mutex;
    unsigned users; /* under mutex */
};

static int drop_shared(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct shared *shared = arg;
    if (lg_mutex_lock(&shared->mutex, LG_FOREVER) != LG_OK)
        return 1;
    bool is_last = --shared->users == 0;
    lg_mutex_unlock(&shared->mutex);
    if (is_last)
        free(shared);
    return 0;
}

static void test_the_last_user_frees_the_mutex(void **state)
{
    (void)state;
    struct crew_worker *workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        workers[i] = crew_hire_numbered("user", i);
    for (int round = 0; round < SUPPORT_ROUNDS(1000); round++) {
        struct shared *shared = calloc(1, sizeof *shared);
        assert_non_null(shared);
        shared->users = THREADS;
        for (unsigned i = 0; i < THREADS; i++)
            crew_run(workers[i], drop_shared, shared);
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(crew_wait(workers[i]), 0);
    }
}

/* ---- Owners that end ------------------------------------------------------------------------- */

/* Threads lock, and sometimes their context ends without an unlock.  Whoever hears of it recovers;
 * a value under the mutex says how often that was due, and nothing is lost. */
struct relay {
    struct lg_mutex mutex;
    unsigned left, recovered; /* under mutex */
    unsigned rounds;
    uint64_t stream;
};

struct runner {
    struct relay *relay;
    unsigned index, left, wrong;
};

static bool take(struct relay *relay) LG_NO_THREAD_SAFETY_ANALYSIS
{
    for (;;) {
        int status = lg_mutex_lock(&relay->mutex, LG_FOREVER);
        if (status == LG_OK)
            return true;
        if (status != LG_EOWNERDEAD)
            return false;
        if (lg_mutex_recover(&relay->mutex) == LG_OK) {
            relay->recovered++;
            return true;
        }
    }
}

static int run_relay(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct runner *runner = arg;
    struct relay *relay = runner->relay;
    struct support_random random;
    support_random_begin(&random, relay->stream + runner->index);
    for (unsigned i = 0; i < relay->rounds; i++) {
        if (!take(relay)) {
            runner->wrong++;
            break;
        }
        if (support_below(&random, 10) != 0) {
            lg_mutex_unlock(&relay->mutex);
            continue;
        }
        relay->left++;
        if (lg_context_end(lg_context_detach()) != LG_OK) /* as a thread's end would */
            runner->wrong++;
        runner->left++;
    }
    return 0;
}

static void test_owners_that_end(void **state) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)state;
    static struct relay relay = {.mutex = LG_MUTEX_INIT("baton"), .stream = 700};
    struct runner runners[THREADS];
    struct crew_worker *workers[THREADS];
    unsigned left = 0;
    relay.rounds = SUPPORT_ROUNDS(3000u);
    support_log_begin(LG_LOG_ERROR);
    for (unsigned i = 0; i < THREADS; i++) {
        runners[i] = (struct runner){.relay = &relay, .index = i};
        workers[i] = crew_hire_numbered("runner", i);
        crew_run(workers[i], run_relay, &runners[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        assert_int_equal(runners[i].wrong, 0);
        left += runners[i].left;
    }
    assert_true(take(&relay));
    assert_int_equal(relay.left, left);
    assert_int_equal(relay.recovered, left);
    lg_mutex_unlock(&relay.mutex);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_in_order_nobody_is_ever_told),
        SUPPORT_TEST(test_in_any_order_all_work_gets_done),
        SUPPORT_TEST(test_an_instant_is_no_wait),
        SUPPORT_TEST(test_a_try_fills_no_report),
        SUPPORT_TEST(test_a_walk_ends_before_the_memory_goes),
        SUPPORT_TEST(test_the_last_user_frees_the_mutex),
        SUPPORT_TEST(test_owners_that_end),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
