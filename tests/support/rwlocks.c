/* Steps on rwlocks; as in locks.c, what clang's analysis forbids is what they are for. */
#include "support/rwlocks.h"

#include "sync/rwlock_bias.h"

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

void skip_without_bias(void)
{
    if (!lg__barrier_is_there())
        SUPPORT_SKIP("membarrier is refused here");
}

/* As it is earned, but for the time that has to pass after a loss. */
int step_bias(void *rwlock) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_rwlock *it = rwlock;
    int status = lg_rwlock_read(it, LG_FOREVER);
    if (status != LG_OK)
        return status;
    lg__rwlock_bias(it);
    bool is_biased = lg__load_relaxed(&it->word) & LG__RWLOCK_BIASED;
    lg_rwlock_unlock(it);
    return is_biased ? LG_OK : LG_EBUSY;
}

/* The first time it is counted, and sees that there is a bias. */
int step_read_by_bias(void *rwlock) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_rwlock *it = rwlock;
    for (int i = 0; i < 2; i++) {
        int status = lg_rwlock_read(it, LG_FOREVER);
        if (status != LG_OK ||
            lg__load_relaxed(lg__reading_of(lg__self, it)) == lg__reading_held(it))
            return status;
        lg_rwlock_unlock(it);
    }
    return LG_EBUSY;
}
