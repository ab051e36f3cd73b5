/* Options come in one environment variable, LIFEGUARD_EXPLORE, as KEY=VALUE separated by commas; file names
 * in variables of their own.  `lifeguard explore` sets them and has checked them; what is wrong here is
 * reported and not guessed. */
#include "explore/campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS 2000000u

static const char *const strategies[LG__STRATEGY_COUNT] = {
    [LG__STRATEGY_AUTO] = "auto",       [LG__STRATEGY_RANDOM] = "random",
    [LG__STRATEGY_PCT] = "pct",         [LG__STRATEGY_POS] = "pos",
    [LG__STRATEGY_ORDER] = "order",     [LG__STRATEGY_REPLAY] = "replay",
    [LG__STRATEGY_SURW] = "surw",       [LG__STRATEGY_RF] = "rf",
    [LG__STRATEGY_PERIODS] = "periods", [LG__STRATEGY_BOUNDED] = "bounded",
};

static const char *const races[] = {"report", "fail", "off"};

const char *lg__strategy_name(enum lg__strategy strategy)
{
    return strategies[strategy];
}

static void refuse(const char *what)
{
    fprintf(stderr, "lifeguard explore: LIFEGUARD_EXPLORE: %s is not understood\n", what);
    _exit(2);
}

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (names[i] && !strcmp(names[i], name))
            return i;
    return -1;
}

static void set_name(const char *key, const char *const *names, int count, const char *value,
                     void *out, size_t size)
{
    int number = find(names, count, value);
    if (number < 0)
        refuse(key);
    unsigned wide = (unsigned)number;
    memcpy(out, &wide, size);
}

static double number_of(const char *key, const char *value)
{
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end || !(number >= 0))
        refuse(key);
    return number;
}

static void set_option(struct lg__options *options, const char *key, const char *value)
{
    if (!strcmp(key, "strategy"))
        set_name(key, strategies, LG__STRATEGY_COUNT, value, &options->strategy,
                 sizeof options->strategy);
    else if (!strcmp(key, "races"))
        set_name(key, races, 3, value, &options->races, sizeof options->races);
    else if (!strcmp(key, "seed"))
        options->seed = strtoull(value, NULL, 10);
    else if (!strcmp(key, "schedules"))
        options->schedules = strtoull(value, NULL, 10);
    else if (!strcmp(key, "steps"))
        options->steps = strtoull(value, NULL, 10);
    else if (!strcmp(key, "seconds"))
        options->seconds = number_of(key, value);
    else if (!strcmp(key, "shrink"))
        options->shrink = number_of(key, value);
    else if (!strcmp(key, "wire"))
        options->wire = (int)number_of(key, value);
    else if (!strcmp(key, "fresh"))
        options->is_fresh = *value == '1';
    else if (!strcmp(key, "stop"))
        options->must_stop = *value == '1';
    else
        refuse(key);
}

static void read_file_name(const char *variable, char *out, size_t size)
{
    const char *value = getenv(variable);
    if (!value)
        return;
    if (strlen(value) >= size)
        refuse(variable);
    strcpy(out, value);
    unsetenv(variable);
}

bool lg__options_read(struct lg__options *options)
{
    const char *value = getenv("LIFEGUARD_EXPLORE");
    if (!value)
        return false;
    char text[512];
    if (strlen(value) >= sizeof text)
        refuse("a text so long");
    strcpy(text, value);
    unsetenv("LIFEGUARD_EXPLORE");
    *options = (struct lg__options){.wire = STDOUT_FILENO, .seed = 1, .steps = STEPS};
    char *rest = NULL;
    for (char *item = strtok_r(text, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(item, '=');
        if (!equals)
            refuse(item);
        *equals = 0;
        set_option(options, item, equals + 1);
    }
    read_file_name("LIFEGUARD_EXPLORE_OUTPUT", options->output, sizeof options->output);
    read_file_name("LIFEGUARD_EXPLORE_REPLAY", options->replay, sizeof options->replay);
    return true;
}
