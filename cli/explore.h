/* The parts of `lifeguard explore` and `lifeguard cc`: options, programs as files, places, results. */
#ifndef LG_CLI_EXPLORE_H
#define LG_CLI_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- Options ---------------------------------------------------------------------------------------- */

struct explore_options {
    const char *strategy;
    const char *races;
    const char *output; /* NULL: a name made from the program's */
    const char *replay;
    double seconds;     /* 0: no limit */
    uint64_t schedules; /* 0: no limit */
    uint64_t seed;
    bool is_json;
    char *
        *program; /* and its arguments, ended by NULL; in a replay what it is run under, or empty */
};

/* False: something is wrong, and has been said. */
bool explore_options_read(int argc, char **argv, struct explore_options *options);

/* ---- Programs as files ------------------------------------------------------------------------------ */

/* The runtime's file; false: it is not there, and has been said. */
bool explore_find_runtime(char *out, size_t size);

/* The program's file, looked for in PATH as the shell does; false: there is none. */
bool explore_find_program(const char *name, char *out, size_t size);

/* NULL, or why the runtime cannot come into this program. */
const char *explore_check_program(const char *path);

/* The name of the variable at an address of a file, and how far in it; false: none is known. */
bool explore_find_variable(const char *path, uint64_t address, char *out, size_t size);

/* ---- What the runtime has told ---------------------------------------------------------------------- */

struct explore_module {
    uint64_t begin, end;
    char *path;
};

struct explore_access {
    char thread[64];
    int is_write, is_atomic;
    uint64_t site;
};

struct explore_race {
    uint64_t address, schedule;
    unsigned size;
    struct explore_access accesses[2];
};

#define EXPLORE_LINES_MAX   128
#define EXPLORE_MODULES_MAX 256
#define EXPLORE_RACES_MAX   256

struct explore_result {
    bool has_begun; /* the runtime was there */
    bool is_over;   /* and said its last word */
    int status;
    char found[32];
    char strategy[32];
    char replay[512];
    uint64_t schedule, preemptions, where;
    uint64_t schedules, nanoseconds, steps, events, threads, races_lost;
    char *text[EXPLORE_LINES_MAX]; /* of the finding, the divergence, or why it cannot be */
    size_t text_count;
    char *turns[EXPLORE_LINES_MAX]; /* of the interleaving: who ran until what */
    size_t turn_count;
    char *notes[EXPLORE_LINES_MAX];
    size_t note_count;
    bool has_diverged;
    bool is_impossible;
    struct explore_module modules[EXPLORE_MODULES_MAX];
    size_t module_count;
    struct explore_race races[EXPLORE_RACES_MAX];
    size_t race_count;
};

/* Read lines until the other side closes. */
void explore_result_read(FILE *in, struct explore_result *result);
void explore_result_free(struct explore_result *result);

/* ---- Places: addresses of the program as file:line in function ------------------------------------------- */

/* Note an address that will be asked for; then look all of them up at once. */
void explore_places_want(uint64_t address);
void explore_places_look_up(const struct explore_result *result);
/* Text that is valid until the next call. */
const char *explore_place(const struct explore_result *result, uint64_t address);
const char *explore_datum(const struct explore_result *result, uint64_t address);
/* A line of the runtime's, with its places spelt out. */
void explore_places_expand(const struct explore_result *result, const char *line, char *out,
                           size_t size);

/* ---- Printing ----------------------------------------------------------------------------------------- */

void explore_print_text(const struct explore_result *result);
void explore_print_json(const struct explore_result *result);

#endif
