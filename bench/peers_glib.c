/* GLib: GMutex, GRWLock, and GAsyncQueue used as a pool. */
#include "peers.h"

#include <glib.h>

#include <stdlib.h>

MUTEX_LOOPS(gmutex, GMutex, g_mutex_init, g_mutex_lock, g_mutex_unlock)

const struct mutex_peer peer_gmutex = {"GMutex",      NULL,         NULL,
                                       gmutex_create, gmutex_pairs, gmutex_loop};

RWLOCK_LOOPS(grwlock, GRWLock, g_rw_lock_init, g_rw_lock_reader_lock, g_rw_lock_reader_unlock,
             g_rw_lock_writer_lock, g_rw_lock_writer_unlock)

const struct rwlock_peer peer_grwlock = {.name = "GRWLock",
                                         .create = grwlock_create,
                                         .read_pairs = grwlock_read_pairs,
                                         .write_pairs = grwlock_write_pairs,
                                         .read_loop = grwlock_read_loop,
                                         .mix_loop = grwlock_mix_loop,
                                         .rare_loop = grwlock_rare_loop};

static gpointer do_nothing(gpointer arg)
{
    return arg;
}

static GOnce once = G_ONCE_INIT;

static void *once_create(void)
{
    return &once;
}

static void once_pairs(void *self, uint64_t count)
{
    (void)self;
    for (; count > 0; count--)
        g_once(&once, do_nothing, NULL);
}

const struct mutex_peer peer_gonce = {.name = "g_once", .create = once_create, .pairs = once_pairs};

static void *queue_create(unsigned capacity)
{
    static char item;
    GAsyncQueue *queue = g_async_queue_new();
    for (unsigned i = 0; i < capacity; i++)
        g_async_queue_push(queue, &item);
    return queue;
}

static void queue_destroy(void *self)
{
    g_async_queue_unref((GAsyncQueue *)self);
}

static inline void queue_take(GAsyncQueue *queue, gpointer *item)
{
    *item = g_async_queue_pop(queue);
}

static inline void queue_give(GAsyncQueue *queue, gpointer *item)
{
    g_async_queue_push(queue, *item);
}

static const char *queue_version(void)
{
    static char text[32]; /* asked for on the main thread only */
    snprintf(text, sizeof(text), "%u.%u.%u", glib_major_version, glib_minor_version,
             glib_micro_version);
    return text;
}

POOL_LOOPS(queue, GAsyncQueue, gpointer, queue_take, queue_give)

const struct pool_peer peer_gasync = {.name = "GAsyncQueue",
                                      .version = queue_version,
                                      .create = queue_create,
                                      .destroy = queue_destroy,
                                      .pairs = queue_pairs,
                                      .loop = queue_loop,
                                      .alternate = queue_alternate};

struct flag {
    GMutex mutex;
    GCond changed;
    gboolean is_set; /* under mutex */
};

static void flag_init(struct flag *flag, unsigned rounds)
{
    (void)rounds;
    g_mutex_init(&flag->mutex);
    g_cond_init(&flag->changed);
}

static void flag_set(struct flag *flag, unsigned round)
{
    (void)round;
    g_mutex_lock(&flag->mutex);
    flag->is_set = TRUE;
    g_cond_signal(&flag->changed);
    g_mutex_unlock(&flag->mutex);
}

static void flag_take(struct flag *flag, unsigned round)
{
    (void)round;
    g_mutex_lock(&flag->mutex);
    while (!flag->is_set)
        g_cond_wait(&flag->changed, &flag->mutex);
    flag->is_set = FALSE;
    g_mutex_unlock(&flag->mutex);
}

static void flag_end(struct flag *flag)
{
    g_cond_clear(&flag->changed);
    g_mutex_clear(&flag->mutex);
}

TURNS_LOOPS(flag, struct flag, flag_init, flag_set, flag_take, flag_end)
const struct round_peer peer_glib_cond_turns = {"GMutex+GCond", NULL, flag_create, flag_destroy,
                                                flag_meet};
