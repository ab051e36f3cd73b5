/* nsync: nsync_mu. */
#include "peers.h"

#include <nsync.h>

MUTEX_LOOPS(mu, nsync_mu, nsync_mu_init, nsync_mu_lock, nsync_mu_unlock)

const struct mutex_peer peer_nsync = {"nsync_mu", NULL, NULL, mu_create, mu_pairs, mu_loop};
