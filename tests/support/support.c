/* Seed, watchdog, log, panic, children. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* environ, pipe2 */
#endif
#include "support/support.h"

#include "graph/context.h"
#include "plat/clock.h"
#include "support/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIXED_SEED    0x4c1f3900d5eedull
#define CASE_OPTION   "--case"
#define KILLED_BASE   1000
#define EVENTS_KEPT   256
#define TEXT_KEPT     4096
#define CHILD_LIMIT_S 50

void support_say(const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t left = length < (int)sizeof line ? (size_t)length : sizeof line - 1;
    if (write(STDERR_FILENO, line, left) < 0)
        return;
}

/* ---- Random ---------------------------------------------------------------------------------- */

uint64_t support_seed(void)
{
    const char *wish = getenv("LIFEGUARD_SEED");
    return wish && wish[0] ? strtoull(wish, NULL, 0) : FIXED_SEED;
}

/* splitmix64 (Steele, Lea, Flood 2014) */
uint64_t support_random_next(struct support_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

void support_random_begin(struct support_random *random, uint64_t stream)
{
    struct support_random mixer = {support_seed() ^ stream * 0xd1342543de82ef95ull};
    random->state = support_random_next(&mixer);
}

uint32_t support_below(struct support_random *random, uint32_t n)
{
    return (uint32_t)(((support_random_next(random) >> 32) * n) >> 32);
}

bool support_chance(struct support_random *random, uint32_t percent)
{
    return support_below(random, 100) < percent;
}

lg_deadline support_deadline(struct support_random *random, uint32_t most_ns)
{
    switch (support_below(random, 5)) {
    case 0:
        return LG_TRY;
    case 1:
        return 1;
    case 2:
    case 3:
        return lg__now_ns() + support_below(random, most_ns);
    default:
        return LG_FOREVER;
    }
}

void support_spin(struct support_random *random, uint32_t most)
{
    for (uint32_t i = support_below(random, most); i > 0; i--)
        __asm__ volatile("");
}

static void say_replay(void)
{
    char program[256];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = 0;
    const char *folder = strstr(program, "/build");
    support_say("replay: LIFEGUARD_SEED=%#llx %s\n", (unsigned long long)support_seed(),
                folder ? folder + 1 : program);
}

/* ---- The watchdog ---------------------------------------------------------------------------- */

static pthread_mutex_t watch_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t watch_changed;
static uint64_t tests_begun; /* under watch_mutex */
static bool is_over;         /* under watch_mutex */
static pthread_t watchdog;

static void say_context(void *arg, struct lg_context *context)
{
    static const char *const states[] = {"runs",      "waits",     "waits for a signal",
                                         "is moved",  "granted",   "woken",
                                         "timed out", "cancelled", "victim"};
    uint64_t word = lg__load_acquire(&context->wait.word);
    enum lg__wait_state state = LG__WAIT_STATE(word);
    /* Read without the pin: it hangs, and perhaps because of a pin. */
    support_say("  %-20s %s, place %s, holds %u, wait %llu\n",
                context->name[0] ? context->name : "(default name)", states[state],
                state != LG__WAIT_IDLE && context->wait.want.place ? context->wait.want.place : "-",
                lg__held_count(context), (unsigned long long)(word >> LG__WAIT_STATE_BITS));
    (void)arg;
}

static void *watch(void *arg)
{
    struct timespec until;
    pthread_mutex_lock(&watch_mutex);
    while (!is_over) {
        uint64_t seen = tests_begun;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += SUPPORT_WATCHDOG_S;
        int error = 0;
        while (!is_over && seen == tests_begun && error == 0)
            error = pthread_cond_timedwait(&watch_changed, &watch_mutex, &until);
        if (error == ETIMEDOUT) {
            support_say("watchdog: a test hangs; contexts:\n");
            lg__context_each(say_context, NULL);
            abort();
        }
    }
    pthread_mutex_unlock(&watch_mutex);
    return arg;
}

static void start_watchdog(void)
{
    pthread_condattr_t attributes;
    sigset_t every, before;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch_changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    if (pthread_create(&watchdog, NULL, watch, NULL) != 0)
        abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void tell_watchdog(bool it_is_over)
{
    pthread_mutex_lock(&watch_mutex);
    tests_begun++;
    is_over = it_is_over;
    pthread_cond_signal(&watch_changed);
    pthread_mutex_unlock(&watch_mutex);
}

/* ---- Contexts ------------------------------------------------------------------------------- */

static void count_one(void *arg, struct lg_context *context)
{
    (void)context;
    (*(unsigned *)arg)++;
}

unsigned support_count_contexts(void)
{
    unsigned count = 0;
    lg__context_each(count_one, &count);
    return count;
}

/* ---- Running --------------------------------------------------------------------------------- */

static void on_abort(int signal_number)
{
    say_replay();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

int support_begin(void **state)
{
    (void)state;
    signal(SIGABRT, on_abort);
    start_watchdog();
    return lg_context_set_name("main") == LG_OK ? 0 : -1;
}

int support_end(int failed)
{
    tell_watchdog(true);
    pthread_join(watchdog, NULL);
    if (failed != 0)
        say_replay();
    return failed != 0;
}

int support_setup(void **state)
{
    (void)state;
    tell_watchdog(false);
    return 0;
}

static void log_end(void);

int support_teardown(void **state)
{
    (void)state;
    bool is_clean = crew_end();
    log_end();
    lg_panic_set(NULL, NULL);
    return is_clean ? 0 : -1;
}

bool support_is_case(int argc, char **argv)
{
    return argc == 3 && strcmp(argv[1], CASE_OPTION) == 0;
}

int support_run_case(char **argv, const struct support_case *cases)
{
    alarm(CHILD_LIMIT_S);
    for (; cases && cases->name; cases++)
        if (strcmp(cases->name, argv[2]) == 0)
            return cases->run();
    support_say("no such case: %s\n", argv[2]);
    return 2;
}

/* ---- What the library says ------------------------------------------------------------------- */

struct kept_event {
    char code[32];
    char text[TEXT_KEPT];
};

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct kept_event events[EVENTS_KEPT]; /* under log_mutex; the latest */
static unsigned event_count;                  /* under log_mutex; all */
static bool has_log;

static void keep_event(void *arg, const struct lg_log_event *event)
{
    (void)arg;
    pthread_mutex_lock(&log_mutex);
    struct kept_event *kept = &events[event_count++ % EVENTS_KEPT];
    snprintf(kept->code, sizeof kept->code, "%s", event->code);
    snprintf(kept->text, sizeof kept->text, "%s", event->text);
    pthread_mutex_unlock(&log_mutex);
}

void support_log_begin(enum lg_log_level level)
{
    pthread_mutex_lock(&log_mutex);
    event_count = 0;
    has_log = true;
    pthread_mutex_unlock(&log_mutex);
    lg_log_set(level, keep_event, NULL);
}

static void log_end(void)
{
    if (has_log)
        lg_log_set(LG_LOG_WARN, NULL, NULL);
    has_log = false;
}

unsigned support_log_count(const char *code)
{
    unsigned count = 0;
    pthread_mutex_lock(&log_mutex);
    unsigned first = event_count > EVENTS_KEPT ? event_count - EVENTS_KEPT : 0;
    for (unsigned i = first; i < event_count; i++)
        count += !code || strcmp(events[i % EVENTS_KEPT].code, code) == 0;
    pthread_mutex_unlock(&log_mutex);
    return count;
}

const char *support_log_text(const char *code)
{
    const char *text = "";
    pthread_mutex_lock(&log_mutex);
    unsigned first = event_count > EVENTS_KEPT ? event_count - EVENTS_KEPT : 0;
    for (unsigned i = first; i < event_count; i++)
        if (!code || strcmp(events[i % EVENTS_KEPT].code, code) == 0)
            text = events[i % EVENTS_KEPT].text;
    pthread_mutex_unlock(&log_mutex);
    return text;
}

/* ---- Panics ---------------------------------------------------------------------------------- */

static jmp_buf after_panic;
static struct support_panic panic_seen;

static void leave_panic(void *arg, const char *rule, const char *object)
{
    (void)arg;
    panic_seen.has_happened = true;
    snprintf(panic_seen.rule, sizeof panic_seen.rule, "%s", rule);
    snprintf(panic_seen.object, sizeof panic_seen.object, "%s", object);
    longjmp(after_panic, 1);
}

struct support_panic support_panic_of(support_step *step, void *arg)
{
    panic_seen = (struct support_panic){0};
    lg_panic_set(leave_panic, NULL);
    if (setjmp(after_panic) == 0)
        (void)step(arg);
    lg_panic_set(NULL, NULL);
    return panic_seen;
}

/* ---- Processes ------------------------------------------------------------------------------- */

static int wait_for_child(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED_BASE + WTERMSIG(status);
}

int support_fork(support_step *step, void *arg)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        alarm(CHILD_LIMIT_S);
        _exit(step(arg));
    }
    return child < 0 ? -1 : wait_for_child(child);
}

static size_t read_all(int fd, char *output, size_t size)
{
    size_t length = 0;
    char rest[256];
    for (;;) {
        bool has_room = length + 1 < size;
        ssize_t got =
            read(fd, has_room ? output + length : rest, has_room ? size - 1 - length : sizeof rest);
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        if (got > 0 && has_room)
            length += (size_t)got;
    }
    output[length] = 0;
    return length;
}

/* Between fork and exec, in a program with threads: nothing but system calls. */
static void become_case(char *const argv[], char *const environment[], int channel)
{
    dup2(channel, STDOUT_FILENO);
    dup2(channel, STDERR_FILENO);
    execve("/proc/self/exe", argv, environment);
    _exit(127);
}

int support_spawn(const char *name, const char *setting, char *output, size_t size)
{
    char option[] = CASE_OPTION;
    char self[] = "test";
    char case_name[64];
    char first[128];
    char *argv[] = {self, option, case_name, NULL};
    char *environment[256] = {0};
    int channel[2];
    size_t count = 0;
    snprintf(case_name, sizeof case_name, "%s", name);
    snprintf(first, sizeof first, "%s", setting ? setting : "");
    size_t key_length = setting ? strcspn(setting, "=") + 1 : 0;
    if (setting)
        environment[count++] = first;
    for (char **entry = environ; *entry && count < 255; entry++)
        if (!setting || strncmp(*entry, setting, key_length) != 0)
            environment[count++] = *entry;
    if (pipe2(channel, O_CLOEXEC) != 0)
        return -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        become_case(argv, environment, channel[1]);
    close(channel[1]);
    read_all(channel[0], output, size);
    close(channel[0]);
    return child < 0 ? -1 : wait_for_child(child);
}
