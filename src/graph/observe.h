/* Observe: what prediction, profile and trace are told of what contexts take, give back and wait for.
 *
 * Each of the three is an observer, off until somebody asks for it at run time.  Off costs nothing:
 *   - Whether what a context takes is observed is part of the limit of its held table: while an observer
 *     wants to hear of it, the table's `held_limit` is 0, so that each push goes the slow way, where it is
 *     told; pops likewise, by `drop_limit`, if somebody wants to hear of all.  That compares a word instead
 *     of a constant, and no instruction more.
 *   - Waits and wakes are slow in any case; they look at `observed`.
 *   - A lease of a biased slot passes no hook.  While leases are observed no pool has a bias (see
 *     lg__observe_leases_set).
 *
 * Order: `observed`, `watch` and both limits are written by whoever switches, under the registry lock, and
 * read by the owner, who may see a switch late.  That is enough: it then tells of a taking without the
 * return, or of a return without the taking, and observers make nothing of either.  The fast path reads
 * held_limit relaxed; the slow way reads it again with acquire, and so sees the session that was written
 * before (release).  A call of an observer may still be on its way, or come, after it was switched off.
 *
 * Observers run on the thread that does the thing, with it in its hands, outside of locks but for `sleeps` and
 * `woke` (see there).  They may log, and must not wait.  Proxies are not observed: nobody takes anything by
 * them, and whoever ends their waits is not their owner. */
#ifndef LG_GRAPH_OBSERVE_H
#define LG_GRAPH_OBSERVE_H

#include "graph/resource.h"

#include <lifeguard/base.h>

struct lg_context;
struct lg__wait;
struct lg__want;

enum lg__observer_id {
    LG__OBSERVER_PREDICT,
    LG__OBSERVER_PROFILE,
    LG__OBSERVER_TRACE,
    LG__OBSERVER_COUNT
};

/* Something was taken, with the units that it is held with. */
struct lg__taking {
    const struct lg__resource_class *class;
    const void *object;
    uint32_t units;
    lg_deadline deadline; /* LG_TRY: it would not have waited */
    const char *place;
};

/* Functions that an observer does not need are NULL. */
struct lg__observer {
    void (*taken)(struct lg_context *self, const struct lg__taking *taking);
    /* About to be let go, or, of a lease, just let go: of that only the address is used. */
    void (*released)(struct lg_context *self, const void *object);
    /* For who needs to know what is taken only while something else is held: the entry of the held table
     * that was made last, by a call that could have waited; and all leases.  Where the session of an entry is
     * another, nobody knows of what class it is. */
    void (*nested)(struct lg_context *self, uint32_t entry);
    void (*lease)(struct lg_context *self, const struct lg__taking *taking);
    void (*lease_end)(struct lg_context *self, const void *pool);
    /* A wait of the context, which is about to sleep.  Under its pin, and it has not ended: the object exists,
     * and is not held, unless it is a wait for a signal: that may be given, and the object freed, at any moment.
     * (A wait for several things has a class and an object of its own, and so one name.) */
    void (*sleeps)(struct lg_context *self, const struct lg__wait *wait);
    /* It is over, and about to be taken back: its word says how it ended.  Of what it was begun for only what the
     * record says (begun_for, begun_name): others who waited for it may have freed it. */
    void (*waited)(struct lg_context *self, const struct lg__wait *wait);
    /* It has got something by spinning for so long. */
    void (*spun)(struct lg_context *self, const struct lg__want *want, uint64_t ns);
    /* The calling context has ended another's wait, whose word was this.  Under the lock of the queue:
     * takes no lock and allocates nothing. */
    void (*woke)(struct lg_context *self, const struct lg_context *waiter, uint64_t word);
};

/* What a context's held table tells: of all, or only of what is nested. */
#define LG__WATCH_ALL    1u
#define LG__WATCH_NESTED 2u

/* Grows whenever contexts begin to tell of what they take: what a held table says of classes is of one
 * session.  Atomic relaxed; written before held_limit (release). */
extern uint32_t lg__observe_session;

/* A time that grows with each beginning of a context.  Atomic. */
extern uint64_t lg__observe_time;
uint64_t lg__observe_tick(void); /* one more; the new one */

/* The context comes after all that others did before: for who has met them without a wait of a class that
 * is_meeting, such as the last one at a barrier. */
void lg__observe_met(struct lg_context *self);

/* Of the observer that has it, of which there is one: r/o where held_limit says that there is need. */
extern void (*lg__observe_nested)(struct lg_context *self, uint32_t entry);

/* Switch an observer on, which is then known for good, or off.  While it is on, new contexts have it too.
 * Any thread; one switch of an observer at a time. */
void lg__observe_start(enum lg__observer_id id, const struct lg__observer *observer);
void lg__observe_stop(enum lg__observer_id id);

/* Whether leases are observed.  With a lock that the hook of lg__observe_leases_set takes too:
 * then the hook comes after, or this says yes. */
bool lg__observe_wants_leases(void);

/* The pool's floor says what is to be done when they begin to be. */
void lg__observe_leases_set(void (*begin)(void));

/* What the inline functions of context.h and wait.c call once they have seen that there is need. */
void lg__observe_taken(struct lg_context *self, const struct lg__resource_class *class,
                       const void *object, uint32_t units, lg_deadline deadline, const char *place);
void lg__observe_released(struct lg_context *self, const void *object);
void lg__observe_lease(struct lg_context *self, const struct lg__resource_class *class,
                       const void *pool, lg_deadline deadline, const char *place);
void lg__observe_lease_end(struct lg_context *self, const void *pool);
void lg__observe_sleeps(struct lg_context *self);
void lg__observe_waited(struct lg_context *self);
void lg__observe_spun(struct lg_context *self, const struct lg__want *want, uint64_t ns);
void lg__observe_woke(struct lg_context *self, const struct lg_context *waiter, uint64_t word);

/* Defined on the floor of the observers, so that a program that is linked statically has them for its operator:
 * switch on what the environment says.  Once, by the first context's thread, outside of locks. */
void lg__observe_environment(void);

/* For the handlers of fork(), in context.c. */
void lg__observe_fork_prepare(void);
void lg__observe_fork_parent(void);
void lg__observe_fork_child(void);

#endif
