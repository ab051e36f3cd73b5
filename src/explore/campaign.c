#include "explore/campaign.h"
#include "explore/orphans.h"

#include "explore/deadlock.h"
#include "explore/destructors.h"
#include "explore/fail.h"
#include "explore/finding.h"
#include "explore/heap.h"
#include "explore/journal.h"
#include "explore/kernel.h"
#include "explore/mapping.h"
#include "explore/recording.h"
#include "explore/reuse.h"
#include "explore/run.h"
#include "explore/search.h"
#include "explore/shared.h"
#include "explore/signal.h"
#include "explore/start.h"
#include "explore/strategy.h"
#include "explore/table.h"
#include "explore/tally.h"
#include "explore/threads.h"
#include "explore/together.h"
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

#define DIGESTED 64 /* switches of a run */

struct lg__image lg__campaign_image;
char **lg__campaign_arguments;

static int null_device;
static pid_t campaign_pid;
static uint64_t began_ns;
LG__TOGETHER static uint64_t schedules;
LG__TOGETHER static struct {
    uint64_t steps, events;
    uint32_t threads;
} last;                                 /* of the last run that came to its end */
LG__TOGETHER static uint64_t processes; /* that the search has forked */
LG__TOGETHER static uint64_t endless;   /* of its schedules: ended for having too many steps */
LG__TOGETHER static bool is_limited;    /* some of them had fewer than the options say */
LG__TOGETHER static uint64_t digest;    /* of the search's schedules */
static uint64_t counted;                /* schedules of the search; 0: it goes on */
static uint64_t counted_ns;             /* and how long it took */
static volatile sig_atomic_t is_interrupted;

/* ---- The end of the campaign ----------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void lg__campaign_note_endless(void)
{
    endless += !counted;
    is_limited = is_limited || lg__campaign->plan.steps_max < lg__campaign->options.steps;
}

void lg__campaign_count(void)
{
    if (counted)
        return;
    counted = schedules;
    counted_ns = now_ns() - began_ns;
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

/* Of an exploration that has found nothing: that is no verdict on these. */
static void say_endless(void)
{
    if (endless)
        lg__wire_say(
            "note %" PRIu64 " %s ended after %" PRIu64 " steps%s (--steps), without a verdict",
            endless, endless == 1 ? "schedule was" : "schedules were", lg__campaign->options.steps,
            is_limited ? ", or many times those of others" : "");
}

void lg__campaign_finish(int status)
{
    lg__reuse_end();
    say_races();
    if (!status)
        say_endless();
    lg__campaign_count();
    lg__wire_say("schedules %" PRIu64, counted);
    lg__wire_say("nanoseconds %" PRIu64, counted_ns);
    lg__wire_say("steps %" PRIu64, last.steps);
    lg__wire_say("events %" PRIu64, last.events);
    lg__wire_say("threads %u", last.threads);
    lg__wire_say("endless %" PRIu64, endless);
    lg__wire_say("digest %" PRIx64, digest);
    lg__wire_say("processes %" PRIu64, processes);
    lg__wire_say("done %d", status);
    _exit(status);
}

void lg__campaign_give_up(const char *text)
{
    lg__wire_text("cannot", text);
    lg__campaign_finish(2);
}

/* ---- One run ------------------------------------------------------------------------------------------------ */

/* By the kernel's own names: each of libc's functions lies on a page of its own, which a run would have to
 * fault in. */
static void forget_signal(int number)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } action = {.handler = SIG_DFL};
    lg__kernel_call(SYS_rt_sigaction, number, (long)&action, 0, sizeof action.mask);
}

static void enter_process(void)
{
    const struct lg__plan *plan = &lg__campaign->plan;
    lg__kernel_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
    if (lg__kernel_call(SYS_getppid, 0, 0, 0, 0) != campaign_pid)
        _exit(2);
    if (!plan->must_show_output) {
        lg__kernel_call(SYS_dup3, null_device, STDOUT_FILENO, 0, 0);
        lg__kernel_call(SYS_dup3, null_device, STDERR_FILENO, 0, 0);
    }
    /* The campaign's own are none of the program's business. */
    forget_signal(SIGALRM);
    forget_signal(SIGINT);
    forget_signal(SIGTERM);
}

static void begin_run(void)
{
    errno = 0;
    lg__run_begin();
    lg__journal_begin();
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

bool lg__campaign_was_stopped(void)
{
    return is_interrupted;
}

static bool is_out_of_time(void)
{
    const struct lg__options *options = &lg__campaign->options;
    return is_interrupted ||
           (options->seconds > 0 && (double)(now_ns() - began_ns) > options->seconds * 1e9);
}

uint64_t lg__campaign_schedules(void)
{
    return schedules;
}

bool lg__campaign_is_over(void)
{
    const struct lg__options *options = &lg__campaign->options;
    return is_out_of_time() || (options->schedules && schedules >= options->schedules);
}

/* False: it goes on. */
static bool has_ended(pid_t run)
{
    int status = 0, flags = 0;
    switch (lg__reuse_await(run)) {
    case LG__REUSE_PARKED:
        return true;
    case LG__REUSE_RUNNING:
        flags = WNOHANG;
        break;
    case LG__REUSE_LEAVING:
        break;
    }
    /* Not waitpid: as a point where a thread can be cancelled it writes to a page more. */
    long ended = lg__kernel_call(SYS_wait4, run, (long)&status, flags, 0);
    if (ended == 0 || ended == -EINTR)
        return false;
    if (ended == run)
        judge_death(status);
    lg__orphans_end();
    return true;
}

static void wait_for(pid_t run)
{
    lg__watchdog_reset();
    while (!has_ended(run)) {
        if (is_out_of_time() && schedules > 1 && !counted && !lg__campaign->plan.must_stop) {
            lg__campaign->outcome.state = LG__OUTCOME_TOO_LONG;
            kill(run, SIGKILL);
        }
        lg__watchdog_look(run);
    }
}

/* One number for what all runs did, so that two explorations can be compared: FNV-1a (Fowler, Noll, Vo), by words.
 * Of a long run its first switches say enough. */
static void digest_run(void)
{
    const struct lg__outcome *outcome = &lg__campaign->outcome;
    uint64_t words[4 + 3 * DIGESTED] = {outcome->steps, outcome->events, outcome->choices,
                                        outcome->signature};
    size_t count = 4;
    for (uint32_t i = 0; i < outcome->switch_count && i < DIGESTED; i++) {
        const struct lg__switch *record = &lg__campaign->switches[i];
        words[count++] = record->ordinal;
        words[count++] = record->site;
        words[count++] = (uint64_t)record->from << 32 | record->to;
    }
    for (size_t i = 0; i < count; i++)
        digest = (digest ^ words[i]) * 0x100000001b3u;
}

bool lg__campaign_run(void)
{
    struct lg__campaign *campaign = lg__campaign;
    campaign->plan.number = ++schedules;
    memset(&campaign->outcome, 0, offsetof(struct lg__outcome, text) + 1);
    campaign->current = 0;
    campaign->current_tid = 0;
    /* What runs touch grows slower and slower. */
    if (!(schedules & (schedules - 1))) {
        lg__shared_map(campaign);
        lg__shared_map(campaign->names);
    }
    pid_t run = lg__reuse_resume();
    if (!run) {
        processes += !counted;
        run = _Fork();
    }
    if (run < 0)
        lg__campaign_give_up("fork failed: no more processes or memory");
    if (!run) {
        enter_process();
        lg__reuse_enter();
        begin_run();
        return true;
    }
    wait_for(run);
    if (campaign->outcome.threads && !counted) {
        digest_run();
        last.steps = campaign->outcome.steps;
        last.events = campaign->outcome.events;
        last.threads = campaign->outcome.threads;
    }
    return false;
}

/* ---- Preparations ------------------------------------------------------------------------------------------- */

/* What a small program's runs touch of all this is within two page tables: around the directory of the table, and
 * around the first switches. */
static bool reserve_shared(void)
{
    if (!lg__table_begin() || !lg__tally_reserve())
        return false;
    struct lg__campaign *campaign = lg__campaign = lg__shared_allocate(sizeof *campaign);
    if (!campaign)
        return false;
    campaign->vars = lg__shared_allocate(LG__VARS_MAX * sizeof *campaign->vars);
    lg__shared_begin_table();
    campaign->names = lg__shared_allocate(LG__NAMES_MAX * sizeof *campaign->names);
    campaign->switches = lg__shared_allocate(LG__SWITCHES_MAX * sizeof *campaign->switches);
    campaign->replay = lg__shared_allocate(LG__SWITCHES_MAX * sizeof *campaign->replay);
    campaign->decisions = lg__shared_allocate(LG__DECISIONS_MAX * sizeof *campaign->decisions);
    return campaign->names && campaign->vars && campaign->switches && campaign->replay &&
           campaign->decisions && lg__journal_reserve();
}

static bool reserve_memory(void)
{
    return reserve_shared() && lg__heap_reserve() && lg__run_reserve() && lg__threads_reserve() &&
           lg__deadlock_reserve() && lg__mapping_reserve();
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
    if (lg__self)
        lg__signal_forget();
    lg__self = NULL;
    lg__watched = NULL;
    lg__run.threads = NULL;
}

static int find_image(struct dl_phdr_info *info, size_t size, void *argument)
{
    (void)size;
    (void)argument;
    lg__campaign_image.begin =
        info->dlpi_addr ? info->dlpi_addr : info->dlpi_phdr[0].p_vaddr & ~(uint64_t)4095;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uint64_t end = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        if (segment->p_type == PT_LOAD && end > lg__campaign_image.end)
            lg__campaign_image.end = end;
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
    /* A debugger lets no descriptor through, and it is it that shows what happens. */
    lg__wire_begin(options->must_stop ? open("/dev/null", O_WRONLY | O_CLOEXEC) : options->wire);
    lg__wire_say("hello 1");
    if (!lg__start_is_instrumented()) {
        lg__wire_say(
            "cannot the program is not instrumented: build it by `lifeguard cc ...`, or with "
            "-fsanitize=thread");
        lg__wire_say("done 2");
        _exit(2);
    }
    prctl(PR_SET_THP_DISABLE, 1, 0, 0,
          0); /* a run touches little of much, and each page is zeroed */
    if (!reserve_memory()) {
        lg__wire_say("cannot there is not enough address space: is there a limit (ulimit -v)?");
        lg__wire_say("done 2");
        _exit(2);
    }
    lg__variable_prepare();
    lg__shared_keep_tables();
    lg__threads_prepare();
    lg__campaign->options = *options;
    lg__campaign->clock_base_ns = CLOCK_BASE_NS;
    lg__campaign->monotonic_base_ns = MONOTONIC_BASE_NS;
    lg__campaign->name_count = 1;
    null_device = open("/dev/null", O_RDWR | O_CLOEXEC);
    campaign_pid = getpid();
    lg__orphans_begin();
    prepare_input();
    dl_iterate_phdr(find_image, NULL);
    pthread_atfork(NULL, NULL, forget_run);
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    lg__fail_begin();
    if (!options->is_fresh)
        lg__reuse_reserve();
    lg__campaign->has_destructors = lg__destructors_are_any();
    pin();
    lg__wire_modules();
    lg__watchdog_begin();
    began_ns = now_ns();
}

void lg__campaign_begin(const struct lg__options *options, char **arguments)
{
    lg__campaign_arguments = arguments;
    prepare(options);
    /* Both return in runs only. */
    if (*options->replay)
        lg__follow();
    else
        lg__search();
}
