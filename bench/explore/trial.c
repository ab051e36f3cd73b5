/* Trials: a program is built by `lifeguard cc` and explored with one seed after the other. */
#include "explore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 128
#define OUTPUT_MAX    65536

/* A command's output, the line of its errors that matters, and how it has ended. */
struct outcome {
    char out[OUTPUT_MAX];
    char err[256];
    int status; /* exit status; -1: by a signal */
};

static void become(const char *const *command, const char *folder, const int *out, const int *err)
{
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    for (int i = 0; i < 2; i++) {
        close(out[i]);
        close(err[i]);
    }
    if (folder && chdir(folder)) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        _exit(127);
    }
    execvp(command[0], (char *const *)(uintptr_t)command); /* it changes none of them */
    fprintf(stderr, "%s: %s\n", command[0], strerror(errno));
    _exit(127);
}

/* Read to the end, and keep what there is room for.  Errors go to a file, so that nobody waits. */
static void read_all(int from, char *text, size_t size)
{
    char spill[4096];
    size_t used = 0;
    ssize_t count;
    while ((count = read(from, used + 1 < size ? text + used : spill,
                         used + 1 < size ? size - used - 1 : sizeof spill)) > 0)
        used += used + 1 < size ? (size_t)count : 0;
    text[used] = 0;
}

/* The first line, or the first that says what was wrong. */
static void read_error(FILE *errors, char *out, size_t size)
{
    char line[256];
    bool is_first = true;
    out[0] = 0;
    rewind(errors);
    while (fgets(line, sizeof line, errors)) {
        bool is_telling = strstr(line, "error") || strstr(line, "undefined");
        line[strcspn(line, "\n")] = 0;
        if (is_first || is_telling)
            snprintf(out, size, "%s", line);
        if (is_telling)
            return;
        is_first = false;
    }
}

static void run(const char *const *command, const char *folder, struct outcome *outcome)
{
    int out[2], err[2], status;
    FILE *errors = tmpfile();
    if (!errors || pipe(out))
        give_up("a command cannot be started: %s", strerror(errno));
    err[0] = dup(fileno(errors));
    err[1] = dup(fileno(errors));
    pid_t process = fork();
    if (process < 0)
        give_up("a command cannot be started: %s", strerror(errno));
    if (!process)
        become(command, folder, out, err);
    close(out[1]);
    close(err[0]);
    close(err[1]);
    read_all(out[0], outcome->out, sizeof outcome->out);
    close(out[0]);
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        continue;
    read_error(errors, outcome->err, sizeof outcome->err);
    fclose(errors);
    outcome->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- Building ------------------------------------------------------------------------------------------- */

static bool build(struct result *result, const struct options *options, const char *binary,
                  struct outcome *outcome)
{
    char flags[sizeof result->program->flags];
    const char *command[ARGUMENTS_MAX] = {
        options->lifeguard,     "cc", "-g", "-O0", "-w", "-pthread", "-o", binary,
        result->program->source};
    uint32_t count = 9;
    strcpy(flags, result->program->flags);
    for (char *flag = strtok(flags, " \t"); flag && count < ARGUMENTS_MAX - 2;
         flag = strtok(NULL, " \t"))
        command[count++] = flag;
    command[count++] = "-lm";
    run(command, options->folder, outcome);
    if (outcome->status)
        snprintf(result->complaint, sizeof result->complaint, "does not compile: %.200s",
                 outcome->err);
    return !outcome->status;
}

/* ---- Trying ------------------------------------------------------------------------------------------------ */

/* A number of the JSON's outermost object: these come first. */
static double number_of(const char *json, const char *key)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"%s\": ", key);
    const char *at = strstr(json, wanted);
    return at ? strtod(at + strlen(wanted), NULL) : 0;
}

static double seconds_for(const struct result *result, const struct options *options)
{
    double goal = result->published.goal_seconds;
    if (options->seconds > 0)
        return options->seconds;
    return goal > TRIAL_SECONDS ? goal : TRIAL_SECONDS;
}

static bool try_once(struct result *result, const struct options *options, const char *binary,
                     struct outcome *outcome)
{
    char seconds[32], seed[32], replay[4200];
    snprintf(seconds, sizeof seconds, "%g", seconds_for(result, options));
    snprintf(seed, sizeof seed, "%u", result->count + 1);
    snprintf(replay, sizeof replay, "%s.replay", binary);
    const char *const command[] = {
        options->lifeguard, "explore", "--seconds", seconds, "--seed", seed,
        "--json",           "-o",      replay,      "--",    binary,   NULL};
    run(command, NULL, outcome);
    if (outcome->status != 0 && outcome->status != 1) {
        const char *said = strstr(outcome->err, ": ");
        snprintf(result->complaint, sizeof result->complaint, "cannot be explored: %.200s",
                 said ? said + 2 : outcome->err);
        return false;
    }
    result->trials[result->count++] =
        (struct trial){.is_found = outcome->status == 1,
                       .schedules = number_of(outcome->out, "schedules"),
                       .seconds = number_of(outcome->out, "seconds"),
                       .preemptions = (uint32_t)number_of(outcome->out, "preemptions")};
    return true;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, compare);
    if (!count)
        return 0;
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void sum_up(struct result *result)
{
    double schedules[TRIALS_MAX], seconds[TRIALS_MAX], all_schedules = 0, all_seconds = 0;
    for (uint32_t i = 0; i < result->count; i++) {
        const struct trial *trial = &result->trials[i];
        all_schedules += trial->schedules;
        all_seconds += trial->seconds;
        if (!trial->is_found)
            continue;
        schedules[result->found] = trial->schedules;
        seconds[result->found++] = trial->seconds;
        result->smallest += trial->preemptions <= result->program->needs;
        if (trial->preemptions > result->preemptions)
            result->preemptions = trial->preemptions;
    }
    result->schedules = median_of(schedules, result->found);
    result->seconds = median_of(seconds, result->found);
    result->rate = all_seconds > 0 ? all_schedules / all_seconds : 0;
}

void result_measure(struct result *result, const struct options *options)
{
    static struct outcome outcome;
    char folder[] = "/tmp/lifeguard-bench-XXXXXX", binary[128], replay[160];
    if (!mkdtemp(folder))
        give_up("%s: %s", folder, strerror(errno));
    snprintf(binary, sizeof binary, "%s/program", folder);
    snprintf(replay, sizeof replay, "%s.replay", binary);
    if (build(result, options, binary, &outcome))
        while (result->count < options->trials && try_once(result, options, binary, &outcome))
            continue;
    sum_up(result);
    unlink(binary);
    unlink(replay);
    rmdir(folder);
}
