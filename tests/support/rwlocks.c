/* Steps on rwlocks; as in locks.c, what clang's analysis forbids is what they are for. */
#include "support/rwlocks.h"

#define STEP(name, call)                                                                           \
    int name(void *rwlock) LG_NO_THREAD_SAFETY_ANALYSIS                                            \
    {                                                                                              \
        return call;                                                                               \
    }

#define STEP_THAT_MUST(name, call)                                                                 \
    int name(void *rwlock) LG_NO_THREAD_SAFETY_ANALYSIS                                            \
    {                                                                                              \
        call;                                                                                      \
        return LG_OK;                                                                              \
    }

#define STEP_UNTIL(name, function)                                                                 \
    int name(void *rwlock_until) LG_NO_THREAD_SAFETY_ANALYSIS                                      \
    {                                                                                              \
        const struct rwlock_until *until = rwlock_until;                                           \
        return function(until->rwlock, until->deadline, until->place);                             \
    }

STEP(step_read, lg_rwlock_read((struct lg_rwlock *)rwlock, LG_FOREVER))
STEP(step_write, lg_rwlock_write((struct lg_rwlock *)rwlock, LG_FOREVER))
STEP(step_upgradable, lg_rwlock_upgradable((struct lg_rwlock *)rwlock, LG_FOREVER))
STEP(step_upgrade, lg_rwlock_upgrade((struct lg_rwlock *)rwlock, LG_FOREVER))
STEP(step_try_read, lg_rwlock_try_read((struct lg_rwlock *)rwlock))
STEP(step_try_write, lg_rwlock_try_write((struct lg_rwlock *)rwlock))
STEP(step_try_upgradable, lg_rwlock_try_upgradable((struct lg_rwlock *)rwlock))
STEP(step_try_upgrade, lg_rwlock_try_upgrade((struct lg_rwlock *)rwlock))
STEP(step_rwlock_recover, lg_rwlock_recover((struct lg_rwlock *)rwlock))
STEP(step_mode, lg_rwlock_is_held(rwlock))
STEP_THAT_MUST(step_downgrade, lg_rwlock_downgrade(rwlock))
STEP_THAT_MUST(step_downgrade_to_upgradable, lg_rwlock_downgrade_to_upgradable(rwlock))
STEP_THAT_MUST(step_let_go, lg_rwlock_unlock(rwlock))
STEP_UNTIL(step_read_until, lg_rwlock_read_at)
STEP_UNTIL(step_write_until, lg_rwlock_write_at)
STEP_UNTIL(step_upgradable_until, lg_rwlock_upgradable_at)
STEP_UNTIL(step_upgrade_until, lg_rwlock_upgrade_at)
