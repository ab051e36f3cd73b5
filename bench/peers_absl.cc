/* Abseil: absl::Mutex, with its search for lock-order cycles off and on.  The switch is one for the
 * whole process, so it is set before each batch.  And absl::Barrier, which is for one use. */
#include "peers.h"

#include <new>

#include <vector>

#include <absl/base/call_once.h>
#include <absl/synchronization/barrier.h>
#include <absl/synchronization/blocking_counter.h>
#include <absl/synchronization/mutex.h>

static void make(absl::Mutex *mutex)
{
    new (mutex) absl::Mutex;
}

static inline void lock(absl::Mutex *mutex)
{
    mutex->Lock();
}

static inline void unlock(absl::Mutex *mutex)
{
    mutex->Unlock();
}

static void detector_off(void)
{
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

static void detector_on(void)
{
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kReport);
}

MUTEX_LOOPS(absl, absl::Mutex, make, lock, unlock)

extern const struct mutex_peer peer_absl_off = {
    "absl::Mutex, detector off", nullptr, detector_off, absl_create, absl_pairs, absl_loop};
extern const struct mutex_peer peer_absl_on = {
    "absl::Mutex, detector on", nullptr, detector_on, absl_create, absl_pairs, absl_loop};

static void make_nth(absl::Mutex *mutex, unsigned n)
{
    (void)n;
    make(mutex);
}

NESTED_LOOP(absl_nested, absl::Mutex, make_nth, lock, unlock)

extern const struct nested_peer peer_absl_nested_off = {nullptr, detector_off, absl_nested_create,
                                                        absl_nested_nested};
extern const struct nested_peer peer_absl_nested_on = {nullptr, detector_on, absl_nested_create,
                                                       absl_nested_nested};

static inline void read_lock(absl::Mutex *mutex)
{
    mutex->ReaderLock();
}

static inline void read_unlock(absl::Mutex *mutex)
{
    mutex->ReaderUnlock();
}

RWLOCK_LOOPS(rwabsl, absl::Mutex, make, read_lock, read_unlock, lock, unlock)

extern const struct rwlock_peer peer_absl_rwlock_off = {"absl::Mutex, detector off",
                                                        nullptr,
                                                        detector_off,
                                                        rwabsl_create,
                                                        rwabsl_read_pairs,
                                                        rwabsl_write_pairs,
                                                        rwabsl_read_loop,
                                                        rwabsl_mix_loop,
                                                        rwabsl_rare_loop};
extern const struct rwlock_peer peer_absl_rwlock_on = {"absl::Mutex, detector on",
                                                       nullptr,
                                                       detector_on,
                                                       rwabsl_create,
                                                       rwabsl_read_pairs,
                                                       rwabsl_write_pairs,
                                                       rwabsl_read_loop,
                                                       rwabsl_mix_loop,
                                                       rwabsl_rare_loop};

/* Whoever is told so by Block deletes it. */
static void *barriers_create(unsigned threads, unsigned rounds)
{
    auto *self = new std::vector<absl::Barrier *>;
    for (unsigned i = 0; i < rounds; i++)
        self->push_back(new absl::Barrier((int)threads));
    return self;
}

static void barriers_destroy(void *self)
{
    delete static_cast<std::vector<absl::Barrier *> *>(self);
}

static void barriers_meet(void *arg, unsigned rounds)
{
    auto *self = static_cast<std::vector<absl::Barrier *> *>(arg);
    for (unsigned i = 0; i < rounds; i++)
        if ((*self)[i]->Block())
            delete (*self)[i];
}

extern const struct round_peer peer_absl_barrier = {"absl::Barrier, a new one each round", nullptr,
                                                    barriers_create, barriers_destroy,
                                                    barriers_meet};

static absl::once_flag once;

static void *once_create()
{
    return &once;
}

static void once_pairs(void *, uint64_t count)
{
    for (; count > 0; count--)
        absl::call_once(once, [] {});
}

extern const struct mutex_peer peer_absl_once = {"absl::call_once", nullptr,    nullptr,
                                                 once_create,       once_pairs, nullptr};

static void *counter_create()
{
    return nullptr;
}

static void counter_pairs(void *, uint64_t count)
{
    for (; count > 0; count--) {
        absl::BlockingCounter counter(LATCH_COUNT);
        for (unsigned i = 0; i < LATCH_COUNT; i++)
            counter.DecrementCount();
        counter.Wait();
    }
}

extern const struct mutex_peer peer_absl_latch = {"absl::BlockingCounter", nullptr,       nullptr,
                                                  counter_create,          counter_pairs, nullptr};
