/* bench: Lifeguard's figures beside those of its peers.  README.md says how to read the table. */
#include "harness.h"
#include "outsider.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <lifeguard/lifeguard.h>

static const struct bench benches[] = {
    {"mutex", "lock and unlock, alone and contended", bench_mutex},
    {"rwlock", "lock to read and to write, alone, among readers, and mixed", bench_rwlock},
    {"semaphore", "take and give back a semaphore's or a permit, alone and contended",
     bench_semaphore},
    {"once", "call what has been done", bench_once},
    {"barrier", "2 and 8 threads that meet, round after round", bench_barrier},
    {"signal", "2 threads that wake each other by turns", bench_signal},
    {"latch", "a latch made, counted down and passed", bench_latch},
    {"robust", "lock and unlock of robust mutexes, alone and contended", bench_robust},
    {"observe", "lock and unlock while prediction, profile or trace is on", bench_observe},
    {"pool", "checkout and checkin, alone and contended", bench_pool},
    {"turns", "64 threads, one after the other, on a pool of 8", bench_turns},
    {"spike", "50 threads at once on a pool that is idle: how far it grows", bench_spike},
    {"clear", "what a checkout waits for while a thousand resources are cleared", bench_clear},
    {"memory", "bytes a slot and a waiter, ten thousand slots", bench_memory},
    {"instructions", "how many a checkout and checkin takes, if valgrind is there",
     bench_instructions},
    {"handoff", "one thread must wait for the other, strictly by turns", bench_handoff},
    {"detector", "how fast a deadlock is found, and what its search costs the others",
     bench_detector},
    {"thread", "a thread started and joined", bench_thread},
    {"several", "waits for any of several things", bench_several},
    {"bank", "transfers over SQLite", bench_bank},
};

#define BENCH_COUNT (sizeof(benches) / sizeof(benches[0]))

static const char usage[] =
    "usage: bench [--only NAME]... [--group TEXT] [--quick] [--json FILE] [--list] [--help]\n"
    "  --only NAME   run this bench and not the others; may be given several times\n"
    "  --group TEXT  only the groups of rows whose heading has this text\n"
    "  --quick       a few seconds: shows that all works, figures are noise\n"
    "  --json FILE   also write one JSON object a line per figure; - is standard output\n"
    "  --list        name the benches and end\n"
    "  --answer      measure nothing, but answer questions as a peer does; see outsider.h\n"
    "README.md beside the source says how to read the table.\n";

struct choice {
    bool wanted[BENCH_COUNT];
    const char *json;
    bool must_answer;
};

__attribute__((noreturn)) static void refuse(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(2);
}

static void list_benches(void)
{
    for (size_t i = 0; i < BENCH_COUNT; i++)
        printf("%-12s %s\n", benches[i].name, benches[i].text);
}

static void choose(struct choice *choice, const char *name)
{
    for (size_t i = 0; i < BENCH_COUNT; i++) {
        if (strcmp(benches[i].name, name) == 0) {
            choice->wanted[i] = true;
            return;
        }
    }
    refuse(name, "there is no such bench; bench --list names those there are");
}

/* The value of an option, as "--only NAME" or "--only=NAME"; NULL: it is another option. */
static const char *value_of(const char *option, char **args, int *at)
{
    size_t length = strlen(option);
    if (strncmp(args[*at], option, length) != 0)
        return NULL;
    if (args[*at][length] == '=')
        return args[*at] + length + 1;
    if (args[*at][length] != '\0')
        return NULL;
    if (args[*at + 1] == NULL)
        refuse(option, "this option needs a value; see bench --help");
    return args[++*at];
}

static void read_options(struct choice *choice, char **args)
{
    const char *value;
    for (int i = 1; args[i] != NULL; i++) {
        if (strcmp(args[i], "--help") == 0 || strcmp(args[i], "-h") == 0) {
            fputs(usage, stdout);
            exit(0);
        } else if (strcmp(args[i], "--list") == 0) {
            list_benches();
            exit(0);
        } else if (strcmp(args[i], "--answer") == 0) {
            choice->must_answer = true;
        } else if (strcmp(args[i], "--quick") == 0) {
            bench_is_quick = true;
        } else if ((value = value_of("--only", args, &i)) != NULL) {
            choose(choice, value);
        } else if ((value = value_of("--group", args, &i)) != NULL) {
            bench_groups_wanted = value;
        } else if ((value = value_of("--json", args, &i)) != NULL) {
            choice->json = value;
        } else {
            refuse(args[i], "unknown option; see bench --help");
        }
    }
}

static bool is_any_wanted(const struct choice *choice)
{
    for (size_t i = 0; i < BENCH_COUNT; i++)
        if (choice->wanted[i])
            return true;
    return false;
}

static void open_json(const char *name)
{
    FILE *file = strcmp(name, "-") == 0 ? stdout : fopen(name, "w");
    if (file == NULL)
        refuse(name, strerror(errno));
    bench_table_json(file);
}

/* The goals are for a library that looks for deadlocks. */
static void require_detector(void)
{
    const char *mode = getenv("LIFEGUARD_DETECT");
    if (mode != NULL && strcmp(mode, "error") != 0)
        refuse("LIFEGUARD_DETECT", "the figures are with the detector on; unset it");
}

static void print_machine(void)
{
    struct utsname name;
    char line[256];
    char model[256] = "unknown processor";
    FILE *info = fopen("/proc/cpuinfo", "r");
    while (info != NULL && fgets(line, sizeof(line), info) != NULL) {
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
            snprintf(model, sizeof(model), "%s", strchr(line, ':') + 2);
            model[strcspn(model, "\n")] = '\0';
            break;
        }
    }
    if (info != NULL)
        fclose(info);
    uname(&name);
    printf("Lifeguard %d.%d.%d, detector on; %s, %u cores, Linux %s\n", lg_version() / 10000,
           lg_version() / 100 % 100, lg_version() % 100, model, bench_core_count(), name.release);
    double load;
    if (getloadavg(&load, 1) == 1 && load > 0.5)
        printf("Others use this machine (load %.1f): contended rows will be noisy.\n", load);
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
    printf("This build is not optimised or is instrumented: its figures mean nothing.\n");
#endif
}

/* The C library leaves its atomics out while a process has one thread; no program that needs a
 * mutex is one.  So a second thread sleeps from start to end. */
static void *sleep_on(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static void start_second_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, sleep_on, NULL) != 0)
        bench_fail("cannot start a thread");
    pthread_detach(thread);
}

static void ignore_log(void *arg, const struct lg_log_event *event)
{
    (void)arg;
    (void)event;
}

int main(int count, char **args)
{
    struct choice choice = {{false}, NULL, false};
    (void)count;
    read_options(&choice, args);
    require_detector();
    if (choice.json != NULL)
        open_json(choice.json);
    lg_log_set(LG_LOG_ERROR, ignore_log, NULL); /* the deadlocks here are wanted */
    start_second_thread();
    bench_tools_init();
    if (choice.must_answer) {
        outsider_be();
        return 0;
    }
    print_machine();
    bool is_all = !is_any_wanted(&choice);
    for (size_t i = 0; i < BENCH_COUNT; i++)
        if (is_all || choice.wanted[i])
            benches[i].run();
    outsiders_end();
    if (bench_table_end() == 0)
        bench_fail("no group's heading has the text \"%s\"", bench_groups_wanted);
    return 0;
}
