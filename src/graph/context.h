/* Context: one a thread (or coroutine), with its wait record and its table of what it holds.
 *
 * Contexts live in chunks that are never freed, so a pointer to one is always readable; the id says
 * whether it is still the one that was meant.  An id is
 *
 *     bits 63..18 generation | bits 17..2 slot + 1 | bits 1..0 zero, free for a lock word's flags
 *
 * and never 0 for a living context. */
#ifndef LG_GRAPH_CONTEXT_H
#define LG_GRAPH_CONTEXT_H

#include "graph/observe.h"
#include "graph/wait.h"

#include <lifeguard/context.h>
#include <lifeguard/report.h>

#define LG__HELD_MAX 32

/* One lock held: a hint.  Truth is at the object.  Read by others only through atomic loads, and
 * never dereferenced by them.  (Leases are only counted: a pool's slots say who holds them.)
 * `units` has a meaning with those objects only that are surveyed by lg__held_visit. */
struct lg__held {
    const void *object;
    const char *place;
    /* Owner: of what kind the object is, if the session is the current one (observe.h). */
    const struct lg__resource_class *class;
    uint32_t units;
    uint32_t session;
};

/* Where an entry is, is said in bytes from the table's begin, so that no fast path multiplies. */
#define LG__HELD_SIZE sizeof(struct lg__held)
#define LG__HELD_ROOM (LG__HELD_MAX * LG__HELD_SIZE)

/* What the word of a rwlock has more while the context with this id writes (sync/rwlock.h). */
#define LG__WRITER_WORD(id) ((id) << 30 | 4)

/* Which slot of a pool it had last.  A pool has its place in the table, so that a few pools used in
 * turn do not push each other out; its serial number is never another's, so the slot exists.  The owner's,
 * but for what is said of a bias (pool/bias.h). */
struct lg__hint {
    uint64_t pool_serial __attribute__((aligned(64)));
    void *slot;
    uint64_t word;  /* the slot's while it is biased to this context; 0: it is not */
    uint64_t claim; /* while it is biased: of its latest loan */
    uint64_t busy;  /* atomic, B1, B2; the owner writes: the same, and whether it is in */
    uint32_t
        idle_tag; /* under the pool's lock; of the loan after which the bias was found idle: B2 */
    uint32_t tag; /* of its latest loan to this context, while it is not biased */
    uint32_t streak; /* loans to this context in a row, as tag */
};

#define LG__HINTS 4

/* Rwlocks read by bias at a time: each has its place by its address, as it is the same in all contexts. */
#define LG__READINGS 8

/* How deep a context has nested checkouts of a pool: the pool's serial number, shifted, and the depth
 * (pool/sizing.c).  Apart from the hints, because others read them. */
#define LG__NESTINGS 8

/* A loan whose holding time is being taken: a pool's, as the hints are. */
struct lg__hold_sample {
    uint64_t pool_serial; /* 0: none */
    uint64_t began_ns;
    uint32_t slot;
    uint32_t tag;
};

/* has_been_told: how often a context got LG_EDEADLK since it last released something. */
enum { LG__TOLD_NEVER, LG__TOLD_ONCE, LG__TOLD_TWICE, LG__TOLD_AGAIN /* and that was logged */ };

struct lg_context {
    /* What others read while this context runs: apart from what it writes with each lock, or a waiter's
     * looks would take those lines from it. */
    uint64_t id; /* atomic; 0 when ended; written under the registry lock */
    struct lg__wait wait;
    struct lg__room *room; /* owner; for waits for several things (sync/waitable.c); never freed */
    struct lg_report *report; /* r/o after create; the owner, or the detector while it waits */
    char name[LG_NAME_SIZE];  /* under wait.pin; "" is the default name */
    int32_t tid;              /* under wait.pin */
    uint32_t slot;            /* r/o after create */
    uint64_t generation;      /* atomic; written under the registry lock */
    uint32_t next_free;       /* under the registry lock; slot + 1 */
    uint32_t is_detached;     /* under the registry lock */
    uint32_t has_left;    /* atomic relaxed; lg_context_detach has taken it off its thread, once */
    uint64_t birth;       /* by whoever makes it, then the owner; in the observers\' time */
    uint32_t has_duties;  /* atomic full; some may be in the table of sync/duty.c */
    bool is_proxy;        /* r/o once the slot has been used */
    int32_t thread;       /* under the registry lock; which it is on, or was last */
    uint64_t mark_serial; /* under the detector lock */
    uint32_t mark_index;  /* under the detector lock */
    uint64_t nestings[LG__NESTINGS]; /* atomic relaxed; the owner writes, rarely */
    /* The held table: the owner writes. */
    uint64_t held_end
        __attribute__((aligned(64))); /* atomic relaxed; LG__HELD_SIZE for each lock that
                               it holds; may exceed LG__HELD_ROOM: the rest is unknown */
    uint64_t held_limit;              /* atomic; LG__HELD_ROOM, or 0: what it takes is observed */
    uint64_t drop_limit;              /* atomic relaxed; the same of what it lets go */
    uint64_t writer_word;             /* owner; LG__WRITER_WORD of its id */
    uint32_t watch;       /* atomic relaxed, before held_limit (release); of what (observe.h) */
    uint32_t keyed;       /* owner; entries for which prediction has keys, the first ones; of those
                               that are there yet */
    uint32_t lease_count; /* atomic relaxed; the owner writes; without those of biased slots */
    uint32_t lease_lost;  /* atomic; leases that others took over, less those that others gave */
    uint32_t has_been_told; /* atomic relaxed; LG_EDEADLK given and nothing released since */
    uint32_t has_readings;  /* owner; it has met a biased rwlock */
    struct lg__held held[LG__HELD_MAX];
    /* Apart from the table: of what it reads by bias, see sync/rwlock_bias.h. */
    uint64_t readings[LG__READINGS] __attribute__((aligned(64))); /* atomic */
    struct lg__hint hints[LG__HINTS];                             /* owner, busy aside */
    struct lg__hold_sample hold_sample;                           /* owner */
    const void *returning; /* atomic; the pool that the owner's fast checkin still looks at */
    void *revoking;        /* atomic; the rwlock whose bias the owner takes back */
    uint32_t reads_beside; /* owner; counted reads that found other readers */
    void *observations[LG__OBSERVER_COUNT]; /* owner; each observer's own; kept for the slot */
    uint64_t scope_depth; /* owner; cancel scopes it is in; the innermost's token is in the wait */
};

extern __attribute__((visibility("hidden"))) _Thread_local struct lg_context *lg__self;

/* The same, but nobody's context instead of NULL: all zeros, so it has no room for what is taken, and what is let
 * go is never on top.  A fast path that looks for room needs no look whether there is a context. */
extern __attribute__((visibility("hidden"))) struct lg_context lg__nobody;
extern __attribute__((visibility("hidden"))) _Thread_local struct lg_context *lg__self_or_nobody;

/* The calling thread has this context from now on; NULL: none. */
void lg__self_set(struct lg_context *context);

struct lg_context *lg__context_create(void);

/* The calling thread's context; NULL when none can be made. */
static inline struct lg_context *lg__context_self(void)
{
    struct lg_context *self = lg__self;
    return lg__likely(self != NULL) ? self : lg__context_create();
}

/* A context for a thread that is about to start, which runs as far as the graph can see; the thread
 * enters it, or whoever prepared it discards it.  NULL: none can be made.  A thread that cannot enter
 * (false) has discarded it. */
struct lg_context *lg__context_prepare(const char *name);
bool lg__context_enter(struct lg_context *prepared);
void lg__context_discard(struct lg_context *prepared);

/* lg_context_detach for a moment: it comes back to the thread that it was on. */
struct lg_context *lg__context_set_aside(void);

/* The context that a wait record, or a branch, belongs to. */
static inline struct lg_context *lg__context_of(const struct lg__wait *wait)
{
    uintptr_t own = (uintptr_t)lg__wait_own(wait);
    return (struct lg_context *)(own - offsetof(struct lg_context, wait));
}

/* The context with this id, or NULL if it has ended. */
struct lg_context *lg__context_find(uint64_t id);

static inline bool lg__context_is_alive(uint64_t id)
{
    return lg__context_find(id) != NULL;
}

/* The id's slot and the low half of its generation: enough to say that it may still be alive. */
static inline uint32_t lg__context_key(uint64_t id)
{
    return (uint32_t)(id >> 2);
}

/* Whether a context with this key lives; yes also for one of the same key much later. */
bool lg__context_key_is_alive(uint32_t key);

/* The id of the living context with this key; 0: none lives. */
uint64_t lg__context_of_key(uint32_t key);

/* Call `visit` with every living context. */
void lg__context_each(void (*visit)(void *arg, struct lg_context *context), void *arg);

/* The name; "NAME (ended)" or "(ended)" if the context has; "(detached)" for 0. */
void lg__context_copy_name(uint64_t id, char *out);

/* The thread that a context is on; 0: it is detached from its thread. */
int32_t lg__context_thread(const struct lg_context *context);

/* Where the report of a context is. */
static inline struct lg_report *lg__report_of(struct lg_context *context)
{
    return context->report;
}

/* A new context has had no slot.  Who has read of a bias of the one before it may look at busy yet. */
static inline void lg__hints_begin(struct lg_context *context)
{
    for (uint32_t i = 0; i < LG__HINTS; i++)
        context->hints[i].pool_serial = context->hints[i].word = 0;
}

/* A new context holds nothing. */
static inline void lg__held_begin(struct lg_context *context)
{
    lg__store_relaxed(&context->held_end, (uint64_t)0);
    lg__store_relaxed(&context->lease_count, 0u);
    lg__store_relaxed(&context->lease_lost, 0u);
    lg__store_relaxed(&context->has_been_told, 0u);
}

/* A new context reads nothing by bias, whatever the one before it left behind. */
static inline void lg__readings_begin(struct lg_context *context)
{
    lg__store_relaxed(&context->revoking, (void *)NULL);
    context->has_readings = 0;
    for (uint32_t i = 0; i < LG__READINGS; i++)
        lg__store_release(&context->readings[i], (uint64_t)0);
}

/* Note without telling observers, whom lg__held_tell tells as soon as no lock is held: what is noted under
 * one, or before it is clear whether it will be had.  In that case `held_end` is put back. */
void lg__held_enter(struct lg_context *self, const struct lg__resource_class *class,
                    const void *object, const char *place, uint32_t units);
void lg__held_tell_slow(struct lg_context *self, const struct lg__resource_class *class,
                        const void *object, uint32_t units, lg_deadline deadline,
                        const char *place);

static inline void lg__held_tell(struct lg_context *self, const struct lg__resource_class *class,
                                 const void *object, lg_deadline deadline, const char *place,
                                 uint32_t units)
{
    if (lg__unlikely(lg__load_acquire(&self->held_limit) == 0))
        lg__held_tell_slow(self, class, object, units, deadline, place);
}

void lg__held_push_slow(struct lg_context *self, const struct lg__resource_class *class,
                        const void *object, uint32_t units, lg_deadline deadline,
                        const char *place);
void lg__held_pop_slow(struct lg_context *self, const void *object);

/* The fast path of all locks, by the owner.  It reads its own table plainly, because nobody else writes it. */
static inline struct lg__held *lg__held_at(struct lg_context *self, uint64_t end)
{
    return (struct lg__held *)((char *)self->held + end);
}

/* Note that something was taken, or let go.  Two plain stores each.  False: there is no room, or somebody
 * observes; nothing was done. */
static inline bool lg__held_try_push(struct lg_context *self, const void *object, const char *place)
{
    uint64_t end = self->held_end;
    if (lg__unlikely(end >= lg__load_relaxed(&self->held_limit)))
        return false;
    struct lg__held *entry = lg__held_at(self, end);
    lg__store_relaxed(&entry->object, object);
    lg__store_relaxed(&entry->place, place);
    lg__store_relaxed(&self->held_end, end + LG__HELD_SIZE);
    return true;
}

/* The class and the deadline by which it was wanted are for observers. */
static inline void lg__held_push(struct lg_context *self, const struct lg__resource_class *class,
                                 const void *object, lg_deadline deadline, const char *place)
{
    if (lg__unlikely(!lg__held_try_push(self, object, place)))
        lg__held_push_slow(self, class, object, 1, deadline, place);
}

/* At the table's end, where there is room and nobody observes. */
static inline void lg__held_enter_at(struct lg_context *self, uint64_t end, const void *object,
                                     const char *place, uint32_t units)
{
    struct lg__held *entry = lg__held_at(self, end);
    lg__store_relaxed(&entry->units, units);
    lg__store_relaxed(&entry->object, object);
    lg__store_relaxed(&entry->place, place);
    lg__store_relaxed(&self->held_end, end + LG__HELD_SIZE);
}

/* lg__held_enter where that is plain stores.  NULL: there is no room, or somebody observes; nothing was
 * done. */
static inline struct lg__held *lg__held_try_enter(struct lg_context *self, const void *object,
                                                  const char *place, uint32_t units)
{
    uint64_t end = self->held_end;
    if (lg__unlikely(end >= lg__load_relaxed(&self->held_limit)))
        return NULL;
    lg__held_enter_at(self, end, object, place, units);
    return lg__held_at(self, end);
}

/* The same for objects that do not know by themselves who holds them: of these, all entries are noted so,
 * and found by lg__held_visit. */
static inline void lg__held_push_units(struct lg_context *self,
                                       const struct lg__resource_class *class, const void *object,
                                       lg_deadline deadline, const char *place, uint32_t units)
{
    if (lg__unlikely(!lg__held_try_enter(self, object, place, units)))
        lg__held_push_slow(self, class, object, units, deadline, place);
}

/* The entry that was noted last, if it is about this object and nobody observes what is let go; then
 * lg__held_drop is lg__held_pop.  Else NULL. */
static inline struct lg__held *lg__held_top(struct lg_context *self, const void *object)
{
    uint64_t last = self->held_end - LG__HELD_SIZE;
    if (lg__unlikely(last >= lg__load_relaxed(&self->drop_limit)))
        return NULL;
    struct lg__held *entry = lg__held_at(self, last);
    return lg__likely(entry->object == object) ? entry : NULL;
}

static inline void lg__held_drop(struct lg_context *self, const struct lg__held *top)
{
    uint64_t end = (uint64_t)((const char *)top - (const char *)self->held);
    lg__store_relaxed(&self->has_been_told, 0u);
    lg__store_relaxed(&self->held_end, end);
}

static inline void lg__held_pop(struct lg_context *self, const void *object)
{
    const struct lg__held *top = lg__held_top(self, object);
    if (lg__likely(top != NULL))
        lg__held_drop(self, top);
    else
        lg__held_pop_slow(self, object);
}

/* The entry of an object that the caller's own context has noted last; NULL: none, or there was no room
 * for it (lg__held_is_full). */
struct lg__held *lg__held_find(struct lg_context *self, const void *object);

/* How many locks the context holds, and how many entries its table has. */
static inline uint32_t lg__held_locks(const struct lg_context *context)
{
    return (uint32_t)(lg__load_relaxed(&context->held_end) / LG__HELD_SIZE);
}

static inline uint32_t lg__held_known(const struct lg_context *context)
{
    uint32_t n = lg__held_locks(context);
    return n < LG__HELD_MAX ? n : LG__HELD_MAX;
}

/* Whether the context holds something that its table has no room for. */
static inline bool lg__held_is_full(const struct lg_context *self)
{
    return lg__load_relaxed(&self->held_end) > LG__HELD_ROOM;
}

/* A survey by the tables: visit each entry of the object that a living context has noted with units.
 * Takes time in the number of contexts.  What did not fit a table is not visited: units without a known
 * holder count as the environment's. */
void lg__held_visit(const void *object, lg__visit *visit, void *arg);

/* The same for leases. */
static inline void lg__lease_add(struct lg_context *self, const struct lg__resource_class *class,
                                 const void *pool, lg_deadline deadline, const char *place)
{
    lg__count_up(&self->lease_count);
    if (lg__unlikely(lg__load_relaxed(&self->held_limit) == 0))
        lg__observe_lease(self, class, pool, deadline, place);
}

static inline void lg__lease_drop(struct lg_context *self, const void *pool)
{
    lg__store_relaxed(&self->has_been_told, 0u);
    lg__store_relaxed(&self->lease_count, lg__load_relaxed(&self->lease_count) - 1);
    if (lg__unlikely(lg__load_relaxed(&self->held_limit) == 0))
        lg__observe_lease_end(self, pool);
}

/* Let observers hear of all contexts and those to come, proxies aside: of waits those of `mask`, of what
 * they take as `watch` says. */
void lg__context_observe(uint32_t mask, uint32_t watch);

/* How many leases it holds, and how many locks and leases. */
uint32_t lg__lease_count(const struct lg_context *context);
uint32_t lg__held_count(const struct lg_context *context);

/* A context that ends holds something yet: say so in the log, and let the hook see to it, which is rwlock_end.c's.
 * Its id is there still, so what it holds nobody else has or frees. */
typedef void lg__leave_hook(const struct lg_context *context);
void lg__held_leave(const struct lg_context *context);
void lg__leaver_set(lg__leave_hook *hook);

/* The pool's floor says how many leases of biased slots a context has: it alone can look at them. */
void lg__lease_counter_set(uint32_t (*count_biased)(const struct lg_context *context));

/* How many forks lie between this process and the one that loaded the library. */
uint64_t lg__fork_count(void);

/* Fork: the floors above add their own handlers, for the locks of its own. */
struct lg__fork_hooks {
    void (*prepare)(void);
    void (*parent)(void);
    void (*child)(void);
};
void lg__fork_add(const struct lg__fork_hooks *hooks);

/* In a forked child, before its `child` handlers: called with each context that was left in the parent,
 * while it is as it was there. */
typedef void lg__bury_hook(const struct lg_context *dead);
void lg__bury_add(lg__bury_hook *hook);

/* The end of a context: the floors above add what they have to do about it.  A hook runs on the thread
 * that ends the context, which need not be its own, outside of locks.  By then the id finds nobody,
 * but the struct is not used again before all hooks are through: what is in it can be read, and the id
 * has its name.  The calling thread may be without a context (see the guest). */
typedef void lg__end_hook(struct lg_context *context, uint64_t id);
void lg__end_add(lg__end_hook *hook);

/* The same for any context, also those whose end runs no hooks, and before these.  It calls no driver and
 * no callback. */
void lg__end_any_add(lg__end_hook *hook);

/* A context for a hook that calls drivers or callbacks, on a thread whose own is gone: one that they
 * caused might come too late to be ended.  NULL: the thread has one, or none can be made.  At its own
 * end no hook runs, so the hooks of one end are never endless. */
struct lg_context *lg__guest_begin(void);
void lg__guest_end(struct lg_context *guest);

/* A proxy waits in the place of a thread that does not: its wait is a row of the graph like any other,
 * in the cancel scope of whoever began it, and holds nothing.  Who ends the wait calls notify(arg), outside
 * of locks and exactly once an end (lg__wait_wake); a timeout is for the owner to see to.  A slot of the
 * table is either for proxies or for threads, for good: a wake that comes late for a thread that has ended
 * meets another thread, which does no harm, and never a proxy, whose `arg` may be gone.
 * NULL: none can be made.  No hook runs at a proxy's end.  In a forked child all have ended. */
struct lg_context *lg__proxy_begin(lg__notify *notify, void *arg);
void lg__proxy_end(struct lg_context *proxy);

#endif
