/* The trace: its file is valid, its slices nest in each lane, and it says who waited, who held, who woke. */
#include "support/json.h"
#include "support/locks.h"
#include "support/owners.h"
#include "support/several.h"
#include "sync/mutex.h"

#include <lifeguard/trace.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/lifeguard-trace-XXXXXX";
static char path[64];

static int begin_test(void **state)
{
    assert_int_equal(lg_trace_start(NULL), LG_OK);
    return support_setup(state);
}

static int end_test(void **state)
{
    lg_trace_stop();
    (void)unlink(path);
    return support_teardown(state);
}

#define TRACE_TEST(test) cmocka_unit_test_setup_teardown((test), begin_test, end_test)

/* ---- Reading a trace ------------------------------------------------------------------------------ */

/* A file's text; the caller frees it. */
static char *read_file(const char *name)
{
    struct stat status;
    int fd = open(name, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    char *text = calloc(1, (size_t)status.st_size + 1);
    assert_int_equal(read(fd, text, (size_t)status.st_size), status.st_size);
    close(fd);
    return text;
}

/* Write the trace, and read it. */
static char *written(void)
{
    assert_int_equal(lg_trace_write(path), LG_OK);
    char *text = read_file(path);
    assert_true(json_is_valid(text));
    return text;
}

/* Each event is a line of its own: "{...}," or "{...}".  The next one is copied, without the comma.  By bytes,
 * because under the address sanitizer functions for strings look at all that is left of the text. */
static const char *next_event(const char *text, char *event, size_t size)
{
    while (text[0] && !(text[0] == '\n' && text[1] == '{'))
        text++;
    if (!text[0])
        return NULL;
    const char *start = text + 1;
    size_t length = 0;
    while (start[length] && start[length] != '\n')
        length++;
    assert_true(length < size);
    memcpy(event, start, length);
    event[length - (event[length - 1] == ',')] = 0;
    event[length] = 0;
    return start + length;
}

#define LANES_MAX 64

/* Check the nesting of all lanes, and that time goes on in each; returns how many slices there are. */
static unsigned check_slices(const char *text)
{
    static unsigned depths[LANES_MAX];
    static double times[LANES_MAX];
    memset(depths, 0, sizeof depths);
    memset(times, 0, sizeof times);
    unsigned slices = 0;
    char event[1024], phase[4], value[32];
    while ((text = next_event(text, event, sizeof event)) != NULL) {
        assert_true(json_is_valid(event));
        assert_true(json_get(event, "ph", phase, sizeof phase));
        assert_true(json_get(event, "tid", value, sizeof value));
        unsigned lane = (unsigned)atoi(value);
        assert_true(lane > 0 && lane < LANES_MAX);
        assert_true(json_get(event, "ts", value, sizeof value));
        assert_true(atof(value) >= times[lane]);
        times[lane] = atof(value);
        slices += phase[0] == 'B';
        depths[lane] += phase[0] == 'B';
        if (phase[0] == 'E')
            assert_true(depths[lane]-- > 0);
        if (phase[0] == 's' || phase[0] == 'f')
            assert_true(depths[lane] > 0); /* an arrow is bound to a slice */
    }
    for (unsigned lane = 0; lane < LANES_MAX; lane++)
        assert_int_equal(depths[lane], 0);
    return slices;
}

/* How many events have this phase and, if it is not NULL, this name. */
static unsigned count_events(const char *text, const char *phase, const char *name)
{
    unsigned count = 0;
    char event[1024], value[128];
    while ((text = next_event(text, event, sizeof event)) != NULL) {
        assert_true(json_get(event, "ph", value, sizeof value));
        if (strcmp(value, phase) != 0)
            continue;
        count +=
            !name || (json_get(event, "name", value, sizeof value) && strcmp(value, name) == 0);
    }
    return count;
}

/* ---- What is in it -------------------------------------------------------------------------------- */

static void an_empty_trace(void **state)
{
    (void)state;
    char *text = written();
    assert_int_equal(check_slices(text), 0);
    free(text);
    assert_int_equal(lg_trace_write(NULL), LG_EINVAL);
    assert_int_equal(lg_trace_write("/nowhere/at/all.json"), LG_ESYS);
    assert_int_equal(lg_trace_write_fd(-1), LG_EINVAL);
}

static void holds(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b \"x\"");
    assert_int_equal(step_lock(&a), LG_OK);
    assert_int_equal(step_lock(&b), LG_OK);
    assert_int_equal(step_unlock(&a), LG_OK); /* below b */
    assert_int_equal(step_unlock(&b), LG_OK);
    assert_int_equal(step_lock(&a), LG_OK); /* still held when it is written */
    char *text = written();
    assert_int_equal(check_slices(text), 4); /* b goes on in a second one */
    assert_int_equal(count_events(text, "B", "holds mutex a"), 2);
    assert_int_equal(count_events(text, "B", "holds mutex b \"x\""), 2);
    assert_non_null(strstr(text, "locks.c:"));
    free(text);
    assert_int_equal(step_unlock(&a), LG_OK);
}

static void a_wait_and_who_ended_it(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("Anna");
    assert_int_equal(step_lock(&mutex), LG_OK);
    crew_run(a, step_lock, &mutex);
    crew_wait_blocked_on(a, &mutex);
    char *text = written(); /* while it waits */
    (void)check_slices(text);
    assert_int_equal(count_events(text, "B", "waits for mutex m"), 1);
    free(text);
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_unlock, &mutex), LG_OK);
    text = written();
    (void)check_slices(text);
    assert_int_equal(count_events(text, "B", "waits for mutex m"), 1);
    assert_int_equal(count_events(text, "B", "holds mutex m"), 2);
    assert_int_equal(count_events(text, "s", "wake"), 1);
    assert_int_equal(count_events(text, "f", "wake"), 1);
    char event[1024], start_id[32] = "", end_id[32] = "";
    for (const char *rest = text; (rest = next_event(rest, event, sizeof event)) != NULL;) {
        if (strstr(event, "\"ph\":\"s\""))
            assert_true(json_get(event, "id", start_id, sizeof start_id));
        if (strstr(event, "\"ph\":\"f\""))
            assert_true(json_get(event, "id", end_id, sizeof end_id));
    }
    assert_string_equal(start_id, end_id);
    assert_non_null(strstr(text, "\"Anna\""));
    free(text);
}

/* Two that wait again and again: each arrow has a number of its own, at both of its ends. */
static void arrows_to_two(void **state)
{
    (void)state;
    enum { ROUNDS = 100 }; /* more than the writer has room for at first */
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *workers[] = {crew_hire("Anna"), crew_hire("Bert")};
    for (size_t i = 0; i < 2 * (size_t)ROUNDS; i++) {
        struct crew_worker *worker = workers[i % 2];
        assert_int_equal(step_lock(&mutex), LG_OK);
        crew_run(worker, step_lock, &mutex);
        crew_wait_blocked_on(worker, &mutex);
        assert_int_equal(step_unlock(&mutex), LG_OK);
        assert_int_equal(crew_wait(worker), LG_OK);
        assert_int_equal(crew_do(worker, step_unlock, &mutex), LG_OK);
    }
    char *text = written(), event[1024], ids[2 * ROUNDS][32];
    size_t found = 0;
    for (const char *rest = text; (rest = next_event(rest, event, sizeof event)) != NULL;) {
        if (!strstr(event, "\"ph\":\"s\""))
            continue;
        assert_in_range(found, 0, 2 * ROUNDS - 1);
        assert_true(json_get(event, "id", ids[found], sizeof ids[found]));
        for (size_t i = 0; i < found; i++)
            assert_string_not_equal(ids[i], ids[found]);
        found++;
    }
    assert_int_equal(found, 2 * ROUNDS);
    assert_int_equal(count_events(text, "f", "wake"), 2 * ROUNDS);
    free(text);
}

/* A wait for several things is one slice with the names of all, and one arrow leads to it. */
static void a_wait_for_several_things(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct lg_semaphore s = LG_SEMAPHORE_INIT("s", 0, 0);
    struct several_step several =
        several_of(lg_waitable_mutex(&m), lg_waitable_semaphore(&s), several_none);
    struct crew_worker *a = crew_hire("Anna");
    assert_int_equal(step_lock(&m), LG_OK);
    crew_run(a, step_wait_any, &several);
    crew_wait_blocked(a);
    assert_int_equal(lg_semaphore_post(&s, 1), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(step_unlock(&m), LG_OK);
    char *text = written();
    (void)check_slices(text);
    assert_int_equal(count_events(text, "B", "waits for any of m, s"), 1);
    assert_int_equal(count_events(text, "s", "wake"), 1);
    assert_int_equal(count_events(text, "f", "wake"), 1);
    free(text);
}

static int wait_for_unit(void *semaphore)
{
    return lg_semaphore_wait(semaphore, LG_FOREVER);
}

/* Nobody has ended the one wait; who has ended the other has no lane. */
static void waits_without_an_arrow(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct lg_semaphore semaphore = LG_SEMAPHORE_INIT("s", 0, 0);
    struct lock_until soon = {&mutex, lg_after_ms(20), LG_HERE};
    struct crew_worker *a = crew_hire("Anna"), *b = crew_hire("Bert");
    assert_int_equal(crew_do(a, step_lock, &mutex), LG_OK);
    assert_int_equal(crew_do(b, step_lock_until, &soon), LG_ETIMEDOUT);
    crew_run(b, wait_for_unit, &semaphore);
    crew_wait_blocked(b);
    assert_int_equal(lg_semaphore_post(&semaphore, 1), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    assert_int_equal(crew_do(a, step_unlock, &mutex), LG_OK);
    char *text = written();
    (void)check_slices(text);
    assert_in_range(count_events(text, "B", "waits for mutex m"), 0, 1); /* 0: it came too late */
    assert_int_equal(count_events(text, "B", "waits for semaphore s"), 1);
    assert_int_equal(count_events(text, "s", "wake"), 0);
    assert_int_equal(count_events(text, "f", "wake"), 0);
    free(text);
}

static void leases(void **state)
{
    (void)state;
    struct null_driver *driver = null_begin();
    struct lg_pool *pool = null_pool_of(driver, 2);
    struct loan loan = loan_of(driver, pool, LG_FOREVER);
    for (int i = 0; i < 3; i++) {
        assert_status(loan_checkout(&loan), LG_OK);
        assert_status(loan_checkin(&loan), LG_OK);
    }
    char *text = written();
    assert_true(check_slices(text) >= 3);
    assert_non_null(strstr(text, "holds pool "));
    free(text);
    null_end(driver, pool);
}

/* Lanes of threads that have ended have their names, and slots that are used again have new lanes. */
static int lock_and_unlock(void *mutex)
{
    return step_lock(mutex) == LG_OK ? step_unlock(mutex) : 1;
}

static void *run_named(void *mutex)
{
    static unsigned number;
    char name[LG_NAME_SIZE];
    snprintf(name, sizeof name, "gone-%u", number++);
    (void)!lg_context_set_name(name);
    (void)lock_and_unlock(mutex);
    return NULL;
}

static void threads_that_have_ended(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run_named, &mutex), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    char *text = written();
    assert_int_equal(check_slices(text), 3);
    assert_int_equal(count_events(text, "M", "thread_name"), 3);
    assert_non_null(strstr(text, "\"gone-0\""));
    assert_non_null(strstr(text, "\"gone-2\""));
    free(text);
}

/* ---- What is not ---------------------------------------------------------------------------------- */

static void only_one(void **state)
{
    (void)state;
    struct lg_trace_options options = LG_TRACE_OPTIONS_INIT;
    struct lg_mutex red = LG_MUTEX_INIT("red-1"), blue = LG_MUTEX_INIT("blue");
    const char *wishes[] = {"red-1", "red*", "blue", "re", NULL};
    unsigned expected[] = {1, 1, 1, 0, 2};
    for (int i = 0; i < 5; i++) {
        options.only = wishes[i];
        assert_int_equal(lg_trace_start(&options), LG_OK);
        assert_int_equal(lock_and_unlock(&red), LG_OK);
        assert_int_equal(lock_and_unlock(&blue), LG_OK);
        char *text = written();
        assert_int_equal(check_slices(text), expected[i]);
        free(text);
    }
}

static void waits_alone(void **state)
{
    (void)state;
    struct lg_trace_options options = LG_TRACE_OPTIONS_INIT;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    options.flags = LG_TRACE_WAITS;
    assert_int_equal(lg_trace_start(&options), LG_OK);
    assert_int_equal(step_lock(&mutex), LG_OK);
    crew_run(a, lock_and_unlock, &mutex);
    crew_wait_blocked_on(a, &mutex);
    assert_int_equal(step_unlock(&mutex), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    char *text = written();
    (void)check_slices(text);
    assert_int_equal(count_events(text, "B", "waits for mutex m"), 1);
    assert_int_equal(count_events(text, "B", "holds mutex m"), 0);
    free(text);
}

static void bad_options(void **state)
{
    (void)state;
    struct lg_trace_options options = LG_TRACE_OPTIONS_INIT;
    options.flags = 2;
    assert_int_equal(lg_trace_start(&options), LG_EINVAL);
    options.flags = 0;
    options.size = 3;
    assert_int_equal(lg_trace_start(&options), LG_EINVAL);
    options.only = "cut in two";
    options.size = sizeof options - 4;
    assert_int_equal(lg_trace_start(&options), LG_EINVAL);
    options.size = UINT32_MAX;
    assert_int_equal(lg_trace_start(&options), LG_EINVAL);
    struct {
        struct lg_trace_options options;
        uint64_t more;
    } newer = {LG_TRACE_OPTIONS_INIT, 1};
    newer.options.size = sizeof newer;
    assert_int_equal(lg_trace_start(&newer.options), LG_EVERSION);
    newer.more = 0;
    assert_int_equal(lg_trace_start(&newer.options), LG_OK);
}

/* The oldest make room, and lanes nest all the same. */
static void more_than_there_is_room_for(void **state)
{
    (void)state;
    struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");
    for (int i = 0; i < LG_TRACE_EVENTS; i++) {
        assert_int_equal(step_lock(&a), LG_OK);
        assert_int_equal(lock_and_unlock(&b), LG_OK);
        assert_int_equal(step_unlock(&a), LG_OK);
    }
    struct lg_trace_counts counts = lg_trace_counts();
    assert_int_equal(counts.kept, LG_TRACE_EVENTS);
    assert_int_equal(counts.overwritten, 3 * LG_TRACE_EVENTS + 1); /* and the lane's beginning */
    char *text = written();
    assert_true(check_slices(text) >= LG_TRACE_EVENTS / 2 - 2);
    free(text);
}

static int pass_often(void *arg)
{
    int status = LG_OK;
    for (int i = 0; i < LG_TRACE_EVENTS / 2 - 4 && status == LG_OK; i++)
        status = lock_and_unlock(arg);
    return status;
}

/* Whichever event is the oldest that is left: the arrow to a wait goes with the wait's beginning. */
static void the_end_of_a_wait_is_the_oldest(void **state)
{
    (void)state;
    struct lg_mutex waited = LG_MUTEX_INIT("waited"), other = LG_MUTEX_INIT("other");
    struct crew_worker *worker = crew_hire("W");
    assert_int_equal(step_lock(&waited), LG_OK);
    crew_run(worker, step_lock, &waited);
    crew_wait_blocked_on(worker, &waited);
    assert_int_equal(step_unlock(&waited), LG_OK);
    assert_int_equal(crew_wait(worker), LG_OK);
    assert_int_equal(crew_do(worker, step_unlock, &waited), LG_OK);
    assert_int_equal(crew_do(worker, pass_often, &other), LG_OK);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(crew_do(worker, i % 2 == 0 ? step_lock : step_unlock, &other), LG_OK);
        char *text = written();
        (void)check_slices(text);
        free(text);
    }
}

/* ---- Under load, and in a child ------------------------------------------------------------------- */

#define WORKERS 3

struct load {
    struct lg_mutex mutexes[2];
    uint32_t is_over; /* atomic */
};

static int work(void *arg)
{
    struct load *load = arg;
    while (!lg__load_acquire(&load->is_over)) {
        SUPPORT_CHECK(step_lock(&load->mutexes[0]) == LG_OK);
        SUPPORT_CHECK(lock_and_unlock(&load->mutexes[1]) == LG_OK);
        SUPPORT_CHECK(step_unlock(&load->mutexes[0]) == LG_OK);
    }
    return LG_OK;
}

static void written_under_load(void **state)
{
    (void)state;
    struct load load = {.mutexes = {LG_MUTEX_INIT("a"), LG_MUTEX_INIT("b")}};
    struct crew_worker *workers[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++)
        crew_run(workers[i] = crew_hire_numbered("W", i), work, &load);
    for (int i = 0; i < SUPPORT_ROUNDS(20); i++) {
        assert_int_equal(lg_trace_write(path), LG_OK);
        char *text = read_file(path); /* checking it takes longest */
        (void)check_slices(text);
        free(text);
        if (i % 3 == 0)
            assert_int_equal(lg_trace_start(NULL), LG_OK);
        if (i % 3 == 1)
            lg_trace_stop();
    }
    lg__store_release(&load.is_over, 1u);
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(crew_wait(workers[i]), LG_OK);
    free(written());
}

/* Nothing of the parent's is in the child, which may trace itself. */
static int trace_in_child(void *arg)
{
    SUPPORT_CHECK(lg_trace_counts().kept == 0);
    SUPPORT_CHECK(lock_and_unlock(arg) == LG_OK);
    SUPPORT_CHECK(lg_trace_counts().kept == 0); /* it is off */
    SUPPORT_CHECK(lg_trace_start(NULL) == LG_OK);
    SUPPORT_CHECK(lock_and_unlock(arg) == LG_OK);
    SUPPORT_CHECK(lg_trace_counts().kept == 3);
    return 0;
}

static void in_a_child(void **state)
{
    (void)state;
    struct lg_mutex mutex = LG_MUTEX_INIT("m");
    assert_int_equal(lock_and_unlock(&mutex), LG_OK);
    assert_int_equal(support_fork(trace_in_child, &mutex), 0);
    assert_int_equal(lg_trace_counts().kept, 3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TRACE_TEST(arrows_to_two), /* first: contexts that are new are the most alike */
        TRACE_TEST(an_empty_trace),
        TRACE_TEST(holds),
        TRACE_TEST(a_wait_and_who_ended_it),
        TRACE_TEST(a_wait_for_several_things),
        TRACE_TEST(waits_without_an_arrow),
        TRACE_TEST(leases),
        TRACE_TEST(threads_that_have_ended),
        TRACE_TEST(only_one),
        TRACE_TEST(waits_alone),
        TRACE_TEST(bad_options),
        TRACE_TEST(more_than_there_is_room_for),
        TRACE_TEST(the_end_of_a_wait_is_the_oldest),
        TRACE_TEST(written_under_load),
        TRACE_TEST(in_a_child),
    };
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/trace.json", folder);
    int failed = SUPPORT_RUN(argc, argv, tests, NULL);
    (void)rmdir(folder);
    return failed;
}
