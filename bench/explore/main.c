/* bench/explore: how soon programs fail under `lifeguard explore`, beside what was published of others. */
#include "explore.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: explore [--trials N] [--seconds S] [--only NAME]... [--json FILE] [--list] [DIR]\n"
    "  DIR            a folder of C and C++ programs, one file each; or with a file `manifest`, "
    "whose lines\n"
    "                 are NAME SOURCE FLAGS (FLAGS may name more sources); default: our own "
    "programs\n"
    "  --trials N     so many trials a program, with seeds 1 to N; default 20, at most 1000\n"
    "  --seconds S    the most that one trial takes; default 60, or as many as its goal allows\n"
    "  --only NAME    this program and not the others; may be given several times\n"
    "  --json FILE    also write one JSON object a line per figure; - is standard output\n"
    "  --list         name the programs and end\n"
    "exit code: 0 all were measured, 1 some could not be, 2 wrong use\n"
    "The environment's LIFEGUARD names another lifeguard than the one built beside this bench.\n";

void give_up(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fputs("bench explore: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static double number_of(const char *option, const char *text, double most)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || !(number > 0) || number > most)
        give_up("%s %s: it is to be a number above 0, at most %g", option, text, most);
    return number;
}

static FILE *open_json(const char *name)
{
    FILE *file = strcmp(name, "-") ? fopen(name, "w") : stdout;
    if (!file)
        give_up("%s: %s", name, strerror(errno));
    return file;
}

static void set_option(struct options *options, const char *option, const char *value)
{
    if (!value)
        give_up("%s: this option needs a value; see --help", option);
    if (!strcmp(option, "--trials")) {
        double trials = number_of(option, value, TRIALS_MAX);
        if (trials != floor(trials))
            give_up("%s %s: it is to be a whole number", option, value);
        options->trials = (uint32_t)trials;
    } else if (!strcmp(option, "--seconds")) {
        options->seconds = number_of(option, value, 1e6);
    } else if (!strcmp(option, "--json")) {
        options->json = open_json(value);
    } else if (!strcmp(option, "--only") &&
               options->only_count < sizeof options->only / sizeof *options->only) {
        options->only[options->only_count++] = value;
    } else {
        give_up("%s: unknown option; see --help", option);
    }
}

/* Returns whether the programs are only to be listed. */
static bool read_options(struct options *options, char **arguments)
{
    bool must_list = false;
    for (int i = 1; arguments[i]; i++) {
        if (!strcmp(arguments[i], "--help") || !strcmp(arguments[i], "-h")) {
            fputs(usage, stdout);
            exit(0);
        }
        if (!strcmp(arguments[i], "--list"))
            must_list = true;
        else if (arguments[i][0] == '-') {
            set_option(options, arguments[i], arguments[i + 1]);
            i++;
        } else if (options->folder)
            give_up("%s: there is a folder already; see --help", arguments[i]);
        else
            options->folder = arguments[i];
    }
    return must_list;
}

static bool is_wanted(const struct options *options, const struct program *program)
{
    bool is_named = !options->only_count;
    for (uint32_t i = 0; i < options->only_count; i++)
        is_named = is_named || !strcmp(options->only[i], program->name);
    return is_named;
}

static void check_names(const struct options *options, const struct programs *programs)
{
    for (uint32_t i = 0; i < options->only_count; i++) {
        bool is_there = false;
        for (uint32_t p = 0; p < programs->count; p++)
            is_there = is_there || !strcmp(programs->all[p].name, options->only[i]);
        if (!is_there)
            give_up("%s: there is no such program; --list names those there are", options->only[i]);
    }
}

static void check_folder(const char *folder)
{
    struct stat status;
    if (stat(folder, &status))
        give_up("%s: %s", folder, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        give_up("%s: it is no folder", folder);
}

static bool measure(const struct programs *programs, const struct options *options)
{
    struct result *results = calloc(programs->count, sizeof *results);
    uint32_t count = 0;
    bool is_complete = true;
    if (!results)
        give_up("out of memory");
    report_begin(options);
    for (uint32_t i = 0; i < programs->count; i++) {
        struct result *result = &results[count];
        if (!is_wanted(options, &programs->all[i]))
            continue;
        result->program = &programs->all[i];
        result->published = published_of(result->program->name);
        result_measure(result, options);
        report_row(result, options);
        is_complete = is_complete && !result->complaint[0];
        count++;
    }
    (void)report_totals(results, count, options);
    free(results);
    return is_complete;
}

int main(int count, char **arguments)
{
    struct options options = {.trials = 20};
    (void)count;
    bool must_list = read_options(&options, arguments);
    if (!options.folder)
        options.folder = BENCH_EXPLORE "/programs";
    options.lifeguard = getenv("LIFEGUARD");
    if (!options.lifeguard)
        options.lifeguard = BENCH_LIFEGUARD;
    check_folder(options.folder);
    published_read(BENCH_EXPLORE);
    struct programs programs = programs_read(options.folder);
    check_names(&options, &programs);
    for (uint32_t i = 0; must_list && i < programs.count; i++)
        puts(programs.all[i].name);
    bool is_complete = must_list || measure(&programs, &options);
    free(programs.all);
    return is_complete ? 0 : 1;
}
