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
    const char *html; /* NULL: none is wanted */
    double seconds;   /* 0: no limit */
    double shrink;
    uint64_t schedules; /* 0: no limit */
    uint64_t steps;     /* of a schedule */
    uint64_t seed;
    bool is_json;
    bool is_fresh;  /* a process for each schedule */
    bool must_help; /* and do nothing else */
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

/* One thing that a thread did in the run that failed, with what it found and left. */
struct explore_lock {
    uint64_t address, site;
};

#define EXPLORE_VALUE_MAX 16
#define EXPLORE_LOCKS_MAX 4
#define EXPLORE_CALLS_MAX 4

struct explore_step {
    char thread[64];
    char event[20];
    char state[12];
    char turn[12]; /* how the turn of the step before ended; empty: it is the same turn */
    unsigned rank; /* how much it matters, from 0 */
    unsigned mark; /* 1 and 2: the two whose order decides */
    uint64_t site, address, size;
    uint64_t told_site;                /* the runtime's, where the site is that of a caller */
    uint64_t calls[EXPLORE_CALLS_MAX]; /* of the functions that it is in, the innermost first */
    unsigned char before[EXPLORE_VALUE_MAX], after[EXPLORE_VALUE_MAX];
    bool has_before, has_after;
    char object[16]; /* "mutex", ...; empty: it is memory */
    char other[64];  /* the thread that has it, or is started or awaited; empty: none */
    uint64_t block, block_size, block_site;       /* of the heap; 0: none */
    struct explore_lock locks[EXPLORE_LOCKS_MAX]; /* that the thread has, the innermost first */
    size_t lock_count;
};

struct explore_lane {
    char thread[64];
    uint64_t start; /* the function that it began with; 0: unknown */
    char label[16]; /* what the program calls it; empty: nothing */
};

struct explore_preemption {
    char thread[64];
    char event[20];
    uint64_t site, address;
};

#define EXPLORE_STEPS_MAX       256
#define EXPLORE_LANES_MAX       256
#define EXPLORE_PREEMPTIONS_MAX 64

/* What the runtime has found out about a failure. */
struct explore_story {
    char decides[12]; /* none, order, absent, race; empty: there is no story */
    unsigned tried;   /* other orders */
    struct explore_step steps[EXPLORE_STEPS_MAX];
    size_t step_count;
    struct explore_lane lanes[EXPLORE_LANES_MAX];
    size_t lane_count;
    struct explore_preemption preemptions[EXPLORE_PREEMPTIONS_MAX];
    size_t preemption_count;
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
    uint64_t processes, endless, digest;
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
    struct explore_story story;
};

void explore_result_read(FILE *in, struct explore_result *result);
void explore_result_free(struct explore_result *result);

/* A line of the story; false: it is none. */
bool explore_story_read(const char *word, const char *value, struct explore_story *story);
/* When the places are known: what happens in a header of the system's happens where that was called. */
void explore_story_settle(struct explore_story *story);

/* ---- Places: addresses of the program as file:line in function ------------------------------------------- */

/* Note an address that will be asked for; then look all of them up at once. */
void explore_places_want(uint64_t address);
void explore_places_look_up(const struct explore_result *result);
/* Text that is valid until the next call. */
const char *explore_place(const struct explore_result *result, uint64_t address);
/* What is so many bytes at an address; EXPLORE_WHOLE: the largest that begins there, 0: the smallest. */
const char *explore_datum(const struct explore_result *result, uint64_t site, uint64_t address,
                          uint64_t size);
#define EXPLORE_WHOLE UINT64_MAX
/* The file that an address is in; NULL: none. */
const struct explore_module *explore_module_of(const struct explore_result *result,
                                               uint64_t address);
/* Whether the address is in the runtime. */
bool explore_is_runtime(const struct explore_result *result, uint64_t address);
/* The parts of a place: false, and "", 0, if they are not known. */
bool explore_place_parts(uint64_t address, const char **file, unsigned *line,
                         const char **function);
/* A line of a file, without the blanks around it and what a terminal would obey; "": there is none.  Valid until
 * the next call. */
const char *explore_source_line(const char *file, unsigned line);
/* A line of the runtime's, with its places spelt out. */
void explore_places_expand(const struct explore_result *result, const char *line, char *out,
                           size_t size);

/* ---- Debugging information: names and types, as far as the program has it -------------------------------- */

/* "account.balance", the bytes of a variable, as the source at a place may call them.  False: they are not known. */
bool explore_debug_datum(const struct explore_result *result, uint64_t site, uint64_t address,
                         uint64_t size, char *out, size_t room);
/* The type of a step's heap block, "" if that has no name, and ".balance" in it.  False: they are not known. */
bool explore_debug_block(const struct explore_result *result, const struct explore_step *step,
                         char *type, size_t type_size, char *path, size_t path_size);
/* A value as its type says.  False: that is not known, or says nothing. */
bool explore_debug_value(const struct explore_result *result, const struct explore_step *step,
                         const unsigned char *bytes, char *out, size_t room);

/* ---- The story as rows ---------------------------------------------------------------------------------- */

/* What one line of the story says.  Several steps may be one row: what is read and then written by one line of
 * the program. */
struct explore_row {
    const struct explore_step *step; /* the last of its steps */
    unsigned rank, mark;
    size_t lane;
    char turn[12];
    char action[256]; /* "balance: 1 -> 2" */
    char holds[256];  /* "first (12), second (13)"; empty: none */
    const char *file, *function;
    unsigned line;
    char source[160];
};

struct explore_rows {
    struct explore_row rows[EXPLORE_STEPS_MAX];
    size_t count;
    char lanes[EXPLORE_LANES_MAX][64]; /* threads that have rows */
    size_t lane_count;
    const char *file; /* the one that all rows with a source are in; NULL: there are several */
};

void explore_rows_make(const struct explore_result *result, struct explore_rows *rows);
/* The last component of a path. */
const char *explore_base_name(const char *path);
/* "writer", what the program calls a thread, or else the function that it began with; "": neither is known. */
const char *explore_lane_label(const struct explore_result *result, const char *thread);
/* "deposit", the function that a thread began with; "": unknown. */
const char *explore_lane_function(const struct explore_result *result, const char *thread);
/* What the variable, lock or block at an address is called. */
void explore_step_datum(const struct explore_result *result, const struct explore_step *step,
                        char *out, size_t size);
/* The same of so many bytes at an address, by the first step that is about them; valid until the next call. */
const char *explore_name(const struct explore_result *result, uint64_t address, uint64_t size);
/* What the heap block of a step is called at a place. */
void explore_block_name(const struct explore_result *result, const struct explore_step *step,
                        uint64_t site, char *out, size_t size);
/* A step for each heap block of which is known where it was allocated; at most so many.  Returns how many. */
size_t explore_blocks(const struct explore_result *result, const struct explore_step **out,
                      size_t most);
#define EXPLORE_BLOCKS_MAX 32
/* "T1 reads balance". */
void explore_step_deed(const struct explore_result *result, const struct explore_step *step,
                       char *out, size_t size);
/* The step with a mark; NULL: there is none. */
const struct explore_step *explore_step_marked(const struct explore_result *result, unsigned mark);
/* A value as a number, or as text; false: it is not known. */
bool explore_value(const struct explore_result *result, const struct explore_step *step,
                   bool is_after, char *out, size_t room);
/* "FILE:LINE", or what else is known of a place in the program, without folders. */
void explore_place_short(const struct explore_result *result, uint64_t address, char *out,
                         size_t size);
/* "the other way round ...": what is known of the two that decide. */
void explore_decision(const struct explore_result *result, char *out, size_t size);
void explore_preemption_text(const struct explore_result *result,
                             const struct explore_preemption *preemption, char *out, size_t size);

/* ---- Which rows ------------------------------------------------------------------------------------- */

struct explore_choice {
    size_t lanes[EXPLORE_LANES_MAX]; /* of the rows, in order */
    size_t lane_count;
    bool is_shown[EXPLORE_STEPS_MAX];
    bool is_skipped[EXPLORE_STEPS_MAX]; /* for lack of a lane */
    bool has_holds[EXPLORE_STEPS_MAX];  /* the locks are said with it */
};

/* The rows that matter most, in at most so many lines and lanes; of what is not about the failure only so many
 * that there are a few at all.  Returns the lines. */
size_t explore_choose(const struct explore_rows *rows, size_t most, size_t lanes,
                      struct explore_choice *choice);
void explore_choose_all(const struct explore_rows *rows, struct explore_choice *choice);
/* Where a lane of the rows stands among those of the choice. */
size_t explore_choice_place(const struct explore_choice *choice, size_t lane);
/* Threads that have something to say and no lane. */
size_t explore_choice_hidden(const struct explore_rows *rows, const struct explore_choice *choice);
/* How the turn of the row that was shown before this one ended; empty: it is the same turn. */
const char *explore_turn_after(const struct explore_rows *rows, size_t before, size_t row);
/* Whether something of the story is between the two. */
bool explore_has_gap(const struct explore_rows *rows, size_t before, size_t row);

/* ---- Printing ----------------------------------------------------------------------------------------- */

void explore_print_text(const struct explore_result *result);
void explore_print_json(const struct explore_result *result);

/* How many lines the rows about the failure would be, at most so many. */
size_t explore_columns_wanted(const struct explore_result *result, size_t most);
/* The rows as columns, in at most so many lines.  Returns how many. */
size_t explore_print_columns(const struct explore_result *result, size_t most, FILE *out);
/* The story as an object, or null. */
void explore_print_story_json(const struct explore_result *result, FILE *out);
/* The rows of a choice as a picture in a page. */
void explore_write_picture(const struct explore_result *result, const struct explore_rows *rows,
                           const struct explore_choice *choice, FILE *out);
/* The story as a page.  False: it could not be written; errno says why. */
bool explore_write_html(const struct explore_result *result, FILE *out);

#endif
