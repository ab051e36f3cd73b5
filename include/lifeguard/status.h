/* Status codes: what every call that can fail returns, and what to do about it.
 *
 * LG_OK is 0 and a macro (clang 14's thread-safety analysis does not look through an enumerator).
 * Errors are negative, from one list that only grows at its end.  errno is neither a channel nor
 * kept.  A status is never a count and never a pointer. */
#ifndef LIFEGUARD_STATUS_H
#define LIFEGUARD_STATUS_H

#include <lifeguard/base.h>

#define LG_OK 0

/* X(name, number, sentence that says what happened; what to do) */
#define LG_STATUS_LIST(X)                                                                          \
    X(LG_EINVAL, -1, "an argument is not allowed; the header of the call says which are")          \
    X(LG_ETIMEDOUT, -2, "the deadline passed; lg_report_last() says who held what was wanted")     \
    X(LG_EDEADLK, -3,                                                                              \
      "this wait would never have ended: release what you hold, then try again (lg_retry)")        \
    X(LG_EBUSY, -4, "the thing is in use; try again later, or wait with a deadline")               \
    X(LG_EOWNERDEAD, -5,                                                                           \
      "the holder ended without releasing; repair the data, then lg_mutex_recover()")              \
    X(LG_ESTALE, -6, "the lease or resource is gone; look for a second checkin, or ask anew")      \
    X(LG_EFOREIGN, -7, "this lease belongs to another pool; check it in where it came from")       \
    X(LG_ENESTED, -8,                                                                              \
      "the context holds a lease of this pool and the pool forbids a second; pass it down")        \
    X(LG_ECLOSED, -9, "the pool is closed; stop using it")                                         \
    X(LG_EOPEN, -10,                                                                               \
      "the driver could not open a resource; the report or its error text has the cause")          \
    X(LG_EFORK, -11, "opened before fork(): open it after the fork, or exec")                      \
    X(LG_ENOMEM, -12, "out of memory, or more than 60,000 contexts alive; free some")              \
    X(LG_ECANCELED, -13, "the work was cancelled; stop")                                           \
    X(LG_EVERSION, -14, "an option struct is newer than this library; upgrade the library")        \
    X(LG_ESYS, -15, "the operating system refused; the report or log has its reason")              \
    X(LG_EDRIVER, -16, "the database or service refused; the driver's error text has its reason")  \
    X(LG_EREADONLY, -17, "the database cannot be written; check file and folder permissions")      \
    X(LG_EFULL, -18, "no space left for the database; free some and try again")                    \
    X(LG_ENOTDB, -19, "the file is not a database; name another file")                             \
    X(LG_EPAUSED, -20, "the pool is paused until lg_pool_ready(); find out why, then try again")   \
    X(LG_EOVERRELEASE, -21, "more was given back than was taken; look for a second release")       \
    X(LG_EBROKEN, -22, "who had to has ended or given up; lg_report_last() says who, then mend it")

enum lg_status {
#define LG_STATUS_ENUM(name, number, text) name = number,
    LG_STATUS_LIST(LG_STATUS_ENUM)
#undef LG_STATUS_ENUM
};

LG_BEGIN_DECLS

/* The name of a status, "LG_EDEADLK".
 * Returns: constant text; "LG_E?" for a number that is none.
 * Threads: any; signal-safe. */
LG_API const char *lg_status_name(int status);

/* One sentence that says what happened and what to do.
 * Returns: constant text.
 * Threads: any; signal-safe. */
LG_API const char *lg_status_text(int status);

/* What is called when the program cannot go on soundly: unlock by another, destroy while waited
 * for.  `rule` is the sentence that was broken, `object` names the thing.  If it returns, the
 * library aborts; a test may leave with longjmp. */
typedef void lg_panic_handler(void *arg, const char *rule, const char *object);

/* Replace the panic handler; NULL restores the default, which prints one line and aborts.
 * Threads: any, best before threads start. */
LG_API void lg_panic_set(lg_panic_handler *handler, void *arg);

LG_END_DECLS

#endif
