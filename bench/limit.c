#include "limit.h"

#include "tools.h"

static union {
    uint64_t word;
    char line[BENCH_LINE];
} shared __attribute__((aligned(BENCH_LINE)));

/* The exchange must find the word given back, or this would not be a lock. */
static void pairs(uint64_t count)
{
    for (; count > 0; count--) {
        while (__atomic_exchange_n(&shared.word, 1, __ATOMIC_ACQUIRE) != 0)
            ;
        __atomic_store_n(&shared.word, 0, __ATOMIC_RELEASE);
    }
}

/* Through the word and a register: no two pairs can overlap. */
static void chain(uint64_t count)
{
    uint64_t value = 1;
    for (; count > 0; count--) {
        value = __atomic_exchange_n(&shared.word, value, __ATOMIC_ACQUIRE) + 1;
        __atomic_store_n(&shared.word, value, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&shared.word, 0, __ATOMIC_RELAXED);
}

static void two_compare_exchanges(uint64_t count)
{
    uint64_t seen = 0;
    for (; count > 0; count--) {
        (void)__atomic_compare_exchange_n(&shared.word, &seen, count, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED);
        seen = count;
        (void)__atomic_compare_exchange_n(&shared.word, &seen, 0, false, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED);
        seen = 0;
    }
}

static const struct {
    const char *title;
    void (*pairs)(uint64_t count);
} limits[] = {
    [LIMIT_PAIR] = {"limit: xchg + store", pairs},
    [LIMIT_CHAIN] = {"limit: xchg + store, chained", chain},
    [LIMIT_TWO] = {"limit: two cmpxchg", two_compare_exchanges},
};

const char *limit_title(enum limit_name limit)
{
    return limits[limit].title;
}

void limit_pairs(enum limit_name limit, uint64_t count)
{
    limits[limit].pairs(count);
}
