#include "explore.h"
#include "options.h"

#include <getopt.h>
#include <string.h>

#define SHRINK_SECONDS 2

/* Also of those that have a letter: options_refuse_word tells by it how an option was written. */
enum {
    SECONDS = OPTIONS_LONG,
    SCHEDULES,
    STEPS,
    SHRINK,
    SEED,
    STRATEGY,
    RACES,
    JSON,
    REPLAY,
    HTML,
    FRESH,
    OUTPUT,
    HELP
};

static const struct option long_options[] = {{"seconds", required_argument, NULL, SECONDS},
                                             {"schedules", required_argument, NULL, SCHEDULES},
                                             {"steps", required_argument, NULL, STEPS},
                                             {"shrink", required_argument, NULL, SHRINK},
                                             {"seed", required_argument, NULL, SEED},
                                             {"strategy", required_argument, NULL, STRATEGY},
                                             {"races", required_argument, NULL, RACES},
                                             {"json", no_argument, NULL, JSON},
                                             {"replay", required_argument, NULL, REPLAY},
                                             {"fresh", no_argument, NULL, FRESH},
                                             {"html", required_argument, NULL, HTML},
                                             {"output", required_argument, NULL, OUTPUT},
                                             {"help", no_argument, NULL, HELP},
                                             {NULL, 0, NULL, 0}};

static bool complain(const char *option, const char *value, const char *wanted)
{
    options_refuse("explore", "%s %s: %s", option, options_shown(value), wanted);
    return false;
}

static bool read_count(const char *option, const char *text, uint64_t min, uint64_t *out)
{
    return options_read_number(text, min, UINT64_MAX, out) ||
           complain(option, text,
                    min ? "a whole number above 0 is wanted" : "a whole number is wanted");
}

/* Less than a millisecond is no exploration; the most is 30 years. */
static bool read_seconds(const char *option, const char *text, double min, double *out)
{
    return options_read_real(text, min, 1e9, out) ||
           complain(option, text,
                    min > 0 ? "a number above 0 is wanted" : "a number from 0 is wanted");
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
    return (*text && strlen(text) < 500) ||
           complain(option, text, "the name of a file is wanted, of less than 500 bytes");
}

static bool read_option(int option, struct explore_options *options)
{
    static const char *const strategies[] = {"auto", "surw",    "rf",     "pos",
                                             "pct",  "periods", "random", NULL};
    static const char *const races[] = {"report", "fail", "off", NULL};
    switch (option) {
    case SECONDS:
        return read_seconds("--seconds", optarg, 1e-3, &options->seconds);
    case SHRINK:
        return read_seconds("--shrink", optarg, 0, &options->shrink);
    case SCHEDULES:
        return read_count("--schedules", optarg, 1, &options->schedules);
    case STEPS:
        return read_count("--steps", optarg, 1, &options->steps);
    case SEED:
        return read_count("--seed", optarg, 0, &options->seed);
    case STRATEGY:
        return read_word("--strategy", optarg, strategies,
                         "one of auto, surw, rf, pos, pct, periods, random", &options->strategy);
    case RACES:
        return read_word("--races", optarg, races, "one of report, fail, off", &options->races);
    case JSON:
        options->is_json = true;
        return true;
    case FRESH:
        options->is_fresh = true;
        return true;
    case REPLAY:
        return read_file_name("--replay", optarg, &options->replay);
    case HTML:
        return read_file_name("--html", optarg, &options->html);
    case 'o':
    case OUTPUT:
        return read_file_name("-o", optarg, &options->output);
    case 'h':
    case HELP:
        options->must_help = true;
        return true;
    }
    return false;
}

/* What no option says alone. */
static bool check_together(const struct explore_options *options)
{
    if (!*options->program && !options->replay) {
        options_refuse("explore", "the program is missing: lifeguard explore -- PROGRAM ARGS");
        return false;
    }
    if (options->replay && (options->output || options->schedules || options->seconds != 0)) {
        options_refuse("explore", "--replay runs one schedule and writes none: leave out -o, "
                                  "--schedules and --seconds");
        return false;
    }
    return true;
}

bool explore_options_read(int argc, char **argv, struct explore_options *options)
{
    *options = (struct explore_options){.strategy = "auto",
                                        .races = "report",
                                        .seed = 1,
                                        .steps = 2000000,
                                        .shrink = SHRINK_SECONDS};
    optind = 0;
    for (int key; !options->must_help &&
                  (key = getopt_long(argc, argv, "+:ho:", long_options, NULL)) >= 0;) {
        if (key == ':' || key == '?')
            options_refuse_word("explore", key, argv);
        if (!read_option(key, options))
            return false;
    }
    options->program = argv + optind;
    if (!options->must_help && !check_together(options))
        return false;
    if (!options->seconds && !options->schedules)
        options->seconds = 10;
    return true;
}
