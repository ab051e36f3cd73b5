/* How soon programs fail under `lifeguard explore`: what the parts of this bench share. */
#ifndef BENCH_EXPLORE_H
#define BENCH_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define NAME_SIZE  64
#define TRIALS_MAX 1000
#define SETTLED    10 /* a program counts as found if so many of 20 trials have found it */

#define TRIAL_SECONDS 60 /* if nothing else is said */

/* A program to be explored. */
struct program {
    char name[NAME_SIZE];
    char source[256]; /* from the folder on */
    char flags[512];
    bool has_needs;
    uint32_t needs; /* preemptions of the smallest schedule that fails */
};

struct programs {
    struct program *all;
    uint32_t count;
};

/* What was published of a program of this name; a median of 0 is "never", below 0 "not measured". */
struct figure {
    double median;
    uint32_t found; /* of 20 trials */
};

struct published {
    char name[NAME_SIZE];
    struct figure surw, rff, lowest;
    char of[16];         /* the tool with the lowest */
    uint32_t goal_found; /* of 20; 0: no goal */
    double goal_seconds;
};

struct trial {
    bool is_found;
    double schedules, seconds; /* until it was found, or at all */
    uint32_t preemptions;      /* of the schedule that is shown */
};

/* All trials of a program. */
struct result {
    const struct program *program;
    struct published published;
    struct trial trials[TRIALS_MAX];
    uint32_t count, found;
    uint32_t preemptions,
        smallest; /* the most of those that found it; those with no more than it needs */
    double schedules, seconds,
        rate;            /* medians of those that found it; schedules a second over all */
    char complaint[256]; /* why there are none; empty: there are */
};

struct options {
    const char *folder;
    const char *lifeguard;
    uint32_t trials;
    double seconds; /* of a trial; 0: not said */
    FILE *json;     /* NULL: not asked for */
    const char *only[64];
    uint32_t only_count;
};

/* End with a line and exit code 2. */
void give_up(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The programs in a folder: one file each, or as its `manifest` says.  Ends if it cannot be read, or has
 * none. */
struct programs programs_read(const char *folder);

/* Read what was published, and the goals, from files beside the bench's source. */
void published_read(const char *folder);
/* All "not measured" for a name that is not known. */
struct published published_of(const char *name);

/* Build a program and try it.  The complaint says if that was not possible. */
void result_measure(struct result *result, const struct options *options);

void report_begin(const struct options *options);
void report_row(const struct result *result, const struct options *options);
/* The cumulative table, ours beside what was published of the same programs.  Returns whether each goal was met. */
bool report_totals(const struct result *results, uint32_t count, const struct options *options);

#endif
