/* Lifeguard's common ground: version, attributes, deadlines, places.
 *
 * A deadline is an absolute time on CLOCK_MONOTONIC in nanoseconds, made once and handed down, so
 * that a call which waits three times still ends when it was told to.  There is no default that
 * waits for ever: LG_FOREVER is spelled out.  LG_TRY, or any deadline in the past, means "do not
 * wait".  What is not there then is LG_EBUSY with LG_TRY, which fills no report; with any other deadline it is
 * LG_ETIMEDOUT with a report, or LG_EDEADLK if the thing itself knows that the caller has it (mutex,
 * rwlock, once, pool, a join of oneself).  Others are not searched for a deadlock by who does not wait.
 *
 * NULL in the place of a thing: LG_EINVAL from what returns a status, 0 from what asks, nothing from what
 * destroys, and from the set and reset of an event, the abort and reset of a barrier.  An unlock, the signal
 * of a condition, a record have no way to say it: there NULL is as illegal as any pointer that is none. */
#ifndef LIFEGUARD_BASE_H
#define LIFEGUARD_BASE_H

#include <stddef.h>
#include <stdint.h>

#define LG_VERSION_MAJOR 0
#define LG_VERSION_MINOR 1
#define LG_VERSION_PATCH 0
#define LG_VERSION       (LG_VERSION_MAJOR * 10000 + LG_VERSION_MINOR * 100 + LG_VERSION_PATCH)

/* g++ -Wshadow warns of a function with the name of a struct, as lg_pool_stats: that is C's way. */
#ifdef __cplusplus
#define LG_BEGIN_DECLS                                                                             \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wshadow\"") extern "C"       \
    {
#define LG_END_DECLS                                                                               \
    }                                                                                              \
    _Pragma("GCC diagnostic pop")
#else
#define LG_BEGIN_DECLS
#define LG_END_DECLS
#endif

#define LG_API        __attribute__((visibility("default")))
#define LG_MUST_CHECK __attribute__((warn_unused_result))

/* Clang's thread-safety analysis, in the forms that clang 14 understands.  A status is LG_OK (0)
 * exactly when the lock is held, hence "try_acquire_capability(0)".  LG_GUARDED_BY names a mutex that
 * is declared before it, in C a global or static one: clang 14 cannot look at a struct's other
 * fields there, so <lifeguard/guarded.h> ties these to their lock. */
#if defined(__clang__)
#define LG_CAPABILITY(noun)          __attribute__((capability(noun)))
#define LG_ACQUIRES_IF_OK(lock)      __attribute__((try_acquire_capability(0, lock)))
#define LG_ACQUIRES(lock)            __attribute__((acquire_capability(lock)))
#define LG_RELEASES(lock)            __attribute__((release_capability(lock)))
#define LG_REQUIRES(lock)            __attribute__((requires_capability(lock)))
#define LG_SHARES_IF_OK(lock)        __attribute__((try_acquire_shared_capability(0, lock)))
#define LG_SHARES(lock)              __attribute__((acquire_shared_capability(lock)))
#define LG_RELEASES_ANY(lock)        __attribute__((release_generic_capability(lock)))
#define LG_REQUIRES_SHARED(lock)     __attribute__((requires_shared_capability(lock)))
#define LG_GUARDED_BY(lock)          __attribute__((guarded_by(lock)))
#define LG_NO_THREAD_SAFETY_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define LG_CAPABILITY(noun)
#define LG_ACQUIRES_IF_OK(lock)
#define LG_ACQUIRES(lock)
#define LG_RELEASES(lock)
#define LG_REQUIRES(lock)
#define LG_SHARES_IF_OK(lock)
#define LG_SHARES(lock)
#define LG_RELEASES_ANY(lock)
#define LG_REQUIRES_SHARED(lock)
#define LG_GUARDED_BY(lock)
#define LG_NO_THREAD_SAFETY_ANALYSIS
#endif

/* The place of a call, "file:line", as one pointer to constant text: what a fast path can afford.
 * Reports read it with a system call that cannot fault, so it may outlive its shared object. */
#define LG_STRINGIFY_(x) #x
#define LG_STRINGIFY(x)  LG_STRINGIFY_(x)
#define LG_HERE          (__FILE__ ":" LG_STRINGIFY(__LINE__))

/* Room for a name, with its final 0; longer names are cut. */
#define LG_NAME_SIZE 32

/* Nanoseconds on CLOCK_MONOTONIC. */
typedef uint64_t lg_deadline;

#define LG_FOREVER UINT64_MAX
#define LG_TRY     ((lg_deadline)0)

LG_BEGIN_DECLS

/* Make a deadline from now.
 * Shape:   any number; a result past the end of time is LG_FOREVER.
 * Units:   milliseconds in, absolute nanoseconds on CLOCK_MONOTONIC out.
 * Returns: the deadline.
 * Threads: any; signal-safe.
 * Source:  clock_gettime(2). */
LG_API lg_deadline lg_after_ms(uint64_t ms);

/* The version of the library that runs, to compare with LG_VERSION of the header compiled against.
 * Returns: major * 10000 + minor * 100 + patch.
 * Threads: any; signal-safe. */
LG_API int lg_version(void);

LG_END_DECLS

#endif
