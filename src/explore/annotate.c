/* What programs say to ThreadSanitizer by name: of <sanitizer/tsan_interface.h>, and the older annotations.  What
 * orders is an order here, too; the rest is there so that the program links: nothing is hidden from explore. */
#include "explore/intercept.h"
#include "explore/variable.h"

#define ORDERS_MAX 4096 /* places that order, a power of two */

static struct {
    uintptr_t address;
    struct lg__clock clock;
} orders[ORDERS_MAX];

/* With more places than fit, some are one: then too much is ordered, and no race is found where there is none. */
static struct lg__clock *clock_of(const void *address)
{
    uintptr_t key = (uintptr_t)address;
    size_t at = (size_t)(key * 0x9e3779b97f4a7c15 >> 32) % ORDERS_MAX;
    for (size_t tried = 0; tried < ORDERS_MAX; tried++, at = (at + 1) % ORDERS_MAX) {
        if (!orders[at].address)
            orders[at].address = key;
        if (orders[at].address == key)
            break;
    }
    return &orders[at].clock;
}

static void acquire(const void *address)
{
    struct lg__thread *self = lg__self;
    if (self)
        lg__clock_join(&self->clock, clock_of(address));
}

static void release(const void *address)
{
    struct lg__thread *self = lg__self;
    if (self)
        lg__variable_release(self, clock_of(address));
}

void __tsan_acquire(void *address);
void __tsan_release(void *address);
void __tsan_mutex_post_lock(void *address, unsigned flags, int recursion);
int __tsan_mutex_pre_unlock(void *address, unsigned flags);
void AnnotateHappensBefore(const char *file, int line, const volatile void *address);
void AnnotateHappensAfter(const char *file, int line, const volatile void *address);
void AnnotateRWLockAcquired(const char *file, int line, const volatile void *lock, long is_writer);
void AnnotateRWLockReleased(const char *file, int line, const volatile void *lock, long is_writer);

LG__EXPORT void __tsan_acquire(void *address)
{
    acquire(address);
}

LG__EXPORT void __tsan_release(void *address)
{
    release(address);
}

/* A lock of the program's own.  Its waits are loops, and found as such. */
#define TRY_LOCK_FAILED (1u << 5)

LG__EXPORT void __tsan_mutex_post_lock(void *address, unsigned flags, int recursion)
{
    (void)recursion;
    if (!(flags & TRY_LOCK_FAILED))
        acquire(address);
}

LG__EXPORT int __tsan_mutex_pre_unlock(void *address, unsigned flags)
{
    (void)flags;
    release(address);
    return 0;
}

LG__EXPORT void AnnotateHappensBefore(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line;
    release((const void *)(uintptr_t)address);
}

LG__EXPORT void AnnotateHappensAfter(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line;
    acquire((const void *)(uintptr_t)address);
}

LG__EXPORT void AnnotateRWLockAcquired(const char *file, int line, const volatile void *lock,
                                       long is_writer)
{
    (void)file, (void)line, (void)is_writer;
    acquire((const void *)(uintptr_t)lock);
}

LG__EXPORT void AnnotateRWLockReleased(const char *file, int line, const volatile void *lock,
                                       long is_writer)
{
    (void)file, (void)line, (void)is_writer;
    release((const void *)(uintptr_t)lock);
}

/* ---- Without a meaning here.  The arguments are left where the caller has put them. ----------------------- */

#define NOTHING(name)                                                                              \
    long name(void);                                                                               \
    LG__EXPORT long name(void)                                                                     \
    {                                                                                              \
        return 0;                                                                                  \
    }

NOTHING(__tsan_mutex_create)
NOTHING(__tsan_mutex_destroy)
NOTHING(__tsan_mutex_pre_lock)
NOTHING(__tsan_mutex_post_unlock)
NOTHING(__tsan_mutex_pre_signal)
NOTHING(__tsan_mutex_post_signal)
NOTHING(__tsan_mutex_pre_divert)
NOTHING(__tsan_mutex_post_divert)
NOTHING(__tsan_get_current_fiber)
NOTHING(__tsan_create_fiber)
NOTHING(__tsan_destroy_fiber)
NOTHING(__tsan_switch_to_fiber)
NOTHING(__tsan_set_fiber_name)
NOTHING(__tsan_ignore_thread_begin)
NOTHING(__tsan_ignore_thread_end)
NOTHING(__tsan_external_register_tag)
NOTHING(__tsan_external_register_header)
NOTHING(__tsan_external_assign_tag)
NOTHING(__tsan_external_read)
NOTHING(__tsan_external_write)
NOTHING(__tsan_flush_memory)
NOTHING(AnnotateRWLockCreate)
NOTHING(AnnotateRWLockCreateStatic)
NOTHING(AnnotateRWLockDestroy)
NOTHING(AnnotateBenignRace)
NOTHING(AnnotateBenignRaceSized)
NOTHING(AnnotateIgnoreReadsBegin)
NOTHING(AnnotateIgnoreReadsEnd)
NOTHING(AnnotateIgnoreWritesBegin)
NOTHING(AnnotateIgnoreWritesEnd)
NOTHING(AnnotateIgnoreSyncBegin)
NOTHING(AnnotateIgnoreSyncEnd)
NOTHING(AnnotateThreadName)
NOTHING(AnnotateNewMemory)
NOTHING(AnnotateNoOp)
NOTHING(AnnotateFlushState)
NOTHING(AnnotateEnableRaceDetection)
NOTHING(AnnotateExpectRace)
NOTHING(AnnotateFlushExpectedRaces)
NOTHING(AnnotateTraceMemory)
NOTHING(AnnotateMutexIsUsedAsCondVar)
NOTHING(AnnotateMutexIsNotPHB)
NOTHING(AnnotateCondVarWait)
NOTHING(AnnotateCondVarSignal)
NOTHING(AnnotateCondVarSignalAll)
NOTHING(AnnotatePCQCreate)
NOTHING(AnnotatePCQDestroy)
NOTHING(AnnotatePCQPut)
NOTHING(AnnotatePCQGet)
NOTHING(AnnotatePublishMemoryRange)
NOTHING(AnnotateUnpublishMemoryRange)
NOTHING(AnnotateMemoryIsInitialized)
NOTHING(AnnotateMemoryIsUninitialized)
