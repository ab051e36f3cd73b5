/* Profile: who has waited how long, for what, where, and who held it then.
 *
 * Off until lg_profile_start, or LIFEGUARD_PROFILE=FILE in the environment.  From then on each wait is added to
 * a row: of one kind and name, the place that waited, and the place where the holder had taken it, as seen when
 * the wait began.  Totals are exact, nothing is sampled; a lock that is free costs nothing more than without.
 *
 *     lg_profile_start();
 *     ...                                             // the busy hour
 *     char text[8192];
 *     lg_profile_write(LG_PROFILE_TEXT, 10, text, sizeof text);
 *
 * There are two sorts of rows.  Contention is a wait for what somebody holds: a mutex, a lease.  A wait for a
 * signal (a condition, a semaphore) may be nothing but idleness, and comes apart.  A wait for several things is in
 * one row ("any of", "all of", with their names).  A context keeps 200 rows; what is beyond is in a row without a
 * name.  Requests wait without a thread and are in their pool's statistics. */
#ifndef LIFEGUARD_PROFILE_H
#define LIFEGUARD_PROFILE_H

#include <lifeguard/report.h>

struct lg_profile_row {
    char noun[16];
    char name[LG_NAME_SIZE]; /* "" if it has none */
    char place[LG_PLACE_SIZE];
    char holder_place[LG_PLACE_SIZE]; /* "" if it was not known */
    uint32_t is_signal;               /* else contention */
    uint64_t waits;
    uint64_t total_ns;
    uint64_t longest_ns;
};

enum lg_profile_format {
    LG_PROFILE_TEXT,
    LG_PROFILE_JSON,
    LG_PROFILE_FOLDED /* a line "noun name;place;held at place NS" each: for flame graphs */
};

LG_BEGIN_DECLS

/* Begin to count waits, in addition to what was counted before.
 * Threads: any; at any time.
 * Source:  mutex profilers of absl and Go; DESIGN.md, "Profile and trace". */
LG_API void lg_profile_start(void);

/* Stop counting; what was counted stays.
 * Threads: any. */
LG_API void lg_profile_stop(void);

/* Forget what was counted.
 * Threads: any. */
LG_API void lg_profile_reset(void);

/* The rows with the longest totals, the longest first.
 * Shape:   rows has room for `room` of them (NULL if 0).
 * Returns: how many rows there are; more than room: the rest was left out.  0 if memory is out.
 * Threads: any; waits that end meanwhile may be in it or not; allocates. */
LG_API uint32_t lg_profile_top(struct lg_profile_row *rows, uint32_t room);

/* Write the `top` rows with the longest totals.
 * Shape:   top 0: all; the rest as lg_report_write.
 * Returns: the length of the whole text without the final 0, as snprintf does; 0 if memory is out.
 * Threads: as lg_profile_top. */
LG_API size_t lg_profile_write(enum lg_profile_format format, uint32_t top, char *buffer,
                               size_t size);

LG_END_DECLS

#endif
