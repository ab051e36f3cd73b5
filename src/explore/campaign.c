#include "explore/campaign.h"

#include "explore/fail.h"
#include "explore/heap.h"
#include "explore/recording.h"
#include "explore/run.h"
#include "explore/start.h"
#include "explore/strategy.h"
#include "explore/table.h"
#include "explore/threads.h"
#include "explore/variable.h"
#include "explore/verdict.h"
#include "explore/watchdog.h"
#include "explore/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the clocks show when a run begins: the same in each. */
#define CLOCK_BASE_NS     1767225600000000000u
#define MONOTONIC_BASE_NS 1000000000000u

#define STEPS_MAX 2000000u /* decisions, of a run of which nothing is known */

static struct lg__image image;
static char **program_arguments;
static int null_device;
static pid_t campaign_pid;
static uint64_t began_ns;
static uint64_t schedules;
static volatile sig_atomic_t is_interrupted;

/* ---- The end of the campaign ----------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void say_races(void)
{
    for (uint32_t i = 0; i < lg__campaign->race_count; i++) {
        const struct lg__race *race = &lg__campaign->races[i];
        char names[2][64];
        lg__name_write(race->threads[0], names[0], sizeof names[0]);
        lg__name_write(race->threads[1], names[1], sizeof names[1]);
        lg__wire_say("race %lx %u %" PRIu64 " %s %d %d %lx %s %d %d %lx",
                     (unsigned long)race->address, race->size, race->schedule, names[0],
                     race->is_write[0], race->is_atomic[0], (unsigned long)race->sites[0], names[1],
                     race->is_write[1], race->is_atomic[1], (unsigned long)race->sites[1]);
    }
    if (lg__campaign->races_lost)
        lg__wire_say("races-lost %" PRIu64, lg__campaign->races_lost);
}

static void finish(int status)
{
    say_races();
    lg__wire_say("schedules %" PRIu64, schedules);
    lg__wire_say("nanoseconds %" PRIu64, now_ns() - began_ns);
    lg__wire_say("steps %" PRIu64, lg__campaign->outcome.steps);
    lg__wire_say("events %" PRIu64, lg__campaign->outcome.events);
    lg__wire_say("threads %u", lg__campaign->outcome.threads);
    lg__wire_say("done %d", status);
    _exit(status);
}

static void give_up(const char *text)
{
    lg__wire_text("cannot", text);
    finish(2);
}

/* ---- One run ------------------------------------------------------------------------------------------------ */

static void enter_run(void)
{
    const struct lg__plan *plan = &lg__campaign->plan;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != campaign_pid)
        _exit(2);
    if (!plan->must_show_output) {
        dup2(null_device, STDOUT_FILENO);
        dup2(null_device, STDERR_FILENO);
    }
    lg__run_begin();
    lg__threads_begin();
    lg__strategy_begin();
}

static void judge_death(int status)
{
    struct lg__outcome *outcome = &lg__campaign->outcome;
    if (outcome->state != LG__OUTCOME_RUNNING)
        return;
    if (WIFSIGNALED(status)) {
        outcome->state = LG__OUTCOME_FOUND;
        outcome->finding = LG__FINDING_CRASH;
        outcome->code = WTERMSIG(status);
        outcome->signature = 1000 + (uint64_t)WTERMSIG(status);
        lg__verdict_add("the program was ended by signal %d (%s)\n", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
        return;
    }
    outcome->state = LG__OUTCOME_CANNOT;
    lg__verdict_add("the program ended its process by a way that explore does not see (exit code "
                    "%d)\n",
                    WEXITSTATUS(status));
}

static bool is_out_of_time(void)
{
    const struct lg__options *options = &lg__campaign->options;
    return is_interrupted ||
           (options->seconds > 0 && (double)(now_ns() - began_ns) > options->seconds * 1e9);
}

bool lg__campaign_is_over(void)
{
    const struct lg__options *options = &lg__campaign->options;
    return is_out_of_time() || (options->schedules && schedules >= options->schedules);
}

static void wait_for(pid_t run)
{
    int status;
    lg__watchdog_reset();
    while (waitpid(run, &status, 0) < 0) {
        if (errno != EINTR)
            return;
        if (is_out_of_time() && schedules > 1 && !lg__campaign->plan.must_stop) {
            lg__campaign->outcome.state = LG__OUTCOME_TOO_LONG;
            kill(run, SIGKILL);
        }
        lg__watchdog_look(run);
    }
    judge_death(status);
}

bool lg__campaign_run(void)
{
    struct lg__campaign *campaign = lg__campaign;
    campaign->plan.number = ++schedules;
    memset(&campaign->outcome, 0, offsetof(struct lg__outcome, text) + 1);
    campaign->current = 0;
    campaign->current_tid = 0;
    pid_t run = _Fork();
    if (run < 0)
        give_up("fork failed: no more processes or memory");
    if (!run) {
        enter_run();
        return true;
    }
    wait_for(run);
    return false;
}

/* ---- Preparations ------------------------------------------------------------------------------------------- */

static void *map_shared(size_t size)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static bool reserve_memory(void)
{
    struct lg__campaign *campaign = map_shared(sizeof *campaign);
    if (!campaign)
        return false;
    campaign->names = map_shared(LG__NAMES_MAX * sizeof *campaign->names);
    campaign->vars = map_shared(LG__VARS_MAX * sizeof *campaign->vars);
    campaign->switches = map_shared(LG__SWITCHES_MAX * sizeof *campaign->switches);
    campaign->replay = map_shared(LG__SWITCHES_MAX * sizeof *campaign->replay);
    lg__campaign = campaign;
    return campaign->names && campaign->vars && campaign->switches && campaign->replay &&
           lg__table_begin() && lg__heap_reserve() && lg__run_reserve() && lg__variable_reserve() &&
           lg__threads_reserve();
}

/* All on one processor: a hand-over is then a switch in place, and nothing depends on another's speed. */
static void pin(void)
{
    cpu_set_t one;
    int processor = sched_getcpu();
    if (processor < 0 || processor >= CPU_SETSIZE)
        return;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    sched_setaffinity(0, sizeof one, &one);
}

static void interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

static void forget_run(void)
{
    lg__self = NULL;
    lg__watched = NULL;
    lg__run.threads = NULL;
}

static int find_image(struct dl_phdr_info *info, size_t size, void *argument)
{
    (void)size;
    (void)argument;
    image.begin = info->dlpi_addr ? info->dlpi_addr : info->dlpi_phdr[0].p_vaddr & ~(uint64_t)4095;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uint64_t end = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        if (segment->p_type == PT_LOAD && end > image.end)
            image.end = end;
    }
    return 1; /* the program is the first */
}

/* What the program reads is the same in each run: a file from its beginning, or nothing. */
static void prepare_input(void)
{
    int again = open("/proc/self/fd/0", O_RDONLY | O_CLOEXEC);
    if (lseek(STDIN_FILENO, 0, SEEK_CUR) < 0 || again < 0)
        dup2(null_device, STDIN_FILENO);
    if (again >= 0)
        close(again);
}

static void prepare(const struct lg__options *options)
{
    lg__wire_begin(options->wire);
    lg__wire_say("hello 1");
    if (!lg__start_is_instrumented()) {
        lg__wire_say(
            "cannot the program is not instrumented: build it by `lifeguard cc ...`, or with "
            "-fsanitize=thread");
        lg__wire_say("done 2");
        _exit(2);
    }
    if (!reserve_memory()) {
        lg__wire_say("cannot there is not enough address space: is there a limit (ulimit -v)?");
        lg__wire_say("done 2");
        _exit(2);
    }
    lg__campaign->options = *options;
    lg__campaign->clock_base_ns = CLOCK_BASE_NS;
    lg__campaign->monotonic_base_ns = MONOTONIC_BASE_NS;
    lg__campaign->name_count = 1;
    null_device = open("/dev/null", O_RDWR | O_CLOEXEC);
    campaign_pid = getpid();
    prepare_input();
    dl_iterate_phdr(find_image, NULL);
    pthread_atfork(NULL, NULL, forget_run);
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    lg__fail_begin();
    pin();
    lg__wire_modules();
    lg__watchdog_begin();
    began_ns = now_ns();
}

/* ---- Findings ------------------------------------------------------------------------------------------------ */

static uint64_t hash_of_program(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    path[length > 0 ? length : 0] = 0;
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a, by words */
    FILE *in = fopen("/proc/self/exe", "r");
    uint64_t words[512];
    for (size_t count; in && (count = fread(words, sizeof *words, 512, in)) > 0;)
        for (size_t i = 0; i < count; i++)
            hash = (hash ^ words[i]) * 0x100000001b3u;
    if (in)
        fclose(in);
    return hash;
}

static void write_recording(const struct lg__outcome *outcome)
{
    const struct lg__campaign *campaign = lg__campaign;
    struct lg__recording recording = {.finding = outcome->finding,
                                      .is_exit_late = campaign->plan.is_exit_late,
                                      .is_time_early = campaign->plan.is_time_early,
                                      .arguments = program_arguments,
                                      .count = outcome->switch_count,
                                      .switches = campaign->switches};
    recording.image = hash_of_program(recording.program, sizeof recording.program);
    FILE *out = fopen(campaign->options.output, "w");
    bool is_written = out && lg__recording_write(out, &image, lg__name_write, &recording);
    if (out && fclose(out))
        is_written = false;
    if (is_written)
        lg__wire_say("replay %s", campaign->options.output);
    else
        lg__wire_say("note the replay file %s cannot be written: %s", campaign->options.output,
                     strerror(errno));
}

static void say_finding(const struct lg__outcome *outcome)
{
    lg__wire_say("found %s", lg__finding_name(outcome->finding));
    lg__wire_say("schedule %" PRIu64, lg__campaign->plan.number);
    lg__wire_say("strategy %s", lg__strategy_name(lg__campaign->plan.strategy));
    lg__wire_say("preemptions %u", outcome->preemptions);
    lg__wire_say("where %lx", (unsigned long)outcome->where);
    lg__wire_text("text", outcome->text);
    if (outcome->is_unrepeatable)
        lg__wire_say("note the outside world took part: a replay may go differently");
    if (outcome->has_lost_switches)
        lg__wire_say("note the schedule has more switches than can be recorded: no replay");
}

/* The outcome of a run of the search: go on, or end the campaign. */
static void judge(void)
{
    struct lg__outcome *outcome = &lg__campaign->outcome;
    switch (outcome->state) {
    case LG__OUTCOME_FOUND:
        say_finding(outcome);
        if (*lg__campaign->options.output && !outcome->has_lost_switches)
            write_recording(outcome);
        finish(1);
        break;
    case LG__OUTCOME_CANNOT:
        give_up(outcome->text);
        break;
    case LG__OUTCOME_TOO_LONG:
        if (schedules == 1)
            give_up("the program does not end: its first schedule was ended after 2,000,000 steps");
        break;
    default:
        break;
    }
}

/* ---- Search ---------------------------------------------------------------------------------------------------- */

/* splitmix64's finisher: seeds of neighbours have nothing in common. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static enum lg__strategy choose_strategy(uint64_t number)
{
    static const enum lg__strategy rotation[] = {
        LG__STRATEGY_POS, LG__STRATEGY_PCT, LG__STRATEGY_POS,   LG__STRATEGY_PCT,
        LG__STRATEGY_POS, LG__STRATEGY_PCT, LG__STRATEGY_RANDOM};
    if (lg__campaign->options.strategy != LG__STRATEGY_AUTO)
        return lg__campaign->options.strategy;
    return rotation[number % (sizeof rotation / sizeof *rotation)];
}

static void make_plan(uint64_t number, uint64_t length)
{
    static const uint32_t depths[] = {2, 3, 2, 3, 5};
    const struct lg__options *options = &lg__campaign->options;
    uint64_t random = mix(options->seed * 0x9e3779b97f4a7c15u + number);
    lg__campaign->plan = (struct lg__plan){.strategy = choose_strategy(number),
                                           .seed = random,
                                           .depth = depths[random % 5],
                                           .length = length,
                                           .steps_max = STEPS_MAX,
                                           .is_exit_late = random >> 8 & 1,
                                           .is_time_early = (random >> 9 & 7) == 0,
                                           .must_check_races = options->races != LG__RACES_OFF,
                                           .must_fail_on_race = options->races == LG__RACES_FAIL};
}

/* The first runs, in order and in reverse order, teach which bytes are shared; each is done again while
 * there is something to learn, because an access is looked at only from then on.  True: in a run. */
static bool learn(void)
{
    for (int i = 0; i < 2; i++) {
        uint32_t learned;
        int rounds = 0;
        do {
            learned = lg__campaign->learned;
            make_plan(0, 0);
            lg__campaign->plan.strategy = LG__STRATEGY_ORDER;
            lg__campaign->plan.is_reversed = i == 1;
            lg__campaign->plan.is_exit_late = true;
            lg__campaign->plan.is_time_early = false;
            if (lg__campaign_run())
                return true;
            judge();
        } while (lg__campaign->learned != learned && ++rounds < 3 && !lg__campaign_is_over());
    }
    return false;
}

static bool search(void)
{
    uint64_t length = 0;
    if (lg__campaign->options.strategy == LG__STRATEGY_AUTO && learn())
        return true;
    length = lg__campaign->outcome.choices;
    for (uint64_t number = 0; !lg__campaign_is_over(); number++) {
        make_plan(number, length ? length : 20);
        if (lg__campaign_run())
            return true;
        judge();
        if (lg__campaign->outcome.choices)
            length = (length + lg__campaign->outcome.choices) / 2 + 1;
    }
    if (lg__campaign->name_count == 1)
        give_up("the program has started no second thread: there is nothing to explore");
    finish(0);
    return false;
}

/* ---- Replay ---------------------------------------------------------------------------------------------------- */

static void read_recording(struct lg__recording *recording)
{
    char text[600], path[512];
    unsigned line = 0;
    const char *name = lg__campaign->options.replay;
    FILE *in = fopen(name, "r");
    recording->switches = lg__campaign->replay;
    if (!in) {
        snprintf(text, sizeof text, "%s cannot be read: %s", name, strerror(errno));
        give_up(text);
    }
    const char *complaint = lg__recording_read(in, &image, lg__name_find, recording, &line);
    fclose(in);
    if (complaint) {
        snprintf(text, sizeof text, "%.400s, line %u: it %s", name, line, complaint);
        give_up(text);
    }
    if (hash_of_program(path, sizeof path) != recording->image)
        lg__wire_say("note the program is not the one that was recorded: it has been built again");
}

static void make_replay_plan(const struct lg__recording *recording)
{
    make_plan(0, 0);
    lg__campaign->plan.strategy = LG__STRATEGY_REPLAY;
    lg__campaign->plan.replay_count = recording->count;
    lg__campaign->plan.is_exit_late = recording->is_exit_late;
    lg__campaign->plan.is_time_early = recording->is_time_early;
    lg__campaign->plan.is_strict = true;
}

/* Races are seen at bytes that are known to be shared: go through it until no more are learned. */
static bool learn_by_replay(const struct lg__recording *recording)
{
    for (uint32_t rounds = 0, learned = UINT32_MAX; rounds < 3 && learned != lg__campaign->learned;
         rounds++) {
        learned = lg__campaign->learned;
        make_replay_plan(recording);
        lg__campaign->plan.must_fail_on_race = false;
        if (lg__campaign_run())
            return true;
    }
    return false;
}

static bool replay(void)
{
    struct lg__recording recording = {0};
    struct lg__outcome *outcome = &lg__campaign->outcome;
    read_recording(&recording);
    if (!lg__campaign->options.must_stop && learn_by_replay(&recording))
        return true;
    make_replay_plan(&recording);
    if (recording.finding == LG__FINDING_RACE)
        lg__campaign->plan.must_fail_on_race = true;
    lg__campaign->plan.must_show_output = true;
    lg__campaign->plan.must_stop = lg__campaign->options.must_stop;
    if (lg__campaign_run())
        return true;
    if (outcome->state == LG__OUTCOME_DIVERGED) {
        lg__wire_text("diverged", outcome->text);
        finish(2);
    }
    judge();
    lg__wire_say("note the recorded %s did not come up in the replay",
                 lg__finding_name(recording.finding));
    finish(0);
    return false;
}

void lg__campaign_begin(const struct lg__options *options, char **arguments)
{
    program_arguments = arguments;
    prepare(options);
    /* Both return in runs only. */
    if (*options->replay)
        replay();
    else
        search();
}
