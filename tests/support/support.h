/* What test programs share: the seed, the watchdog, what was logged, what panicked, children.
 *
 *     int main(int argc, char **argv)
 *     {
 *         const struct CMUnitTest tests[] = {SUPPORT_TEST(test_this), SUPPORT_TEST(test_that)};
 *         return SUPPORT_RUN(argc, argv, tests, NULL);
 *     }
 *
 * All of it belongs to the main thread unless it says otherwise, because it may call cmocka. */
#ifndef LG_TEST_SUPPORT_H
#define LG_TEST_SUPPORT_H

/* cmocka.h wants these four first, and in this order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lifeguard/context.h>
#include <lifeguard/log.h>
#include <lifeguard/report.h>
#include <lifeguard/status.h>

#include <stdbool.h>

#if defined(__SANITIZE_THREAD__)
#define SUPPORT_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define SUPPORT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SUPPORT_TSAN 1
#elif __has_feature(address_sanitizer)
#define SUPPORT_ASAN 1
#endif
#endif
#ifndef SUPPORT_TSAN
#define SUPPORT_TSAN 0
#endif
#ifndef SUPPORT_ASAN
#define SUPPORT_ASAN 0
#endif

/* How much of a stress a sanitized build does: it is about ten times slower. */
#define SUPPORT_ROUNDS(n) (SUPPORT_TSAN || SUPPORT_ASAN ? ((n) + 9) / 10 : (n))

/* ---- Running --------------------------------------------------------------------------------- */

/* A part of a test that runs elsewhere: on a worker, in a child.  What it returns is kept. */
typedef int support_step(void *arg);

/* One test; afterwards all workers have left, the log and the panic are the library's again. */
#define SUPPORT_TEST(test) cmocka_unit_test_setup_teardown((test), support_setup, support_teardown)

/* A part of the program that support_spawn runs in a process of its own. */
struct support_case {
    const char *name;
    int (*run)(void); /* its result is the exit status */
};

/* Run the tests, or, called as support_spawn does, one case.  `cases` ends with a NULL name and may
 * be NULL.  The result is for main to return. */
#define SUPPORT_RUN(argc, argv, tests, cases)                                                      \
    support_is_case((argc), (argv))                                                                \
        ? support_run_case((argv), (cases))                                                        \
        : support_end(cmocka_run_group_tests((tests), support_begin, NULL))

int support_setup(void **state);
int support_teardown(void **state);
int support_begin(void **state);
int support_end(int failed);
bool support_is_case(int argc, char **argv);
int support_run_case(char **argv, const struct support_case *cases);

/* The watchdog aborts a test that takes longer than this, and says what all contexts were doing.
 * It starts anew with each test. */
#define SUPPORT_WATCHDOG_S 40

/* How many contexts live.  Any thread. */
unsigned support_count_contexts(void);

/* ---- Random ---------------------------------------------------------------------------------- */

/* LIFEGUARD_SEED, or a fixed number.  A failing program prints the line that replays it. */
uint64_t support_seed(void);

/* A generator; streams of one seed are independent.  Any thread, one thread each. */
struct support_random {
    uint64_t state;
};
void support_random_begin(struct support_random *random, uint64_t stream);
uint64_t support_random_next(struct support_random *random);
/* Less than n; n > 0. */
uint32_t support_below(struct support_random *random, uint32_t n);
/* True in so many of a hundred cases. */
bool support_chance(struct support_random *random, uint32_t percent);
/* Any that a wait may have: LG_TRY, one in the past, one less than so far away (as often as these two), or
 * LG_FOREVER; most_ns > 0. */
lg_deadline support_deadline(struct support_random *random, uint32_t most_ns);
/* Less than so many turns of an empty loop; most > 0. */
void support_spin(struct support_random *random, uint32_t most);

/* ---- What the library says ------------------------------------------------------------------- */

/* From here to the end of the test, events of at least `level` are kept instead of printed. */
void support_log_begin(enum lg_log_level level);
/* How many with this code came (NULL: any).  Any thread. */
unsigned support_log_count(const char *code);
/* The text of the latest with this code; "" if none came. */
const char *support_log_text(const char *code);

/* ---- Panics ---------------------------------------------------------------------------------- */

struct support_panic {
    bool has_happened;
    char rule[128];
    char object[64];
};

/* Run a step on the main thread and come back when it panics or ends. */
struct support_panic support_panic_of(support_step *step, void *arg);

/* ---- Processes ------------------------------------------------------------------------------- */

/* Run a step in a forked child; its exit status (0..255), or 1000 + the signal that killed it.  The
 * child has one thread, and must not use cmocka. */
int support_fork(support_step *step, void *arg);

/* Run one case of this program in a fresh process.  `setting` is "NAME=value" for its environment,
 * or NULL.  What it prints, on both channels, comes to `output`.  Result as support_fork. */
int support_spawn(const char *name, const char *setting, char *output, size_t size);

/* For a child or a case: say what is wrong, and return 1 from here. */
#define SUPPORT_CHECK(condition)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            support_say("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                    \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)
void support_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For the last word of a test that is skipped, and why. */
#define SUPPORT_SKIP(reason)                                                                       \
    do {                                                                                           \
        print_message("skipped: %s\n", (reason));                                                  \
        skip();                                                                                    \
    } while (0)

#endif
