/* Guarded data: data tied to its lock, so that the compiler refuses what forgets the lock.
 *
 *     struct account {
 *         struct lg_mutex lock;
 *         long balance LG_GUARDED;                   // nobody touches it by this name
 *     };
 *     LG_GUARD(account, lock, balance)               // but by account_balance(), under the lock
 *
 *     LG_WITH_MUTEX(&a->lock, lg_after_ms(100), status) {
 *         *account_balance(a) += 10;
 *     }
 *     *account_balance(a) += 10;                     // clang: requires holding mutex 'a->lock'
 *     a->balance += 10;                              // clang: requires holding 'lg_use_its_accessor'
 *
 * A global or static variable needs no accessor: LG_GUARDED_BY (lifeguard/base.h) names its lock,
 * and LG_POINTS_TO_GUARDED the lock of what a pointer points to.
 *
 *     static struct lg_mutex lock = LG_MUTEX_INIT("hits");
 *     static long hits LG_GUARDED_BY(lock);
 *     static struct map *pages LG_POINTS_TO_GUARDED(lock);
 *
 * It is clang's -Wthread-safety that complains, at compile time (version 14 or later; with -Werror it
 * refuses); for other compilers the macros are the plain data and plain functions that they look
 * like, and no compiler makes the program slower for them.
 *
 * What it cannot see: a pointer from an accessor that is kept after the unlock, so use it where you
 * ask for it; and the address of a field that is taken by its own name.  Memory that no other thread
 * can reach yet, as in a constructor, is written before the lock matters: say so with
 * LG_NO_THREAD_SAFETY_ANALYSIS on that function. */
#ifndef LIFEGUARD_GUARDED_H
#define LIFEGUARD_GUARDED_H

#include <lifeguard/base.h>

/* The lock that nobody can hold: what fields need when they are not reached through their accessor.
 * It is only ever named in attributes, and does not exist. */
struct LG_CAPABILITY("guard") lg_guard {
    char nothing;
};
extern struct lg_guard lg_use_its_accessor;

#if defined(__clang__)
#define LG_POINTS_TO_GUARDED(lock) __attribute__((pt_guarded_by(lock)))
#else
#define LG_POINTS_TO_GUARDED(lock)
#endif

LG_BEGIN_DECLS

/* Mark a field of a struct as guarded; it is written behind the field's name, an array's bounds
 * included.  LG_GUARD has to follow for each such field. */
#define LG_GUARDED LG_GUARDED_BY(lg_use_its_accessor)

/* Say which lock guards a field, after the struct.  It defines two functions:
 *
 *     FIELD *STRUCT_field(struct STRUCT *it)                  // to read and write; lock held
 *     const FIELD *STRUCT_field_read(const struct STRUCT *it) // to read; a shared hold will do
 *
 * Shape:   struct_ is the tag of a struct, lock_ and field_ are fields of it; no semicolon after it. */
#define LG_GUARD(struct_, lock_, field_)                                                           \
    __attribute__((unused)) static inline __typeof__(((struct struct_ *)0)->field_)                \
        *struct_##_##field_(struct struct_ *it) LG_REQUIRES(it->lock_);                            \
    __attribute__((unused)) static inline const __typeof__(((struct struct_ *)0)->field_)          \
        *struct_##_##field_##_read(const struct struct_ *it) LG_REQUIRES_SHARED(it->lock_);        \
    static inline __typeof__(((struct struct_ *)0)->field_) *struct_##_##field_(                   \
        struct struct_ *it)                                                                        \
    {                                                                                              \
        return &it->field_;                                                                        \
    }                                                                                              \
    static inline const __typeof__(((struct struct_ *)0)->field_) *struct_##_##field_##_read(      \
        const struct struct_ *it)                                                                  \
    {                                                                                              \
        return &it->field_;                                                                        \
    }

LG_END_DECLS

#endif
