/* lifeguard explore: runs a program under the runtime, and says what came of it.
 *
 * The exploring itself is done by the runtime, inside the program's process; this verb sees to it that the
 * runtime gets there, listens to it through a pipe, and puts names to addresses. */
#include "explore.h"
#include "options.h"
#include "verb.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 1024

static const char help_text[] =
    "usage: lifeguard explore [OPTIONS] -- PROGRAM ARGS\n"
    "       lifeguard explore --replay FILE [-- gdb]\n"
    "\n"
    "Runs PROGRAM again and again, each time with another interleaving of its threads, until one\n"
    "fails: an assertion, a crash, a deadlock, a lost wake-up, a lock that is left locked, an exit "
    "code\n"
    "other than 0.  PROGRAM has to be built by `lifeguard cc`, or by gcc with -fsanitize=thread; "
    "best at\n"
    "-O0 or -Og, because optimised code keeps shared values in registers.\n"
    "\n"
    "  --seconds S      stop after S seconds (default 10, if --schedules is not given)\n"
    "  --schedules N    stop after N schedules\n"
    "  --steps N        end a schedule after N scheduling steps, without a verdict (default "
    "2000000)\n"
    "  --seed N         other schedules; the same number gives the same ones (default 1)\n"
    "  --strategy NAME  auto (default: small periods first, then the others in rotation), surw, "
    "rf, pos,\n"
    "                   pct, periods, random\n"
    "  --shrink S       spend at most S seconds on making the schedule that failed smaller "
    "(default "
    "2)\n"
    "  --races=HOW      report (default), fail (a data race is a finding) or off (faster)\n"
    "  --fresh          a new process for each schedule, also where one could be used again\n"
    "  --json           the result as one JSON object\n"
    "  --html FILE      write what was found as a page, with a lane for each thread\n"
    "  -o FILE          where to write the schedule that failed (default PROGRAM.replay)\n"
    "  --replay FILE    run that schedule again, with the program's output; the first step that is "
    "not\n"
    "                   as recorded ends it.  With -- gdb it runs in gdb and stops where it fails\n"
    "\n"
    "What is found is explained: a column for each thread, what it does to what they share (values "
    "old\n"
    "-> new) and the program's lines; (1) and (2) are the two accesses whose order decides: with "
    "them "
    "the\n"
    "other way round the program was run, and ended well.\n"
    "\n"
    "Interleavings are sequentially consistent.  Time is virtual: a program that sleeps costs "
    "nothing.\n"
    "The program's output is thrown away, and its input is empty, or the file that it is.\n"
    "\n"
    "exit code: 0 nothing was found, 1 something was, 2 wrong use or a program that cannot be "
    "explored\n";

static int complain(const char *subject, const char *text)
{
    return options_refuse("explore", "%s: %s", options_shown(subject), text);
}

/* ---- Signals ------------------------------------------------------------------------------------------ */

/* Who would end this verb ends the campaign, which then says what it has found. */
static volatile sig_atomic_t campaign;

static void pass_on(int number)
{
    (void)number;
    int error = errno;
    if (campaign > 0)
        kill((pid_t)campaign, SIGTERM);
    errno = error;
}

static const int endings[] = {SIGINT, SIGTERM, SIGHUP};

#define ENDING_COUNT (sizeof endings / sizeof *endings)

/* Not a hang-up that is ignored, as nohup has it. */
static void catch_endings(void)
{
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ENDING_COUNT; i++) {
        sigaction(endings[i], &action, &before);
        if (endings[i] == SIGHUP && before.sa_handler == SIG_IGN)
            sigaction(SIGHUP, &before, NULL);
    }
}

/* The program begins with what this verb has begun with. */
static void forget_endings(void)
{
    struct sigaction now;
    for (size_t i = 0; i < ENDING_COUNT; i++)
        if (!sigaction(endings[i], NULL, &now) && now.sa_handler == pass_on)
            signal(endings[i], SIG_DFL);
}

/* Fork, with no ending between the fork and the note of whom it is for. */
static pid_t fork_campaign(void)
{
    sigset_t set, before;
    sigemptyset(&set);
    for (size_t i = 0; i < ENDING_COUNT; i++)
        sigaddset(&set, endings[i]);
    sigprocmask(SIG_BLOCK, &set, &before);
    pid_t process = fork();
    if (process > 0)
        campaign = process;
    if (!process)
        forget_endings();
    sigprocmask(SIG_SETMASK, &before, NULL);
    return process;
}

/* ---- The program's process ------------------------------------------------------------------------- */

static bool set_environment(const struct explore_options *options, const char *runtime, int wire)
{
    char text[512], preload[8192];
    const char *others = getenv("LD_PRELOAD");
    snprintf(text, sizeof text,
             "strategy=%s,races=%s,seed=%lu,schedules=%lu,steps=%lu,seconds=%g,shrink=%g,wire=%d,"
             "fresh=%d,stop=%d",
             options->strategy, options->races, options->seed, options->schedules, options->steps,
             options->seconds, options->shrink, wire, options->is_fresh,
             options->replay && *options->program);
    if ((size_t)snprintf(preload, sizeof preload, "%s%s%s", runtime, others ? ":" : "",
                         others ? others : "") >= sizeof preload)
        return false;
    setenv("LIFEGUARD_EXPLORE", text, 1);
    setenv("LD_PRELOAD", preload, 1);
    /* Functions are looked up once, and not again in each run. */
    setenv("LD_BIND_NOW", "1", 0);
    if (options->output)
        setenv("LIFEGUARD_EXPLORE_OUTPUT", options->output, 1);
    if (options->replay)
        setenv("LIFEGUARD_EXPLORE_REPLAY", options->replay, 1);
    return true;
}

static void become_program(const struct explore_options *options, const char *runtime, int wire,
                           const char *path, char **arguments)
{
    signal(SIGXFSZ, SIG_DFL);
    /* Nobody is left to read what it finds if this verb is killed. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The same addresses in each campaign; where that is forbidden they are the same in one. */
    personality(ADDR_NO_RANDOMIZE);
    if (!set_environment(options, runtime, wire))
        _exit(126);
    execv(path, arguments);
    fprintf(stderr, "lifeguard explore: %s: %s\n", path, strerror(errno));
    _exit(127);
}

/* The process, and the pipe that it talks into; NULL: there is none. */
static FILE *start_program(const struct explore_options *options, const char *runtime,
                           const char *path, char **arguments, pid_t *process)
{
    int ends[2];
    if (pipe(ends))
        return NULL;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fflush(stdout);
    *process = fork_campaign();
    if (!*process)
        become_program(options, runtime, ends[1], path, arguments);
    close(ends[1]);
    if (*process < 0) {
        close(ends[0]);
        return NULL;
    }
    return fdopen(ends[0], "r");
}

/* ---- The verdict ------------------------------------------------------------------------------------- */

static void want_places_of(char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (const char *mark = lines[i]; (mark = strchr(mark, 1)); mark++)
            if (mark[1] == 'c')
                explore_places_want(strtoull(mark + 2, NULL, 16));
}

static void want_places_of_story(const struct explore_story *story)
{
    for (size_t i = 0; i < story->step_count; i++) {
        const struct explore_step *step = &story->steps[i];
        explore_places_want(step->site);
        explore_places_want(step->block_site);
        for (size_t k = 0; k < EXPLORE_CALLS_MAX; k++)
            explore_places_want(step->calls[k]);
        for (size_t k = 0; k < step->lock_count; k++)
            explore_places_want(step->locks[k].site);
    }
    for (size_t i = 0; i < story->preemption_count; i++)
        explore_places_want(story->preemptions[i].site);
    /* Not a return address: one byte further is still the function's. */
    for (size_t i = 0; i < story->lane_count; i++)
        explore_places_want(story->lanes[i].start ? story->lanes[i].start + 1 : 0);
}

static void want_places(const struct explore_result *result)
{
    explore_places_want(result->where);
    for (size_t i = 0; i < result->race_count; i++) {
        explore_places_want(result->races[i].accesses[0].site);
        explore_places_want(result->races[i].accesses[1].site);
    }
    want_places_of_story(&result->story);
    want_places_of(result->text, result->text_count);
    want_places_of(result->turns, result->turn_count);
    explore_places_look_up(result);
}

static int say_impossible(const struct explore_result *result, const char *path)
{
    char line[1024];
    fprintf(stderr, "lifeguard explore: %s%s", path, result->has_diverged ? " diverged:" : ":");
    for (size_t i = 0; i < result->text_count; i++) {
        explore_places_expand(result, result->text[i], line, sizeof line);
        fprintf(stderr, "%s%s", i ? "; " : " ", line);
    }
    fputc('\n', stderr);
    return EXIT_USAGE;
}

/* The page of an exploration that may find nothing is opened before it, so that a bad name is known at once. */
struct page {
    FILE *out; /* NULL: none is wanted */
    const char *name;
    bool was_there;
};

static bool open_page(const char *name, struct page *page)
{
    *page = (struct page){.name = name, .was_there = !access(name, F_OK)};
    int descriptor = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    page->out = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    return page->out != NULL;
}

static void write_page(const struct explore_result *result, const struct page *page)
{
    struct stat status;
    bool is_file = !fstat(fileno(page->out), &status) && S_ISREG(status.st_mode);
    if ((is_file && ftruncate(fileno(page->out), 0)) || !explore_write_html(result, page->out))
        complain(page->name, strerror(errno));
}

/* What was opened for nothing goes again, if it was not there before. */
static void close_page(const struct page *page, bool is_written)
{
    fclose(page->out);
    if (!is_written && !page->was_there)
        unlink(page->name);
}

static bool can_write(const char *name)
{
    struct page page;
    if (!open_page(name, &page))
        return false;
    close_page(&page, false);
    return true;
}

static int judge(struct explore_result *result, const struct explore_options *options,
                 const char *path, int status)
{
    if (!result->has_begun && WIFEXITED(status) && WEXITSTATUS(status) >= 126)
        return EXIT_USAGE;
    if (!result->has_begun && WIFEXITED(status))
        return complain(path, "it ended before its main began, or the runtime did not get into it");
    if (!result->has_begun)
        return complain(path, "a signal ended it before its main began");
    want_places(result);
    explore_story_settle(&result->story);
    if (result->is_impossible || result->has_diverged)
        return say_impossible(result, path);
    if (!result->is_over)
        return complain(path, "the exploring process ended without a result");
    if (options->is_json)
        explore_print_json(result);
    else
        explore_print_text(result);
    return result->status;
}

/* From its main on the runtime watches over the program; until then nobody else does. */
#define BEGIN_MS 20000

static bool begins_in_time(FILE *in)
{
    struct pollfd first = {.fd = fileno(in), .events = POLLIN};
    int ready;
    while ((ready = poll(&first, 1, BEGIN_MS)) < 0 && errno == EINTR)
        continue;
    return ready != 0;
}

static int run_campaign(const struct explore_options *options, const char *path, char **arguments,
                        struct explore_result *result)
{
    char runtime[4096];
    pid_t process = -1;
    int status = 0;
    if (!explore_find_runtime(runtime, sizeof runtime))
        return EXIT_USAGE;
    catch_endings();
    FILE *in = start_program(options, runtime, path, arguments, &process);
    if (!in)
        return complain(path, strerror(errno));
    bool is_late = !begins_in_time(in);
    if (is_late)
        kill(process, SIGKILL);
    else
        explore_result_read(in, result);
    fclose(in);
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        continue;
    campaign = 0;
    return is_late ? complain(path, "its main did not begin within 20 s: something before it, a "
                                    "constructor, does not end")
                   : judge(result, options, path, status);
}

static int explore(const struct explore_options *options, const char *path, char **arguments)
{
    static struct explore_result result;
    struct page page = {.out = NULL};
    if (options->html && !open_page(options->html, &page))
        return complain(options->html, strerror(errno));
    int code = run_campaign(options, path, arguments, &result);
    bool has_found = code == 1 && *result.found;
    if (page.out && has_found)
        write_page(&result, &page);
    if (page.out)
        close_page(&page, has_found);
    explore_result_free(&result);
    return code;
}

/* ---- The two uses ---------------------------------------------------------------------------------------- */

/* A name without a slash is looked for in PATH alone, as by the shell. */
static int say_missing(const char *name)
{
    if (!strchr(name, '/') && *name && !access(name, X_OK))
        return options_refuse("explore", "%s: there is no such program in PATH; here it is ./%s",
                              name, name);
    return complain(name, "there is no such program");
}

static int search(struct explore_options *options)
{
    char path[4096], output[512];
    if (!explore_find_program(options->program[0], path, sizeof path))
        return say_missing(options->program[0]);
    const char *complaint = explore_check_program(path);
    if (complaint)
        return complain(path, complaint);
    if (options->output && !can_write(options->output))
        return complain(options->output, strerror(errno));
    if (!options->output) {
        const char *slash = strrchr(path, '/');
        snprintf(output, sizeof output, "%.400s.replay", slash ? slash + 1 : path);
        options->output = output;
    }
    return explore(options, path, options->program);
}

/* Undo what the runtime did to newlines and percent signs. */
static char *decode(const char *text)
{
    char *out = malloc(strlen(text) + 1), *end = out;
    while (out && *text) {
        unsigned byte;
        if (*text == '%' && sscanf(text + 1, "%2x", &byte) == 1 && byte) {
            *end++ = (char)byte;
            text += 3;
        } else {
            *end++ = *text++;
        }
    }
    if (out)
        *end = 0;
    return out;
}

/* The program and its arguments are in the file: the lines "program" and "argument". */
static int read_command(const char *name, char *path, size_t size, char **arguments)
{
    char line[1024];
    int count = 0;
    FILE *in = fopen(name, "r");
    path[0] = 0;
    if (!in)
        return -1;
    while (fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "program ", 8))
            snprintf(path, size, "%s", line + 8);
        if (!strncmp(line, "argument ", 9) && count < ARGUMENTS_MAX - 1)
            arguments[count++] = decode(line + 9);
    }
    arguments[count] = NULL;
    int error = ferror(in) ? errno : 0;
    fclose(in);
    errno = error;
    return error ? -1 : count;
}

static int debug(struct explore_options *options, const char *path, char **arguments)
{
    char *command[ARGUMENTS_MAX + 16], runtime[4096], preload[4200];
    int count = 0;
    if (!explore_find_runtime(runtime, sizeof runtime))
        return EXIT_USAGE;
    snprintf(preload, sizeof preload, "set environment LD_PRELOAD %s", runtime);
    command[count++] = options->program[0];
    const char *const before[] = {"-q",
                                  "-ex",
                                  preload,
                                  "-ex",
                                  "set follow-fork-mode child",
                                  "-ex",
                                  "set disable-randomization on",
                                  "-ex",
                                  "set startup-with-shell off",
                                  "-ex",
                                  "run",
                                  "--args"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        command[count++] = (char *)(uintptr_t)before[i];
    command[count++] = (char *)(uintptr_t)path;
    for (int i = 1; arguments[0] && arguments[i]; i++)
        command[count++] = arguments[i];
    command[count] = NULL;
    if (!set_environment(options, runtime, STDOUT_FILENO))
        return EXIT_USAGE;
    unsetenv("LD_PRELOAD");
    execvp(command[0], command);
    return complain(command[0], strerror(errno));
}

static int replay(struct explore_options *options)
{
    static char *arguments[ARGUMENTS_MAX];
    char path[1024], name[4096];
    if (*options->program && strcmp(*options->program, "gdb"))
        return complain(*options->program, "a replay runs by itself, or with -- gdb");
    if (*options->program && options->html)
        return complain("--html", "a replay in gdb has no page");
    if (read_command(options->replay, path, sizeof path, arguments) < 0)
        return complain(options->replay, strerror(errno));
    if (!*path || !arguments[0])
        return complain(options->replay, "it names no program: it is no replay file");
    /* The program looks for it from wherever it goes. */
    if (!realpath(options->replay, name) || strlen(name) >= 500)
        return complain(options->replay, "its path is too long");
    options->replay = name;
    const char *complaint = explore_check_program(path);
    if (complaint)
        return complain(path, complaint);
    return *options->program ? debug(options, path, arguments) : explore(options, path, arguments);
}

static int run(int argc, char **argv)
{
    struct explore_options options;
    if (!explore_options_read(argc, argv, &options))
        return EXIT_USAGE;
    if (options.must_help) {
        fputs(help_text, stdout);
        return EXIT_GOOD;
    }
    return options.replay ? replay(&options) : search(&options);
}

const struct verb explore_verb = {
    .name = "explore",
    .summary = "run a program with other interleavings until it fails",
    .help = help_text,
    .run = run,
};
