/* Barriers under random load: all or none pass, each index once a round, nobody passes early, nobody hangs. */
#include "support/locks.h"
#include "support/signals.h"

#include "plat/atomic.h"
#include "plat/clock.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 5

struct field {
    struct lg_barrier barrier;
    struct lg_mutex mutex;
    pthread_barrier_t mend; /* of all, when it is broken */
    uint32_t rounds;
    uint32_t steps[THREADS]; /* atomic; how often each has arrived */
    uint32_t indices[2];     /* atomic; the indices of a round, as bits, by parity */
    uint32_t runs;           /* of the action */
    uint32_t most;           /* of them */
    bool is_registered;      /* each player is */
};

struct player {
    struct field *field;
    unsigned index;
    unsigned wrong, broken, told, passed;
    struct support_random random;
};

static void idle_a_bit(struct support_random *random)
{
    uint32_t kind = support_below(random, 8);
    if (kind == 0)
        sched_yield();
    for (uint32_t i = kind * 20; i > 0; i--)
        lg__cpu_relax();
}

static struct player play(struct field *field, support_step *step, uint64_t stream)
{
    struct player players[THREADS], all = {0};
    struct crew_worker *crew[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        players[i] = (struct player){.field = field, .index = i};
        support_random_begin(&players[i].random, stream + i);
        crew[i] = crew_hire_numbered("player-", i);
    }
    for (unsigned i = 0; i < THREADS; i++)
        crew_run(crew[i], step, &players[i]);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(crew_wait(crew[i]), LG_OK);
        all.wrong += players[i].wrong;
        all.broken += players[i].broken;
        all.told += players[i].told;
        all.passed += players[i].passed;
    }
    lg_barrier_destroy(&field->barrier);
    return all;
}

/* ---- Rounds ------------------------------------------------------------------------------------ */

/* When one is through, all have arrived as often as itself, and nobody more than once more. */
static unsigned count_wrong_steps(const struct player *player, uint32_t step)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        uint32_t others = __atomic_load_n(&player->field->steps[i], __ATOMIC_ACQUIRE);
        wrong += others != step && others != step + 1;
    }
    return wrong;
}

static int play_rounds(void *arg)
{
    struct player *player = arg;
    struct field *field = player->field;
    if (field->is_registered)
        player->wrong += lg_barrier_register(&field->barrier, NULL) != LG_OK;
    pthread_barrier_wait(&field->mend);
    for (uint32_t step = 1; step <= field->rounds; step++) {
        uint32_t index = THREADS;
        idle_a_bit(&player->random);
        __atomic_store_n(&field->steps[player->index], step, __ATOMIC_RELEASE);
        player->wrong += lg_barrier_wait(&field->barrier, LG_FOREVER, &index) != LG_OK;
        player->wrong += index >= THREADS || count_wrong_steps(player, step) > 0;
        uint32_t *indices = &field->indices[step % 2];
        uint32_t bit = 1u << index;
        player->wrong += (__atomic_fetch_or(indices, bit, __ATOMIC_SEQ_CST) & bit) != 0;
        player->passed++;
    }
    pthread_barrier_wait(&field->mend); /* nobody ends while others are on their way */
    return LG_OK;
}

/* Before anybody passes: the round's indices are not given yet, those of the round before are complete. */
static int clear_indices(void *arg)
{
    struct field *field = arg;
    uint32_t *before = &field->indices[field->runs % 2];
    bool is_whole = field->runs == 0 || *before == (1u << THREADS) - 1;
    field->runs++;
    field->indices[field->runs % 2] = 0;
    return is_whole ? LG_OK : LG_EDRIVER;
}

static void test_rounds(void **state)
{
    (void)state;
    for (int is_registered = 0; is_registered < 2; is_registered++) {
        struct field field = {.rounds = SUPPORT_ROUNDS(3000u), .is_registered = is_registered};
        pthread_barrier_init(&field.mend, NULL, THREADS);
        assert_int_equal(lg_barrier_init(&field.barrier, "rounds", THREADS, clear_indices, &field),
                         LG_OK);
        struct player all = play(&field, play_rounds, 100);
        assert_int_equal(all.wrong, 0);
        assert_int_equal(field.runs, field.rounds);
        pthread_barrier_destroy(&field.mend);
    }
}

/* ---- All or none ------------------------------------------------------------------------------- */

/* Some come with short deadlines.  Were one to pass where another fails, they would not meet at `mend`. */
static int play_with_deadlines(void *arg)
{
    struct player *player = arg;
    struct field *field = player->field;
    for (uint32_t step = 0; step < field->rounds; step++) {
        bool is_short = support_below(&player->random, 6) == 0;
        lg_deadline deadline =
            is_short ? lg__now_ns() + 1000 + support_below(&player->random, 60000) : LG_FOREVER;
        int status = lg_barrier_wait(&field->barrier, deadline, NULL);
        if (status == LG_OK) {
            player->passed++;
            continue;
        }
        if (status == LG_ETIMEDOUT && !lg_barrier_is_broken(&field->barrier)) {
            lg_barrier_abort(
                &field->barrier); /* it was late before it arrived: that breaks nothing */
        }
        player->broken++;
        player->wrong += status != LG_EBROKEN && !(is_short && status == LG_ETIMEDOUT);
        if (pthread_barrier_wait(&field->mend) == PTHREAD_BARRIER_SERIAL_THREAD)
            lg_barrier_reset(&field->barrier);
        pthread_barrier_wait(&field->mend);
    }
    return LG_OK;
}

static void test_all_or_none(void **state)
{
    (void)state;
    struct field field = {.rounds = SUPPORT_ROUNDS(3000u)};
    pthread_barrier_init(&field.mend, NULL, THREADS);
    assert_int_equal(lg_barrier_init(&field.barrier, "all or none", THREADS, NULL, NULL), LG_OK);
    struct player all = play(&field, play_with_deadlines, 200);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.broken % THREADS, 0);
    assert_int_equal(all.passed % THREADS, 0);
    pthread_barrier_destroy(&field.mend);
}

/* ---- More threads than places ------------------------------------------------------------------ */

static int count_runs(void *arg)
{
    struct field *field = arg;
    if (++field->runs % 8 == 0)
        sched_yield();
    return field->runs < field->most ? LG_OK : LG_ECLOSED;
}

static int play_crowded(void *arg)
{
    struct player *player = arg;
    for (;;) {
        uint32_t index = THREADS;
        int status = lg_barrier_wait(&player->field->barrier, LG_FOREVER, &index);
        player->wrong += status != LG_OK && status != LG_EBROKEN && status != LG_ECLOSED;
        player->wrong += status == LG_OK && index >= 3;
        if (status != LG_OK)
            return LG_OK;
        player->passed++;
        idle_a_bit(&player->random);
    }
}

static void test_more_threads_than_places(void **state)
{
    (void)state;
    struct field field = {.most = SUPPORT_ROUNDS(4000u)};
    assert_int_equal(lg_barrier_init(&field.barrier, "crowd", 3, count_runs, &field), LG_OK);
    struct player all = play(&field, play_crowded, 300);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(field.runs, field.most);
    assert_int_equal(all.passed, 3 * (field.most - 1));
}

/* ---- Rings ------------------------------------------------------------------------------------- */

/* One lock, needed now and then before the barrier and held now and then at it. */
static int play_with_a_lock(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct player *player = arg;
    struct field *field = player->field;
    player->wrong += lg_barrier_register(&field->barrier, NULL) != LG_OK;
    pthread_barrier_wait(&field->mend);
    for (uint32_t step = 0; step < field->rounds; step++) {
        bool must_lock = support_below(&player->random, 2);
        for (;;) { /* until this round is passed */
            int locked = must_lock ? lg_mutex_lock(&field->mutex, LG_FOREVER) : LG_EBUSY;
            player->told += locked == LG_EDEADLK;
            if (locked == LG_OK && support_below(&player->random, 2)) {
                lg_mutex_unlock(&field->mutex);
                locked = LG_EBUSY;
            }
            int status = lg_barrier_wait(&field->barrier, LG_FOREVER, NULL);
            if (locked == LG_OK)
                lg_mutex_unlock(&field->mutex);
            player->told += status == LG_EDEADLK;
            player->wrong += status != LG_OK && status != LG_EDEADLK;
            must_lock = false;
            if (status == LG_OK)
                break;
        }
        player->passed++;
    }
    pthread_barrier_wait(&field->mend); /* nobody ends while others need him */
    return LG_OK;
}

static void test_no_hang_with_rings(void **state)
{
    (void)state;
    support_log_begin(LG_LOG_ERROR);
    struct field field = {.rounds = SUPPORT_ROUNDS(1000u), .mutex = LG_MUTEX_INIT("m")};
    pthread_barrier_init(&field.mend, NULL, THREADS);
    assert_int_equal(lg_barrier_init(&field.barrier, "rings", THREADS, NULL, NULL), LG_OK);
    struct player all = play(&field, play_with_a_lock, 400);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.passed, THREADS * field.rounds);
    assert_int_equal(field.mutex.word & ~3ull, 0);
    pthread_barrier_destroy(&field.mend);
}

/* ---- Coming and going -------------------------------------------------------------------------- */

static int come_and_go(void *arg)
{
    struct player *player = arg;
    struct field *field = player->field;
    for (uint32_t step = 0; step < field->rounds; step++) {
        player->wrong += lg_barrier_register(&field->barrier, NULL) != LG_OK;
        for (uint32_t i = support_below(&player->random, 4); i > 0; i--) {
            player->wrong += lg_barrier_wait(&field->barrier, LG_FOREVER, NULL) != LG_OK;
            player->passed++;
        }
        idle_a_bit(&player->random);
        player->wrong += lg_barrier_unregister(&field->barrier, NULL) != LG_OK;
    }
    return LG_OK;
}

static void test_coming_and_going(void **state)
{
    (void)state;
    struct field field = {.rounds = SUPPORT_ROUNDS(3000u)};
    struct player all = play(&field, come_and_go, 500);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(field.barrier.parties, 0);
    assert_int_equal(field.barrier.registered, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_rounds),
        SUPPORT_TEST(test_all_or_none),
        SUPPORT_TEST(test_more_threads_than_places),
        SUPPORT_TEST(test_no_hang_with_rings),
        SUPPORT_TEST(test_coming_and_going),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
