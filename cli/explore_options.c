#include "explore.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS = 256, SCHEDULES, SEED, STRATEGY, RACES, JSON, REPLAY, HTML };

static const struct option long_options[] = {{"seconds", required_argument, NULL, SECONDS},
                                             {"schedules", required_argument, NULL, SCHEDULES},
                                             {"seed", required_argument, NULL, SEED},
                                             {"strategy", required_argument, NULL, STRATEGY},
                                             {"races", required_argument, NULL, RACES},
                                             {"json", no_argument, NULL, JSON},
                                             {"replay", required_argument, NULL, REPLAY},
                                             {"html", required_argument, NULL, HTML},
                                             {"output", required_argument, NULL, 'o'},
                                             {NULL, 0, NULL, 0}};

static bool complain(const char *option, const char *value, const char *wanted)
{
    fprintf(stderr, "lifeguard explore: %s %s: %s\n", option, value, wanted);
    return false;
}

static bool read_count(const char *option, const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno)
        return complain(option, text, "a whole number is wanted");
    return true;
}

static bool read_seconds(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (end == text || *end || !isfinite(*out) || *out <= 0 || *out > 1e9)
        return complain("--seconds", text, "a number above 0 is wanted");
    return true;
}

static bool read_word(const char *option, const char *text, const char *const *words,
                      const char *wanted, const char **out)
{
    for (; *words; words++) {
        if (!strcmp(*words, text)) {
            *out = *words;
            return true;
        }
    }
    return complain(option, text, wanted);
}

static bool read_file_name(const char *option, const char *text, const char **out)
{
    *out = text;
    return (*text && strlen(text) < 500) || complain(option, text, "a shorter file name is wanted");
}

static bool read_option(int option, struct explore_options *options)
{
    static const char *const strategies[] = {"auto", "surw",    "rf",     "pos",
                                             "pct",  "periods", "random", NULL};
    static const char *const races[] = {"report", "fail", "off", NULL};
    switch (option) {
    case SECONDS:
        return read_seconds(optarg, &options->seconds);
    case SCHEDULES:
        return read_count("--schedules", optarg, &options->schedules);
    case SEED:
        return read_count("--seed", optarg, &options->seed);
    case STRATEGY:
        return read_word("--strategy", optarg, strategies,
                         "one of auto, surw, rf, pos, pct, periods, random", &options->strategy);
    case RACES:
        return read_word("--races", optarg, races, "one of report, fail, off", &options->races);
    case JSON:
        options->is_json = true;
        return true;
    case REPLAY:
        return read_file_name("--replay", optarg, &options->replay);
    case HTML:
        return read_file_name("--html", optarg, &options->html);
    case 'o':
        return read_file_name("-o", optarg, &options->output);
    default:
        fputs("lifeguard explore: lifeguard help explore lists the options\n", stderr);
        return false;
    }
}

bool explore_options_read(int argc, char **argv, struct explore_options *options)
{
    *options = (struct explore_options){.strategy = "auto", .races = "report", .seed = 1};
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, "+o:", long_options, NULL)) >= 0;)
        if (!read_option(option, options))
            return false;
    options->program = argv + optind;
    if (!*options->program && !options->replay) {
        fputs("lifeguard explore: the program is missing: lifeguard explore -- PROGRAM ARGS\n",
              stderr);
        return false;
    }
    if (!options->seconds && !options->schedules)
        options->seconds = 10;
    return true;
}
