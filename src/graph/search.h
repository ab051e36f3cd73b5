/* Search: the closure of blocked contexts behind one wait, and its reduction.
 *
 * The model (DESIGN.md, "The inequality"): resource r has a capacity; a set D of blocked contexts is
 * deadlocked iff for each T in D, what D does not hold of T's resource does not cover T's need; if T
 * waits for any of several things, of none of them, and if it waits for all, of one at least.  The
 * largest such D is what is left when all who can progress have progressed and given back their
 * units (Holt's reduction; for reusable resources every order of progress ends the same).
 *
 * Where a queue is kept in order, a waiter may also be stuck behind a stuck one that wants more.
 * That is no deadlock yet: whoever fits may be let pass.  So there are two reductions: in order, by
 * what the queues do, and out of order, by what they could do.  Who is stuck in order depends on
 * units that the stuck do not hold, wherever these are: idle, lent to one that runs, or on their way
 * from the one to the other.  So a return in flight never makes a difference.
 *
 * A search works in arrays that it is given.  Small ones live on the stack and need no lock; the
 * large ones are static and under the detector lock.  Where an array is too small the search says
 * so (has_overflown), and what did not fit counts as environment: silence, never an alarm. */
#ifndef LG_GRAPH_SEARCH_H
#define LG_GRAPH_SEARCH_H

#include "graph/context.h"

#define LG__NONE UINT32_MAX

/* A blocked context in the closure.  It waits for one of its terms, or for all of them. */
struct lg__member {
    struct lg_context *context;
    uint64_t id;         /* the context's, when it was met */
    uint64_t word;       /* the wait's word, when it was met */
    uint32_t first_term; /* they follow one another */
    uint32_t term_count; /* 0: its wait was over when it was looked at */
    uint32_t missing;    /* the reduction's: so many terms must yet be served */
    uint32_t first_hold; /* first edge of what it holds */
    uint32_t passing;    /* by the walk of those who may pass: the term whose place holds it up */
    uint64_t place;      /* of its only term, if it was met in a queue before it was looked at */
    lg_deadline deadline;
    uint64_t since_ns;
    bool is_all; /* waits for all of its terms */
    bool is_relock;
    bool has_progressed; /* by the last reduction */
    bool is_stuck;       /* by the reduction that the victim walk began with */
    bool was_tried;      /* by the victim walk */
    bool is_reached;     /* by the last lg__search_reach */
    bool was_freed;      /* by the judgement, struck or let pass: reductions count it as released */
};

#define LG__NO_PLACE UINT64_MAX

/* One inequality of a member's: so many units of one resource. */
struct lg__term {
    uint32_t member;
    uint32_t resource;
    uint32_t need;
    uint32_t next;    /* next term about the same resource */
    uint32_t pending; /* the reduction's copy of next: those not yet served */
    bool is_served;   /* by the last reduction */
    uint64_t place;   /* in the queue for the resource; 0: in none that is kept in order */
};

/* A resource that a member waits for. */
struct lg__resource {
    const struct lg__resource_class *class;
    const void *object;
    int64_t outside;  /* units that no member holds; < 0: they hold more than there is */
    int64_t free;     /* the reduction's running value of outside */
    uint32_t waiters; /* first term about it */
    uint32_t holders; /* first edge of those who hold it */
    bool is_reached;  /* its holders are, by the last lg__search_reach */
    uint64_t seen_to; /* up to this place those who queue for it are members; 0: no queue */
    uint32_t pending; /* the reduction's: first that is not yet served */
    uint32_t least;   /* the reduction's: with less than that free no pending one is served */
    uint32_t next_hash;
};

/* Units of a resource held by a member. */
struct lg__edge {
    uint32_t resource;
    uint32_t units;
    uint32_t holder;      /* index of the member */
    uint32_t next_hold;   /* next edge of the same holder */
    uint32_t next_holder; /* next edge of the same resource */
};

struct lg__search {
    struct lg__member *members;
    struct lg__term *terms;
    struct lg__resource *resources;
    struct lg__edge *edges;
    uint32_t *stack; /* member_max entries: the work list of a reduction or a reach */
    uint32_t *hash;  /* hash_max heads of resource chains; hash_max is a power of two */
    uint64_t *hash_serial;
    uint32_t member_max, term_max, resource_max, edge_max, hash_max;
    uint32_t member_count, term_count, resource_count, edge_count;
    uint64_t serial; /* of this search: marks of others count as unset */
    bool has_overflown;
    bool uses_marks;  /* under the detector lock: contexts carry their index */
    bool is_in_order; /* the reduction that runs: nobody passes */
};

#define LG__SMALL_MEMBERS 64
#define LG__SMALL_TERMS   96
#define LG__SMALL_EDGES   128
#define LG__SMALL_HASH    64

/* Room for a search on the stack. */
struct lg__small_search {
    struct lg__search search;
    struct lg__member members[LG__SMALL_MEMBERS];
    struct lg__term terms[LG__SMALL_TERMS];
    struct lg__resource resources[LG__SMALL_MEMBERS];
    struct lg__edge edges[LG__SMALL_EDGES];
    uint32_t stack[LG__SMALL_MEMBERS];
    uint32_t hash[LG__SMALL_HASH];
    uint64_t hash_serial[LG__SMALL_HASH];
};

void lg__search_begin_small(struct lg__small_search *small);

/* The large arrays.  Caller holds the detector lock. */
struct lg__search *lg__search_begin_large(void);

/* Pass 1: collect the closure of the wait `word` of `root`: who holds what it waits for, who is ahead
 * of it in a queue, and so on; member 0 is the root.  False: that wait has ended. */
bool lg__search_collect(struct lg__search *search, struct lg_context *root, uint64_t word);

/* Reduce.  `removed` (or LG__NONE) gives back what it holds first, but still wants what it wants.
 * Returns how many have progressed. */
uint32_t lg__search_reduce(struct lg__search *search, uint32_t removed);

/* Reduce as far as everybody keeps his place in the queues. */
uint32_t lg__search_reduce_in_order(struct lg__search *search);

/* After a reduction in order: whom a member is stuck behind, though there is enough for itself: the first
 * in that queue who is stuck; *term gets the term that queues there.  LG__NONE: it is not stuck, or for
 * want of units. */
uint32_t lg__search_blocker(const struct lg__search *search, uint32_t member, uint32_t *term);

/* Mark the members that `from` waits for, through any chain; itself only if that leads back to it. */
void lg__search_reach(struct lg__search *search, uint32_t from);

/* Passes 2 and 3: do the members that have not progressed really hold what makes each of them
 * wait, or stand behind such a one, and have they all slept meanwhile?  Uses the marks of a reduction
 * without removal. */
bool lg__search_verify(struct lg__search *search);

/* The index of a context in the search, or LG__NONE. */
uint32_t lg__search_find(const struct lg__search *search, const struct lg_context *context);

/* The first look, at one's own wait: false if those who run, or are unknown, hold enough to serve it
 * and everybody ahead of it. */
bool lg__search_is_needed(const struct lg__wait *wait);

/* A holder's context if it is blocked on something whose holders we know; *word gets its wait's
 * word. */
struct lg_context *lg__blocked_holder(uint64_t holder, uint64_t *word);

/* Whether a holder is a context that lives, and is not blocked so. */
bool lg__holder_runs(uint64_t holder);

#endif
