/* Atomic operations by name, over plain words.
 *
 * Public structs hold plain uint32_t and uint64_t, so that C++ can include them; the library touches
 * them only through these.  The memory-order policy (DESIGN.md):
 *   relaxed   counters, hints, and fields whose reader validates them by another word;
 *   acquire and release   to publish what was written before;
 *   full      sequentially consistent; only where a store must be seen before a later load, and the
 *             comment at the call names both.  There are no stand-alone fences: gcc rejects them
 *             under -fsanitize=thread.  (One side may be cheaper than that: plat/barrier.h.) */
#ifndef LG_PLAT_ATOMIC_H
#define LG_PLAT_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#define lg__load_relaxed(p)     __atomic_load_n((p), __ATOMIC_RELAXED)
#define lg__load_acquire(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define lg__load_full(p)        __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define lg__store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define lg__store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define lg__store_full(p, v)    __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define lg__swap_acquire(p, v)  __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define lg__swap_release(p, v)  __atomic_exchange_n((p), (v), __ATOMIC_RELEASE)
#define lg__swap_full(p, v)     __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define lg__add_relaxed(p, v)   __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define lg__add_acquire(p, v)   __atomic_fetch_add((p), (v), __ATOMIC_ACQUIRE)
#define lg__add_full(p, v)      __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define lg__sub_release(p, v)   __atomic_fetch_sub((p), (v), __ATOMIC_RELEASE)
#define lg__sub_full(p, v)      __atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST)
#define lg__or_relaxed(p, v)    __atomic_fetch_or((p), (v), __ATOMIC_RELAXED)
#define lg__and_relaxed(p, v)   __atomic_fetch_and((p), (v), __ATOMIC_RELAXED)

/* Compare and swap; on failure *expected becomes the value found (read relaxed). */
#define lg__cas_relaxed(p, expected, v)                                                            \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define lg__cas_acquire(p, expected, v)                                                            \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define lg__cas_release(p, expected, v)                                                            \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define lg__cas_full(p, expected, v)                                                               \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)

/* A counter with one writer at a time: no read-modify-write instruction. */
#define lg__count_up(p) lg__store_relaxed((p), lg__load_relaxed(p) + 1)

static inline void lg__cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#define lg__likely(x)   __builtin_expect(!!(x), 1)
#define lg__unlikely(x) __builtin_expect(!!(x), 0)

#endif
