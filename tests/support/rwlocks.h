/* Steps on rwlocks, for crews. */
#ifndef LG_TEST_RWLOCKS_H
#define LG_TEST_RWLOCKS_H

#include "support/crew.h"

#include <lifeguard/rwlock.h>

/* The argument is a struct lg_rwlock.  Those without "try" wait for ever. */
int step_read(void *rwlock);
int step_write(void *rwlock);
int step_upgradable(void *rwlock);
int step_upgrade(void *rwlock);
int step_try_read(void *rwlock);
int step_try_write(void *rwlock);
int step_try_upgradable(void *rwlock);
int step_try_upgrade(void *rwlock);
int step_downgrade(void *rwlock);
int step_downgrade_to_upgradable(void *rwlock);
int step_let_go(void *rwlock);
int step_rwlock_recover(void *rwlock);
int step_mode(void *rwlock); /* lg_rwlock_is_held */

/* Where membarrier is refused no rwlock is biased: skip the test. */
void skip_without_bias(void);

/* Give it a bias; read it by that.  Not LG_OK: that could not be had. */
int step_bias(void *rwlock);
int step_read_by_bias(void *rwlock);

/* The same with all that the _at forms take. */
struct rwlock_until {
    struct lg_rwlock *rwlock;
    lg_deadline deadline;
    const char *place;
};
int step_read_until(void *rwlock_until);
int step_write_until(void *rwlock_until);
int step_upgradable_until(void *rwlock_until);
int step_upgrade_until(void *rwlock_until);

#endif
