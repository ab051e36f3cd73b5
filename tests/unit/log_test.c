/* What the library says, and to whom. */
#include "support/locks.h"

#include "plat/atomic.h"
#include "plat/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct lg_log_event last_event;
static struct lg_log_field last_fields[4];
static char last_text[64];

static void keep(void *arg, const struct lg_log_event *event)
{
    unsigned *count = arg;
    (*count)++;
    last_event = *event;
    for (size_t i = 0; i < event->field_count && i < 4; i++)
        last_fields[i] = event->fields[i];
    snprintf(last_text, sizeof last_text, "%s", event->text);
}

static void say_at_all_levels(void)
{
    lg__log(LG_LOG_DEBUG, "a", NULL, 0, "debug text");
    lg__log(LG_LOG_INFO, "b", NULL, 0, "info text");
    lg__log(LG_LOG_WARN, "c", NULL, 0, "warn text");
    lg__log(LG_LOG_ERROR, "d", NULL, 0, "error text\n");
}

static void test_levels_are_filtered(void **state)
{
    (void)state;
    for (int level = LG_LOG_DEBUG; level <= LG_LOG_ERROR; level++) {
        unsigned count = 0;
        lg_log_set((enum lg_log_level)level, keep, &count);
        say_at_all_levels();
        assert_int_equal(count, LG_LOG_ERROR - level + 1);
        for (int other = LG_LOG_DEBUG; other <= LG_LOG_ERROR; other++)
            assert_int_equal(lg__log_is_wanted((enum lg_log_level)other), other >= level);
    }
    lg_log_set(LG_LOG_DEBUG, NULL, NULL);
    assert_false(lg__log_is_wanted(LG_LOG_INFO)); /* the default is WARN, whatever was asked for */
    assert_true(lg__log_is_wanted(LG_LOG_WARN));
}

static void test_an_event_arrives_whole(void **state)
{
    (void)state;
    unsigned count = 0;
    struct lg_log_field fields[] = {{"name", "n"}, {"victim", "v"}};
    lg_log_set(LG_LOG_INFO, keep, &count);
    lg__log(LG_LOG_WARN, "some-code", fields, 2, "some text");
    lg_log_set(LG_LOG_WARN, NULL, NULL);
    assert_int_equal(count, 1);
    assert_int_equal(last_event.level, LG_LOG_WARN);
    assert_string_equal(last_event.code, "some-code");
    assert_string_equal(last_text, "some text");
    assert_int_equal(last_event.field_count, 2);
    assert_string_equal(last_fields[1].key, "victim");
    assert_string_equal(last_fields[1].value, "v");
}

static int say_by_default(void)
{
    say_at_all_levels();
    return 0;
}

static void test_default_is_standard_error_from_warn(void **state)
{
    (void)state;
    char output[512];
    assert_int_equal(support_spawn("default", NULL, output, sizeof output), 0);
    assert_string_equal(output, "lifeguard: warn text\nlifeguard: error text\n");
}

/* ---- A pipe that is full, and signals meanwhile ------------------------------------------------ */

static uint32_t handled; /* atomic */

static void count_signal(int signal)
{
    (void)signal;
    (void)lg__add_full(&handled, 1u);
}

static void *say_one(void *arg)
{
    (void)arg;
    lg__log(LG_LOG_WARN, "a", NULL, 0, "said in the end");
    return NULL;
}

/* How many bytes it took. */
static size_t fill(int fd)
{
    static const char some[4096];
    size_t filled = 0;
    ssize_t written;
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    while ((written = write(fd, some, sizeof some)) > 0)
        filled += (size_t)written;
    (void)fcntl(fd, F_SETFL, 0);
    return filled;
}

static bool read_whole(int fd, char *to, size_t count)
{
    for (ssize_t got; count > 0; to += got, count -= (size_t)got)
        if ((got = read(fd, to, count)) <= 0)
            return false;
    return true;
}

/* Three signals one after the other, each once the one before was handled: the last of them at the latest meets
 * the write, unless the thread is very slow. */
static int say_while_interrupted(void)
{
    static char bytes[1 << 20];
    static const char line[] = "lifeguard: said in the end\n";
    struct sigaction action = {.sa_handler = count_signal};
    int channel[2];
    pthread_t thread;
    if (sigaction(SIGUSR1, &action, NULL) != 0 || pipe(channel) != 0)
        return 2;
    size_t filled = fill(channel[1]);
    if (filled > sizeof bytes || dup2(channel[1], STDERR_FILENO) < 0 ||
        pthread_create(&thread, NULL, say_one, NULL) != 0)
        return 3;
    for (uint32_t i = 0; i < 3; i++) {
        if (pthread_kill(thread, SIGUSR1) != 0)
            return 4;
        while (lg__load_full(&handled) <= i)
            usleep(1000);
    }
    if (!read_whole(channel[0], bytes, filled) || pthread_join(thread, NULL) != 0)
        return 5;
    (void)fcntl(channel[0], F_SETFL, O_NONBLOCK);
    return read_whole(channel[0], bytes, sizeof line - 1) &&
                   memcmp(bytes, line, sizeof line - 1) == 0
               ? 0
               : 6;
}

static void test_a_line_outlives_signals(void **state)
{
    (void)state;
    char output[512];
    assert_int_equal(support_spawn("interrupted", NULL, output, sizeof output), 0);
}

/* A: locks m again (LG_EDEADLK, said at INFO); the callback takes and releases the same library's
 * locks, names its context, asks for its report, and provokes an event of its own. */
static struct lg_mutex inner = LG_MUTEX_INIT("inner");
static unsigned depth, deepest;

static void call_back(void *arg, const struct lg_log_event *event)
{
    unsigned *count = arg;
    (void)event;
    deepest = ++depth > deepest ? depth : deepest;
    if (depth < 3) {
        LG_WITH_MUTEX(&inner, LG_FOREVER, status) {
            (*count)++;
        }
        if (status != LG_OK || lg_context_set_name("main") != LG_OK || !lg_report_last())
            (*count) += 1000;
        lg__log(LG_LOG_INFO, "inner", NULL, 0, "from the callback");
        lg_log_set(LG_LOG_INFO, call_back, arg);
    }
    depth--;
}

static void test_callback_may_call_the_library(void **state)
{
    (void)state;
    unsigned count = 0;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    lg_log_set(LG_LOG_INFO, call_back, &count);
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(step_lock(&m), LG_EDEADLK);
    step_unlock(&m);
    lg_log_set(LG_LOG_WARN, NULL, NULL);
    assert_int_equal(count, 2);
    assert_int_equal(deepest, 3);
}

static int deadlock_quietly(void)
{
    struct lg_mutex m = LG_MUTEX_INIT("m");
    SUPPORT_CHECK(step_lock(&m) == LG_OK);
    SUPPORT_CHECK(step_lock(&m) == LG_EDEADLK);
    step_unlock(&m);
    return 0;
}

/* The caller has a status and a report: the library does not print on its own. */
static void test_a_deadlock_is_not_printed_by_default(void **state)
{
    (void)state;
    char output[512];
    assert_int_equal(support_spawn("deadlock", NULL, output, sizeof output), 0);
    assert_string_equal(output, "");
}

int main(int argc, char **argv)
{
    static const struct support_case cases[] = {
        {"default", say_by_default},
        {"interrupted", say_while_interrupted},
        {"deadlock", deadlock_quietly},
        {NULL, NULL},
    };
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_levels_are_filtered),
        SUPPORT_TEST(test_an_event_arrives_whole),
        SUPPORT_TEST(test_default_is_standard_error_from_warn),
        SUPPORT_TEST(test_a_line_outlives_signals),
        SUPPORT_TEST(test_callback_may_call_the_library),
        SUPPORT_TEST(test_a_deadlock_is_not_printed_by_default),
    };
    return SUPPORT_RUN(argc, argv, tests, cases);
}
