/* Abseil: absl::Mutex, with its search for lock-order cycles off and on.  The switch is one for the
 * whole process, so it is set before each batch. */
#include "peers.h"

#include <new>

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

static inline void read_lock(absl::Mutex *mutex)
{
    mutex->ReaderLock();
}

static inline void read_unlock(absl::Mutex *mutex)
{
    mutex->ReaderUnlock();
}

RWLOCK_LOOPS(rwabsl, absl::Mutex, make, read_lock, read_unlock, lock, unlock)

extern const struct rwlock_peer peer_absl_rwlock_off = {
    "absl::Mutex, detector off", nullptr,          detector_off,   rwabsl_create, rwabsl_read_pairs,
    rwabsl_write_pairs,          rwabsl_read_loop, rwabsl_mix_loop};
extern const struct rwlock_peer peer_absl_rwlock_on = {
    "absl::Mutex, detector on", nullptr,          detector_on,    rwabsl_create, rwabsl_read_pairs,
    rwabsl_write_pairs,         rwabsl_read_loop, rwabsl_mix_loop};
