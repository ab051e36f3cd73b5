/* Atomic operations: the compiler leaves them to the runtime, which may let others go first, and then does
 * them.  They are sequentially consistent here whatever order was asked for; the order decides only what
 * happens before what.  A value other than the latest could be returned in do_load: that is where relaxed
 * behaviour would come in. */
#include "explore/access.h"
#include "explore/baton.h"
#include "explore/variable.h"

#define SITE         ((uint64_t)(uintptr_t)__builtin_return_address(0))
#define EXPORT(name) __attribute__((visibility("default"))) name

/* LLVM's numbers. */
enum { RELAXED, CONSUME, ACQUIRE, RELEASE, ACQ_REL, SEQ_CST };

static bool is_acquire(int order)
{
    return order != RELAXED && order != RELEASE;
}

static bool is_release(int order)
{
    return order >= RELEASE;
}

/* ---- What happens before what ----------------------------------------------------------------------- */

static void take(struct lg__thread *self, const struct lg__variable *variable, int order)
{
    if (!variable->released.count)
        return;
    lg__clock_join(is_acquire(order) ? &self->clock : &self->fence_acquire, &variable->released);
}

/* A plain store begins a new release sequence; a read-modify-write continues the one that is there. */
static void give(struct lg__thread *self, struct lg__variable *variable, int order, bool is_update)
{
    if (!is_update)
        lg__clock_clear(&variable->released);
    if (self->fence_release.count)
        lg__clock_join(&variable->released, &self->fence_release);
    if (is_release(order))
        lg__variable_release(self, &variable->released);
}

static struct lg__variable *before(struct lg__thread *self, const volatile void *address,
                                   uint32_t size, bool is_write, uint64_t site)
{
    return lg__variable_of(lg__access_atomic(self, (uintptr_t)address, size, is_write, site));
}

static void fence(int order)
{
    struct lg__thread *self = lg__watched;
    if (!self)
        return;
    if (is_acquire(order))
        lg__clock_join(&self->clock, &self->fence_acquire);
    if (is_release(order))
        lg__variable_release(self, &self->fence_release);
}

/* What an operation leaves: something has changed, or the thread may be spinning. */
static void after(const volatile void *address, bool has_changed, uint64_t site)
{
    struct lg__thread *self = lg__watched;
    if (!self)
        return;
    if (has_changed)
        lg__baton_changed();
    else
        lg__access_look_for_spin(self, (uintptr_t)address, site);
}

static void update(const volatile void *address, uint32_t size, int order, uint64_t site)
{
    struct lg__thread *self = lg__watched;
    if (!self)
        return;
    struct lg__variable *variable = before(self, address, size, true, site);
    take(self, variable, order);
    give(self, variable, order, true);
}

/* ---- The operations, for each size ------------------------------------------------------------------- */

#define CAS(address, old, value) __sync_bool_compare_and_swap(address, old, value)

/* Sixteen bytes have no plain load or store that is atomic. */
#define VALUE(bits, address)                                                                       \
    ((bits) == 128 ? __sync_val_compare_and_swap(address, 0, 0) : *(address))

#define LOAD(bits, type)                                                                           \
    type EXPORT(__tsan_atomic##bits##_load)(volatile type * address, int order);                   \
    type __tsan_atomic##bits##_load(volatile type *address, int order)                             \
    {                                                                                              \
        struct lg__thread *self = lg__watched;                                                     \
        if (self)                                                                                  \
            take(self, before(self, address, (bits) / 8, false, SITE), order);                     \
        type value = VALUE(bits, address);                                                         \
        __atomic_signal_fence(__ATOMIC_SEQ_CST);                                                   \
        after(address, false, SITE);                                                               \
        return value;                                                                              \
    }

#define STORE(bits, type)                                                                          \
    void EXPORT(__tsan_atomic##bits##_store)(volatile type * address, type value, int order);      \
    void __tsan_atomic##bits##_store(volatile type *address, type value, int order)                \
    {                                                                                              \
        struct lg__thread *self = lg__watched;                                                     \
        if (self)                                                                                  \
            give(self, before(self, address, (bits) / 8, true, SITE), order, false);               \
        type old = *address;                                                                       \
        while (!CAS(address, old, value))                                                          \
            old = *address;                                                                        \
        after(address, old != value, SITE);                                                        \
    }

#define UPDATE(bits, type, name, result)                                                           \
    type EXPORT(__tsan_atomic##bits##_##name)(volatile type * address, type value, int order);     \
    type __tsan_atomic##bits##_##name(volatile type *address, type value, int order)               \
    {                                                                                              \
        update(address, (bits) / 8, order, SITE);                                                  \
        type old = VALUE(bits, address);                                                           \
        while (!CAS(address, old, (type)(result)))                                                 \
            old = VALUE(bits, address);                                                            \
        after(address, old != (type)(result), SITE);                                               \
        return old;                                                                                \
    }

/* A failed exchange is a read, with the order of a failure. */
#define COMPARE(bits, type)                                                                        \
    static type compare_##bits(volatile type *address, type expected, type value, int order,       \
                               int failure_order, uint64_t site)                                   \
    {                                                                                              \
        struct lg__thread *self = lg__watched;                                                     \
        struct lg__variable *variable =                                                            \
            self ? before(self, address, (bits) / 8, true, site) : NULL;                           \
        type old = __sync_val_compare_and_swap(address, expected, value);                          \
        if (self)                                                                                  \
            take(self, variable, old == expected ? order : failure_order);                         \
        if (self && old == expected)                                                               \
            give(self, variable, order, true);                                                     \
        after(address, old == expected, site);                                                     \
        return old;                                                                                \
    }                                                                                              \
    int EXPORT(__tsan_atomic##bits##_compare_exchange_strong)(                                     \
        volatile type * address, type * expected, type value, int order, int failure_order);       \
    int EXPORT(__tsan_atomic##bits##_compare_exchange_weak)(                                       \
        volatile type * address, type * expected, type value, int order, int failure_order);       \
    type EXPORT(__tsan_atomic##bits##_compare_exchange_val)(                                       \
        volatile type * address, type expected, type value, int order, int failure_order);         \
    int __tsan_atomic##bits##_compare_exchange_strong(volatile type *address, type *expected,      \
                                                      type value, int order, int failure_order)    \
    {                                                                                              \
        type wanted = *expected;                                                                   \
        *expected = compare_##bits(address, wanted, value, order, failure_order, SITE);            \
        return *expected == wanted;                                                                \
    }                                                                                              \
    int __tsan_atomic##bits##_compare_exchange_weak(volatile type *address, type *expected,        \
                                                    type value, int order, int failure_order)      \
    {                                                                                              \
        type wanted = *expected;                                                                   \
        *expected = compare_##bits(address, wanted, value, order, failure_order, SITE);            \
        return *expected == wanted;                                                                \
    }                                                                                              \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *address, type expected,         \
                                                    type value, int order, int failure_order)      \
    {                                                                                              \
        return compare_##bits(address, expected, value, order, failure_order, SITE);               \
    }

#define OPERATIONS(bits, type)                                                                     \
    LOAD(bits, type)                                                                               \
    STORE(bits, type)                                                                              \
    UPDATE(bits, type, exchange, value)                                                            \
    UPDATE(bits, type, fetch_add, old + value)                                                     \
    UPDATE(bits, type, fetch_sub, old - value)                                                     \
    UPDATE(bits, type, fetch_and, old &value)                                                      \
    UPDATE(bits, type, fetch_or, old | value)                                                      \
    UPDATE(bits, type, fetch_xor, old ^ value)                                                     \
    UPDATE(bits, type, fetch_nand, ~(old & value))                                                 \
    COMPARE(bits, type)

OPERATIONS(8, uint8_t)
OPERATIONS(16, uint16_t)
OPERATIONS(32, uint32_t)
OPERATIONS(64, uint64_t)
#if defined(__x86_64__)
__extension__ typedef unsigned __int128 lg__uint128;
OPERATIONS(128, lg__uint128)
#endif

void EXPORT(__tsan_atomic_thread_fence)(int order);
void EXPORT(__tsan_atomic_signal_fence)(int order);

void __tsan_atomic_thread_fence(int order)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    fence(order);
}

void __tsan_atomic_signal_fence(int order)
{
    (void)order;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
