/* Verdict: how a run ends.  Each of these writes the outcome and ends the process. */
#ifndef LG_EXPLORE_VERDICT_H
#define LG_EXPLORE_VERDICT_H

#include "explore/run.h"

/* Places and data in the text of an outcome: the reader of the outcome has the symbols.  A place is a
 * return address. */
#define LG__PLACE_CODE "\001c%lx\002"
#define LG__PLACE_DATA "\001d%lx\002"

/* Add to the outcome's text; lines are ended by their writers. */
void lg__verdict_add(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Found.  What was added before is its text. */
void lg__verdict_found(enum lg__finding finding, uint64_t where) __attribute__((noreturn));

/* Found by a thread, at a place: adds the place and the calls that the thread is in. */
void lg__verdict_found_by(const struct lg__thread *thread, enum lg__finding finding, uint64_t where)
    __attribute__((noreturn));

void lg__verdict_livelock(void) __attribute__((noreturn));
void lg__verdict_too_long(void) __attribute__((noreturn));

/* The program ended with this status. */
void lg__verdict_exited(int status) __attribute__((noreturn));

void lg__verdict_diverged(const struct lg__thread *thread, const struct lg__switch *record,
                          const char *reason) __attribute__((noreturn));

/* The calls that a thread is in, innermost first, one a line. */
void lg__verdict_add_calls(const struct lg__thread *thread);

/* What a thread waits for, and what it holds: a line each. */
void lg__verdict_add_wait(const struct lg__thread *thread);
/* The same of all that are blocked. */
void lg__verdict_add_stuck(void);

#endif
