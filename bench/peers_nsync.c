/* nsync: nsync_mu, which is a rwlock too. */
#include "peers.h"

#include <nsync.h>

MUTEX_LOOPS(mu, nsync_mu, nsync_mu_init, nsync_mu_lock, nsync_mu_unlock)

const struct mutex_peer peer_nsync = {"nsync_mu", NULL, NULL, mu_create, mu_pairs, mu_loop};

RWLOCK_LOOPS(rwmu, nsync_mu, nsync_mu_init, nsync_mu_rlock, nsync_mu_runlock, nsync_mu_lock,
             nsync_mu_unlock)

const struct rwlock_peer peer_nsync_rwlock = {.name = "nsync_mu",
                                              .create = rwmu_create,
                                              .read_pairs = rwmu_read_pairs,
                                              .write_pairs = rwmu_write_pairs,
                                              .read_loop = rwmu_read_loop,
                                              .mix_loop = rwmu_mix_loop};
