/* Conditions under random load: no signal is lost, nothing is taken twice, and nobody is told of a
 * deadlock where there is none. */
#include "support/locks.h"

#include "plat/clock.h"

#include <sched.h>
#include <string.h>

#define THREADS_MAX 6

static lg_deadline soon_or_never(struct support_random *random)
{
    return support_below(random, 4) == 0 ? lg__now_ns() + support_below(random, 50000) : LG_FOREVER;
}

/* ---- A bounded queue ------------------------------------------------------------------------- */

#define ROOM  3
#define ITEMS SUPPORT_ROUNDS(6000u)

struct queue {
    struct lg_mutex mutex;
    struct lg_condition not_empty, not_full;
    uint32_t items[ROOM]; /* under mutex */
    unsigned first, count;
    unsigned put, taken;
    unsigned total;
    uint64_t sum;
};

struct part {
    struct queue *queue;
    unsigned index;
    unsigned timed_out, wrong;
    struct support_random random;
};

/* Wait until `what` is not `unwanted` or all is done; the mutex is held.  False: done. */
static bool wait_while(struct part *part, struct lg_condition *condition, const unsigned *what,
                       unsigned unwanted, const unsigned *done) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct queue *queue = part->queue;
    while (*what == unwanted && *done < queue->total) {
        int status = lg_condition_wait(condition, &queue->mutex, soon_or_never(&part->random));
        part->timed_out += status == LG_ETIMEDOUT;
        part->wrong += status != LG_OK && status != LG_ETIMEDOUT;
        part->wrong += !lg_mutex_is_held(&queue->mutex);
    }
    return *done < queue->total;
}

/* Signal or broadcast, as holder or after the unlock; the mutex is not held afterwards. */
static void unlock_and_tell(struct part *part, struct lg_condition *condition, bool all)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    bool as_holder = support_below(&part->random, 2);
    if (!as_holder)
        lg_mutex_unlock(&part->queue->mutex);
    if (all || support_below(&part->random, 8) == 0)
        lg_condition_broadcast(condition);
    else
        lg_condition_signal(condition);
    if (as_holder)
        lg_mutex_unlock(&part->queue->mutex);
}

static int produce(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct part *part = arg;
    struct queue *queue = part->queue;
    for (;;) {
        if (lg_mutex_lock(&queue->mutex, LG_FOREVER) != LG_OK)
            return 1;
        if (!wait_while(part, &queue->not_full, &queue->count, ROOM, &queue->put)) {
            unlock_and_tell(part, &queue->not_full, true);
            return 0;
        }
        queue->items[(queue->first + queue->count++) % ROOM] = ++queue->put;
        unlock_and_tell(part, &queue->not_empty, false);
    }
}

static int consume(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct part *part = arg;
    struct queue *queue = part->queue;
    for (;;) {
        if (lg_mutex_lock(&queue->mutex, LG_FOREVER) != LG_OK)
            return 1;
        if (!wait_while(part, &queue->not_empty, &queue->count, 0, &queue->taken)) {
            unlock_and_tell(part, &queue->not_empty, true);
            return 0;
        }
        part->wrong += queue->items[queue->first] != ++queue->taken;
        queue->sum += queue->items[queue->first];
        queue->first = (queue->first + 1) % ROOM;
        queue->count--;
        unlock_and_tell(part, &queue->not_full, false);
    }
}

static void run_queue(unsigned producers, unsigned consumers, uint64_t stream)
{
    struct queue queue = {.mutex = LG_MUTEX_INIT("queue"), .total = ITEMS};
    struct part parts[THREADS_MAX];
    struct crew_worker *workers[THREADS_MAX];
    for (unsigned i = 0; i < producers + consumers; i++) {
        parts[i] = (struct part){.queue = &queue, .index = i};
        support_random_begin(&parts[i].random, stream * 100 + i);
        workers[i] = crew_hire_numbered(i < producers ? "producer" : "consumer", i);
        crew_run(workers[i], i < producers ? produce : consume, &parts[i]);
    }
    for (unsigned i = 0; i < producers + consumers; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        assert_int_equal(parts[i].wrong, 0);
        crew_leave(workers[i]);
    }
    assert_int_equal(queue.taken, ITEMS);
    assert_true(queue.sum == (uint64_t)ITEMS * (ITEMS + 1) / 2);
    lg_condition_destroy(&queue.not_empty);
    lg_condition_destroy(&queue.not_full);
    lg_mutex_destroy(&queue.mutex);
}

static void test_queue_one_to_one(void **state)
{
    (void)state;
    run_queue(1, 1, 1);
}

static void test_queue_many_to_many(void **state)
{
    (void)state;
    run_queue(3, 3, 2);
    run_queue(1, 5, 3);
}

/* ---- Phases ---------------------------------------------------------------------------------- */

/* A barrier from a condition without deadlines: whoever comes last broadcasts, as the holder or
 * not.  One lost waiter and it hangs. */
struct phases {
    struct lg_mutex mutex;
    struct lg_condition all_here;
    unsigned count, here, phase; /* under mutex */
    unsigned rounds;
};

struct walker {
    struct phases *phases;
    unsigned index, wrong;
    struct support_random random;
};

static bool arrive(struct walker *walker) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct phases *phases = walker->phases;
    if (lg_mutex_lock(&phases->mutex, LG_FOREVER) != LG_OK)
        return false;
    unsigned phase = phases->phase;
    if (++phases->here == phases->count) {
        bool as_holder = support_below(&walker->random, 2);
        phases->here = 0;
        phases->phase++;
        if (!as_holder)
            lg_mutex_unlock(&phases->mutex);
        lg_condition_broadcast(&phases->all_here);
        if (as_holder)
            lg_mutex_unlock(&phases->mutex);
        return true;
    }
    int status = LG_OK;
    while (phases->phase == phase && status == LG_OK)
        status = lg_condition_wait(&phases->all_here, &phases->mutex, LG_FOREVER);
    walker->wrong += status != LG_OK;
    lg_mutex_unlock(&phases->mutex);
    return status == LG_OK;
}

static int walk(void *arg)
{
    struct walker *walker = arg;
    for (unsigned i = 0; i < walker->phases->rounds; i++)
        if (!arrive(walker))
            return 1;
    return 0;
}

static void run_phases(unsigned count, unsigned rounds, uint64_t stream)
{
    struct phases phases = {.mutex = LG_MUTEX_INIT("phases"), .count = count, .rounds = rounds};
    struct walker walkers[THREADS_MAX];
    struct crew_worker *workers[THREADS_MAX];
    for (unsigned i = 0; i < count; i++) {
        walkers[i] = (struct walker){.phases = &phases, .index = i};
        support_random_begin(&walkers[i].random, stream * 100 + i);
        workers[i] = crew_hire_numbered("walker", i);
    }
    for (unsigned i = 0; i < count; i++)
        crew_run(workers[i], walk, &walkers[i]);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        assert_int_equal(walkers[i].wrong, 0);
        crew_leave(workers[i]);
    }
    assert_int_equal(phases.phase, rounds);
}

static void test_no_broadcast_forgets_anybody(void **state)
{
    (void)state;
    run_phases(2, SUPPORT_ROUNDS(5000u), 4);
    run_phases(5, SUPPORT_ROUNDS(2000u), 5);
}

/* ---- Together with other locks --------------------------------------------------------------- */

/* An outer recursive lock is held across waits, with its inner one taken in order by everybody: no
 * ring can close, though waits for the way back stand in the graph all the time. */
struct nest {
    struct lg_mutex outer[2], inner;
    struct lg_condition changed;
    unsigned value; /* under inner */
    unsigned rounds;
};

struct bird {
    struct nest *nest;
    unsigned index, wrong, waited;
    struct support_random random;
};

static void sit(struct bird *bird) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct nest *nest = bird->nest;
    unsigned depth = 1 + support_below(&bird->random, 3);
    for (unsigned i = 0; i < depth; i++)
        bird->wrong += lg_mutex_lock(&nest->inner, LG_FOREVER) != LG_OK;
    unsigned seen = nest->value;
    int status = lg_condition_wait(&nest->changed, &nest->inner,
                                   lg__now_ns() + support_below(&bird->random, 100000));
    bird->wrong += status != LG_OK && status != LG_ETIMEDOUT;
    bird->waited += status == LG_OK;
    bird->wrong += nest->value < seen;
    nest->value++;
    if (support_below(&bird->random, 2))
        lg_condition_broadcast(&nest->changed);
    for (unsigned i = 0; i < depth; i++)
        lg_mutex_unlock(&nest->inner);
    if (support_below(&bird->random, 2))
        lg_condition_signal(&nest->changed);
}

static int nest_and_sit(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct bird *bird = arg;
    struct lg_mutex *outer = &bird->nest->outer[bird->index % 2];
    for (unsigned i = 0; i < bird->nest->rounds; i++) {
        lg_deadline deadline = soon_or_never(&bird->random);
        int status = lg_mutex_lock(outer, deadline);
        bird->wrong += status != LG_OK && status != LG_ETIMEDOUT;
        if (status != LG_OK)
            continue;
        sit(bird);
        lg_mutex_unlock(outer);
    }
    return 0;
}

static void test_no_alarm_around_a_condition(void **state)
{
    (void)state;
    struct nest nest = {
        .outer = {LG_MUTEX_INIT("left"), LG_MUTEX_INIT("right")},
        .inner = LG_MUTEX_RECURSIVE_INIT("inner"),
        .changed = LG_CONDITION_INIT("changed"),
        .rounds = SUPPORT_ROUNDS(1500u),
    };
    struct bird birds[4];
    struct crew_worker *workers[4];
    support_log_begin(LG_LOG_INFO);
    for (unsigned i = 0; i < 4; i++) {
        birds[i] = (struct bird){.nest = &nest, .index = i};
        support_random_begin(&birds[i].random, 600 + i);
        workers[i] = crew_hire_numbered("bird", i);
    }
    for (unsigned i = 0; i < 4; i++)
        crew_run(workers[i], nest_and_sit, &birds[i]);
    unsigned waited = 0;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        assert_int_equal(birds[i].wrong, 0);
        waited += birds[i].waited;
    }
    assert_true(waited > 0);
    assert_int_equal(support_log_count("deadlock"), 0);
    assert_int_equal(nest.inner.word, 0);
}

/* Now the outer one is taken in the wrong order too: by some before the inner one, by some after.
 * Those on their way back are never told if somebody else will do; whoever is told lets go, backs
 * off and tries again; all get their work done. */
static int nest_any_way(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct bird *bird = arg;
    struct nest *nest = bird->nest;
    for (unsigned i = 0, attempt = 0; i < nest->rounds;) {
        bool is_outer_first = support_below(&bird->random, 2);
        struct lg_mutex *first = is_outer_first ? &nest->outer[0] : &nest->inner;
        struct lg_mutex *second = is_outer_first ? &nest->inner : &nest->outer[0];
        if (lg_mutex_lock(first, LG_FOREVER) != LG_OK) {
            bird->wrong++;
            return 1;
        }
        int status = lg_mutex_lock(second, LG_FOREVER);
        bool has_inner = status == LG_OK;
        if (status == LG_OK) {
            status = lg_condition_wait(&nest->changed, &nest->inner,
                                       lg__now_ns() + support_below(&bird->random, 20000));
            has_inner = status == LG_OK || status == LG_ETIMEDOUT;
            if (has_inner)
                nest->value++;
            if (has_inner)
                lg_mutex_unlock(&nest->inner);
            lg_mutex_unlock(&nest->outer[0]);
        } else {
            lg_mutex_unlock(first);
        }
        lg_condition_signal(&nest->changed);
        bird->wrong += status != LG_OK && status != LG_ETIMEDOUT && status != LG_EDEADLK;
        if (has_inner) {
            i++;
            attempt = 0;
        } else if (!lg_retry(attempt++ % 4, LG_FOREVER)) {
            bird->wrong++;
        }
    }
    return 0;
}

static void test_victims_around_a_condition(void **state)
{
    (void)state;
    struct nest nest = {
        .outer = {LG_MUTEX_INIT("outer")},
        .inner = LG_MUTEX_INIT("inner"),
        .changed = LG_CONDITION_INIT("changed"),
        .rounds = SUPPORT_ROUNDS(700u),
    };
    struct bird birds[4];
    struct crew_worker *workers[4];
    for (unsigned i = 0; i < 4; i++) {
        birds[i] = (struct bird){.nest = &nest, .index = i};
        support_random_begin(&birds[i].random, 700 + i);
        workers[i] = crew_hire_numbered("bird", i);
    }
    for (unsigned i = 0; i < 4; i++)
        crew_run(workers[i], nest_any_way, &birds[i]);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        assert_int_equal(birds[i].wrong, 0);
    }
    assert_int_equal(nest.value, 4 * nest.rounds);
    assert_int_equal(nest.inner.word, 0);
    assert_int_equal(nest.outer[0].word, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_queue_one_to_one),
        SUPPORT_TEST(test_queue_many_to_many),
        SUPPORT_TEST(test_no_broadcast_forgets_anybody),
        SUPPORT_TEST(test_no_alarm_around_a_condition),
        SUPPORT_TEST(test_victims_around_a_condition),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
