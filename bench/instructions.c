/* Instructions: how many a pair of checkout and checkin takes, or of lock and unlock, by one thread, again and again.
 *
 * A machine that others use too can still count.  valgrind counts the instructions of `pairs`, once for
 * many pairs and once for three times as many; the difference is theirs and the loop's. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define PAIRS 300000
/* What they took when this was written, with the leanest fast paths so far and the loop around them (15 the pool's),
 * and 2. */
#define POOL_GOAL  107.0
#define MUTEX_GOAL 57.0
#define READ_GOAL  58.0
#define WRITE_GOAL 59.0

/* Fair, so that the pool's ticker runs.  NAN: there is no valgrind, or it says nothing. */
static double count_of(const char *what, unsigned pairs)
{
    char command[512], line[512];
    unsigned long long count = 0;
    snprintf(command, sizeof command,
             "LC_ALL=C valgrind --fair-sched=yes --tool=callgrind --callgrind-out-file=/dev/null "
             "'%s' %s %u 2>&1",
             BENCH_PAIRS, what, pairs);
    FILE *output = popen(command, "r");
    while (output != NULL && fgets(line, sizeof line, output) != NULL) {
        const char *found = strstr(line, "Collected : ");
        if (found != NULL)
            count = strtoull(found + strlen("Collected : "), NULL, 10);
    }
    bool is_good = output != NULL && pclose(output) == 0 && count > 0;
    return is_good ? (double)count : NAN;
}

static void report(const char *what, const char *metric, double goal)
{
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    figure.bench = "instructions";
    figure.group = "instructions a pair, one thread, nobody else, as callgrind counts them";
    figure.metric = metric;
    figure.unit = "instr.";
    figure.sense = BENCH_AT_MOST;
    figure.goal = goal;
    if (system("command -v valgrind > /dev/null 2>&1") != 0)
        figure.package = "valgrind";
    else
        figure.value = (count_of(what, 3 * PAIRS) - count_of(what, PAIRS)) / (2 * PAIRS);
    bench_record(&figure);
}

void bench_instructions(void)
{
    report("pool", "Lifeguard pool", POOL_GOAL);
    report("mutex", "Lifeguard mutex, nobody looks", MUTEX_GOAL);
    report("read", "Lifeguard rwlock to read, nobody looks", READ_GOAL);
    report("write", "Lifeguard rwlock to write, nobody looks", WRITE_GOAL);
}
