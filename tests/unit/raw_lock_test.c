/* The lock below all locks: it excludes, it wakes, and it may be tried. */
#include "support/crew.h"

#include "graph/context.h"
#include "plat/raw_lock.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#define WORKERS 4
#define ROUNDS  SUPPORT_ROUNDS(20000)

static struct lg__raw_lock lock;
static uint64_t counter; /* under lock; plain, so that the sanitizer judges too */

static int count_up(void *arg)
{
    int tries_lost = 0;
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 3 == 0) {
            while (!lg__raw_try_lock(&lock))
                tries_lost++;
        } else {
            lg__raw_lock(&lock);
        }
        counter++;
        lg__raw_unlock(&lock);
    }
    return tries_lost;
}

static void test_it_excludes(void **state)
{
    (void)state;
    struct crew_worker *workers[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        workers[i] = crew_hire(NULL);
    for (int i = 0; i < WORKERS; i++)
        crew_run(workers[i], count_up, NULL);
    for (int i = 0; i < WORKERS; i++)
        (void)crew_wait(workers[i]);
    assert_int_equal(counter, (uint64_t)WORKERS * (uint64_t)ROUNDS);
    assert_int_equal(lock.word, 0);
}

static void test_a_held_lock_is_not_had_by_trying(void **state)
{
    (void)state;
    struct lg__raw_lock held = {0};
    lg__raw_lock(&held);
    assert_false(lg__raw_try_lock(&held));
    assert_int_equal(held.word, 1); /* a try announces no sleeper */
    lg__raw_unlock(&held);
    assert_true(lg__raw_try_lock(&held));
    lg__raw_unlock(&held);
}

static int take_and_drop(void *arg)
{
    struct lg__raw_lock *raw = arg;
    lg__raw_lock(raw);
    lg__raw_unlock(raw);
    return 0;
}

static char state_of_thread(const struct crew_worker *worker)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", crew_context(worker)->tid);
    FILE *file = fopen(path, "r");
    if (file && !fgets(line, sizeof line, file))
        line[0] = 0;
    if (file)
        fclose(file);
    const char *end = strrchr(line, ')');
    return end ? end[2] : '?';
}

/* A sleeper says 2, and the unlock that sees it wakes; the one who was woken keeps the 2, because
 * others may sleep too. */
static void test_the_word_says_when_somebody_sleeps(void **state)
{
    (void)state;
    struct lg__raw_lock raw = {0};
    struct crew_worker *a = crew_hire("A");
    struct crew_worker *b = crew_hire("B");
    lg__raw_lock(&raw);
    crew_run(a, take_and_drop, &raw);
    crew_run(b, take_and_drop, &raw);
    while (lg__load_relaxed(&raw.word) != 2 || state_of_thread(a) != 'S' ||
           state_of_thread(b) != 'S')
        sched_yield();
    lg__raw_unlock(&raw);
    assert_int_equal(crew_wait(a), 0);
    assert_int_equal(crew_wait(b), 0);
    assert_int_equal(raw.word, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_it_excludes),
        SUPPORT_TEST(test_a_held_lock_is_not_had_by_trying),
        SUPPORT_TEST(test_the_word_says_when_somebody_sleeps),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
