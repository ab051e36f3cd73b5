/* Recording: a schedule in a file, so that it can be replayed.
 *
 *     lifeguard-replay 1
 *     program PATH
 *     image HEX              of the program's file, so that another build is not mistaken for it
 *     argument TEXT             one line each, from the program's name on; %HEX for odd bytes
 *     finding NAME
 *     flags EXIT_LATE TIME_EARLY
 *     switch THREAD ORDINAL KIND EVENT SITE ADDRESS THREAD
 *     end COUNT
 *
 * Threads are named by their ordinals ("main", "T1", "T1.2").  A site is +HEX from the program's
 * beginning where it is in the program. */
#ifndef LG_EXPLORE_RECORDING_H
#define LG_EXPLORE_RECORDING_H

#include "explore/plan.h"

#include <stdio.h>

struct lg__recording {
    char program[512];
    char **arguments; /* for writing only: who starts the program has read them */
    uint64_t image;
    enum lg__finding finding;
    bool is_exit_late;
    bool is_time_early;
    uint32_t name_count; /* of threads that have names, main among them; for writing only */
    uint32_t count;
    struct lg__switch *switches; /* room for LG__SWITCHES_MAX */
};

/* Where the program lies in memory; sites inside are written relative to it. */
struct lg__image {
    uint64_t begin;
    uint64_t end;
};

/* How threads' names become indices: the index of the parent's n-th child. */
typedef uint32_t lg__name_finder(uint32_t parent, uint32_t ordinal);
typedef void lg__name_writer(uint32_t index, char *out, size_t size);

/* NULL, or what is wrong, as a sentence; `line` says where. */
const char *lg__recording_read(FILE *in, const struct lg__image *image, lg__name_finder *find_name,
                               struct lg__recording *recording, unsigned *line);

/* False: it could not be written. */
bool lg__recording_write(FILE *out, const struct lg__image *image, lg__name_writer *write_name,
                         const struct lg__recording *recording);

#endif
