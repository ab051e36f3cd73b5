/* The rows of peers that this machine did not have when the benches were built. */
#include "harness.h"
#include "peers.h"

#ifndef BENCH_HAVE_NSYNC
const struct mutex_peer peer_nsync = {.name = "nsync_mu", .package = "libnsync-dev"};
const struct round_peer peer_nsync_counter = {.name = "nsync_counter, a new one each round",
                                              .package = "libnsync-dev"};
const struct rwlock_peer peer_nsync_rwlock = {.name = "nsync_mu", .package = "libnsync-dev"};
const struct several_peer peer_nsync_several = {.name = "nsync_wait_n", .package = "libnsync-dev"};
const struct round_peer peer_nsync_note_turns = {.name = "nsync_note, a new one each time",
                                                 .package = "libnsync-dev"};
const struct round_peer peer_nsync_note_any = {.name = "nsync_wait_n of two notes",
                                               .package = "libnsync-dev"};
const struct mutex_peer peer_nsync_latch = {.name = "nsync_counter", .package = "libnsync-dev"};
#endif

#ifndef BENCH_HAVE_GLIB
const struct mutex_peer peer_gmutex = {.name = "GMutex", .package = "libglib2.0-dev"};
const struct mutex_peer peer_gonce = {.name = "g_once", .package = "libglib2.0-dev"};
const struct rwlock_peer peer_grwlock = {.name = "GRWLock", .package = "libglib2.0-dev"};
const struct round_peer peer_glib_cond_turns = {.name = "GMutex+GCond",
                                                .package = "libglib2.0-dev"};
const struct pool_peer peer_gasync = {.name = "GAsyncQueue", .package = "libglib2.0-dev"};
#endif

#ifndef BENCH_HAVE_APR
const struct pool_peer peer_apr = {.name = "apr_reslist", .package = "libaprutil1-dev"};
#endif

#ifndef BENCH_HAVE_MONGOC
const struct pool_peer peer_mongoc = {.name = "mongoc_client_pool", .package = "libmongoc-dev"};
#endif

#ifndef BENCH_HAVE_ZDB
const struct pool_peer peer_zdb = {.name = "libzdb (polls)", .package = "libzdb-dev"};
#endif

#ifndef BENCH_HAVE_ABSL
const struct mutex_peer peer_absl_off = {.name = "absl::Mutex, detector off",
                                         .package = "libabsl-dev g++"};
const struct mutex_peer peer_absl_on = {.name = "absl::Mutex, detector on",
                                        .package = "libabsl-dev g++"};
const struct nested_peer peer_absl_nested_off = {.package = "libabsl-dev g++"};
const struct nested_peer peer_absl_nested_on = {.package = "libabsl-dev g++"};
const struct mutex_peer peer_absl_once = {.name = "absl::call_once", .package = "libabsl-dev g++"};
const struct rwlock_peer peer_absl_rwlock_off = {.name = "absl::Mutex, detector off",
                                                 .package = "libabsl-dev g++"};
const struct rwlock_peer peer_absl_rwlock_on = {.name = "absl::Mutex, detector on",
                                                .package = "libabsl-dev g++"};
const struct mutex_peer peer_absl_latch = {.name = "absl::BlockingCounter",
                                           .package = "libabsl-dev g++"};
const struct round_peer peer_absl_barrier = {.name = "absl::Barrier, a new one each round",
                                             .package = "libabsl-dev g++"};
#endif

#ifndef BENCH_HAVE_SQLITE
void bench_bank(void)
{
    struct bench_figure figure = {BENCH_FIGURE_INIT};
    figure.bench = "bank";
    figure.group = "transfers on SQLite, a connection each";
    figure.metric = "lg_pool";
    figure.unit = "k/s";
    figure.baseline = "by hand";
    figure.sense = BENCH_AT_LEAST;
    figure.goal = 0.95;
    figure.package = "libsqlite3-dev";
    bench_record(&figure);
}
#endif
