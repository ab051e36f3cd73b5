/* Prediction: warn of a deadlock that has not happened, because the order in which things are taken
 * allows it.
 *
 * Off until lg_predict_start, or LIFEGUARD_PREDICT=warn in the environment.  From then on the library
 * notes which locks, leases and permits are taken while which others are held.  If two threads (or more)
 * take the same things in orders that could block each other, that is said once in the log, with the code
 * "lock-order" and all places, although nothing has blocked.  No call fails because of it.
 *
 *     lg_predict_start();
 *     ...                       // T1: lock(accounts), lock(log)     T2: lock(log), lock(accounts)
 *     lg_predict_count();       // 1, whether or not they ever met
 *
 * Things of one kind and one name are one class, so give locks the name of their role.  Things without a
 * name are each for themselves.  Within a class only the very same two things taken both ways are a
 * warning: taking them by address, or from parent to child, is none.
 *
 * No warning: orders of one and the same thread; orders under a lock that both hold; what a thread did
 * before another began, or after it ended; readers against readers; what was taken with LG_TRY (its holder
 * may block others, but has not waited itself); a recursive mutex taken again; a pool that is too large for
 * all who take that way to empty it.  Other ways to keep threads apart (a flag, a plain event) are not
 * known: if such a program is right all the same, take the things in one order, or stop prediction around
 * its start.
 *
 * Ranks are the exact way: declare a number for a name, and whoever takes a thing of a rank not higher than
 * that of something it holds is told at the first time, without a second thread. */
#ifndef LIFEGUARD_PREDICT_H
#define LIFEGUARD_PREDICT_H

#include <lifeguard/report.h>

#define LG_PREDICTION_STEPS 6  /* the longest ring that is looked for */
#define LG_PREDICTIONS_MAX  32 /* that are kept; all are counted */

enum lg_prediction_kind {
    LG_PREDICTION_ORDER, /* a ring of orders */
    LG_PREDICTION_RANK   /* against declared ranks: one step */
};

/* Who held what, and took what. */
struct lg_prediction_step {
    char context[LG_NAME_SIZE];
    char held_noun[16];
    char held_name[LG_NAME_SIZE]; /* "" if it has none */
    char held_place[LG_PLACE_SIZE];
    char taken_noun[16];
    char taken_name[LG_NAME_SIZE];
    char taken_place[LG_PLACE_SIZE];
};

struct lg_prediction {
    enum lg_prediction_kind kind;
    uint32_t held_rank; /* of LG_PREDICTION_RANK */
    uint32_t taken_rank;
    uint32_t step_count;
    struct lg_prediction_step steps[LG_PREDICTION_STEPS];
};

/* Flags of a rank: what may be taken while another of the same rank is held.  Without one, nothing. */
#define LG_RANK_NESTS      1u /* anything */
#define LG_RANK_BY_ADDRESS 2u /* what lies at a higher address */

LG_BEGIN_DECLS

/* Begin to watch orders.  What is held already is not known, and what was seen before is.
 * Returns: LG_OK; LG_ENOMEM.
 * Threads: any; at any time.  Leases of biased slots become ordinary ones, until lg_predict_stop.
 * Source:  lock-order graphs by class; DESIGN.md, "Prediction". */
LG_API LG_MUST_CHECK int lg_predict_start(void);

/* Stop watching; what was found stays.
 * Threads: any. */
LG_API void lg_predict_stop(void);

/* Forget what was seen and found.  Ranks stay.
 * Threads: any. */
LG_API void lg_predict_reset(void);

/* Declare the rank of all things of this name: whoever holds a thing with a rank takes only things of higher
 * ranks, or of none.  Checked while prediction is on, with each taking that could wait; said once in the log
 * for two names, with the code "rank".
 * Shape:   name is copied, cut to LG_NAME_SIZE - 1 bytes; flags 0, LG_RANK_NESTS or LG_RANK_BY_ADDRESS.
 *          A second declaration replaces the first; 256 names at most.
 * Returns: LG_OK; LG_EINVAL (no name, or flags that there are not); LG_ENOMEM (256 names have one).
 * Threads: any. */
LG_API LG_MUST_CHECK int lg_rank_declare(const char *name, uint32_t rank, uint32_t flags);

/* How many warnings there were, also those that are kept no more.
 * Threads: any. */
LG_API uint32_t lg_predict_count(void);

/* One of the first LG_PREDICTIONS_MAX warnings.
 * Shape:   index from 0; out not NULL.
 * Returns: LG_OK; LG_EINVAL (NULL, or no such warning).
 * Threads: any. */
LG_API LG_MUST_CHECK int lg_predict_get(uint32_t index, struct lg_prediction *out);

/* Write one warning as text for people.
 * Shape:   as lg_report_write.
 * Returns: the length of the whole text without the final 0, as snprintf does.
 * Threads: any; allocates nothing. */
LG_API size_t lg_prediction_write(const struct lg_prediction *prediction, char *buffer,
                                  size_t size);

/* Write all kept warnings, and how much was seen, as text or as one JSON object.
 * Shape:   LG_REPORT_TEXT or LG_REPORT_JSON; the rest as lg_report_write.
 * Returns: the length of the whole text without the final 0; 0 for another format.
 * Threads: any; allocates nothing. */
LG_API size_t lg_predict_write(enum lg_report_format format, char *buffer, size_t size);

LG_END_DECLS

#endif
