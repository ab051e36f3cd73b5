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
