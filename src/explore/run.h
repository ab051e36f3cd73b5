/* Run: one schedule of the program, in a process of its own.
 *
 * The program's threads are real, and one of them runs at a time: the one that has the *baton*.  All that
 * is declared here belongs to whoever has it; handing it over is a release, getting it an acquire
 * (lg__baton_pass), so nothing else is atomic.  A thread that is not known here (it has ended, and is in
 * libc on its way out) has no baton and must not touch any of it. */
#ifndef LG_EXPLORE_RUN_H
#define LG_EXPLORE_RUN_H

#include "explore/campaign.h"
#include "explore/clock.h"

#include <pthread.h>

struct lg__object;
struct lg__share;
struct lg__arrival;
struct lg__count;

/* What a thread waits for, and when it may go on. */
enum lg__wait_kind {
    LG__WAIT_NONE,
    LG__WAIT_LOCK,    /* the object is free for it */
    LG__WAIT_READ,    /* the object is free for one more reader */
    LG__WAIT_COUNT,   /* the semaphore has a unit */
    LG__WAIT_SIGNAL,  /* it was signalled, and its mutex is free */
    LG__WAIT_TURN,    /* the barrier's generation is over */
    LG__WAIT_END,     /* the thread has ended */
    LG__WAIT_ONCE,    /* the once is done, or nobody is at it */
    LG__WAIT_WORD,    /* its futex was woken */
    LG__WAIT_TIME,    /* its deadline has come */
    LG__WAIT_ARRIVAL, /* one of a set of signals has arrived */
    LG__WAIT_CHANGE,  /* somebody has changed something since (a spinning thread) */
    LG__WAIT_INPUT    /* a file descriptor is ready */
};

struct lg__wait {
    enum lg__wait_kind kind;
    struct lg__object *object; /* what for; NULL where there is none */
    struct lg__object *mutex;  /* SIGNAL: the mutex to take again */
    struct lg__thread *thread; /* END */
    uint64_t deadline;         /* virtual ns; LG__NEVER */
    uint64_t
        stamp; /* TURN: the generation; CHANGE: the count of changes; SIGNAL: its place in line;
                  ARRIVAL: the set */
    uint64_t site;
    const void *input; /* INPUT: struct pollfd array */
    uint32_t inputs;
    bool is_signalled;
    bool has_timed_out;
    bool is_cancellable;
    bool is_interruptible; /* by a signal's handler */
    bool is_restartable;   /* not if the handler has SA_RESTART */
    bool is_for_signal;    /* TIME: nothing but a signal ends it */
    bool is_punctual;      /* its deadline comes early in no schedule */
};

#define LG__NEVER UINT64_MAX

/* An event of a thread takes this long in virtual time. */
#define LG__EVENT_NS 100

struct lg__held {
    struct lg__object *object;
    uint64_t site;
    uint64_t ordinal; /* of the event by which the thread has it */
    bool is_shared;   /* as a reader */
};

/* A call that a thread is in. */
struct lg__frame {
    uint64_t site;   /* the return address */
    uintptr_t stack; /* where the stack was when it began */
};

/* What is next in a thread's piece of the heap (heap.h). */
struct lg__piece {
    char *next;
    char *end;
    bool is_second; /* the first was used up */
};

#define LG__HELD_MAX    32
#define LG__FRAMES_MAX  64
#define LG__PLACES_SEEN 8

enum lg__thread_state { LG__THREAD_READY, LG__THREAD_BLOCKED, LG__THREAD_ENDED };

struct lg__thread {
    /* The fast path's. */
    uint64_t events; /* passed so far */
    uint64_t stop;   /* at this number of events, look closer */
    uint64_t fair;   /* and from this one on, give way */
    uint32_t tag;    /* what the table has for bytes that are its own alone, less the written bit */
    uint32_t index;
    /* Handing over. */
    uint32_t baton; /* futex; atomic: whether it is its turn, and whether it sleeps (baton.c) */
    enum lg__thread_state state;
    /* The event that it is about to do. */
    enum lg__event_kind pending;
    uint32_t pending_var; /* 0: none */
    uint64_t pending_site;
    uint64_t pending_address;
    struct lg__wait wait;
    /* The strategy's. */
    uint64_t priority;
    uint32_t
        remaining; /* SURW: events at the target that it and those it will start are going to have */
    bool is_held;  /* SURW: stands before the target out of its turn */
    uint64_t resumed_at; /* events, when it got the baton */
    bool is_yielding;    /* gives way by itself: not to be chosen in this decision if others can */
    /* Signals (signal.h). */
    uint64_t blocked;             /* its mask */
    struct lg__arrival *arrivals; /* for it */
    bool has_signal;              /* one of them is not blocked */
    bool was_interrupted;         /* by a handler, in its last wait, which has failed for that */
    /* Spinning: a read, and how often it was repeated with nothing changed. */
    uint64_t spin_site;
    uint64_t spin_address;
    uint64_t spin_stamp; /* the count of changes then */
    uint32_t spin_count;
    uint32_t spin_others; /* reads of other places since then */
    /* What the tally has for it, in this run: found once, as long as it stays at one variable. */
    struct lg__count *count;
    struct lg__count *count_at;
    uint32_t counted_var;
    uint64_t places_seen[LG__PLACES_SEEN];
    /* Happens-before. */
    struct lg__clock clock;
    struct lg__clock fence_release; /* at its last release fence */
    struct lg__clock fence_acquire; /* of what it has read relaxed */
    uint32_t held_count;
    struct lg__held held[LG__HELD_MAX];
    /* Its life. */
    pthread_t handle;
    int32_t tid;       /* the kernel's number; 0: has not run yet */
    uint32_t is_alive; /* futex: the kernel clears it (reuse.c) */
    struct lg__thread *next_begun;
    bool is_joinable;
    bool is_cancelled; /* pthread_cancel */
    uint32_t rounds;   /* of thread-specific data's destructors, at its end */
    void *(*start)(void *);
    void *argument;
    void *result;
    uint32_t children;
    uint32_t parent;
    uint64_t created_at; /* site */
    struct lg__piece piece;
    uintptr_t stack_limit; /* calls below it have no room; 0: the kernel sees to it */
    /* Calls that it is in. */
    uint32_t depth;
    struct lg__frame frames[LG__FRAMES_MAX];
};

/* Synchronisation objects, by address. */
enum lg__object_kind {
    LG__OBJECT_NONE, /* destroyed */
    LG__OBJECT_MUTEX,
    LG__OBJECT_SPIN,
    LG__OBJECT_RWLOCK,
    LG__OBJECT_CONDITION,
    LG__OBJECT_SEMAPHORE,
    LG__OBJECT_BARRIER,
    LG__OBJECT_ONCE,
    LG__OBJECT_WORD,
    LG__OBJECT_STREAM /* a FILE's own lock */
};

struct lg__object {
    uintptr_t address;
    enum lg__object_kind kind;
    uint32_t var;
    struct lg__thread *owner; /* mutex, spin lock, writer, runner of a once */
    uint64_t owner_site;
    uint32_t depth;   /* how often its owner has it */
    uint32_t readers; /* rwlock */
    uint32_t value;   /* semaphore; barrier: how many it needs */
    uint32_t arrived; /* barrier */
    bool is_recursive;
    bool is_checked; /* an error-checking mutex */
    bool is_robust;
    bool is_owner_dead;
    bool is_done;                /* once */
    bool was_signalled;          /* condition: at least once */
    bool is_signal;              /* semaphore: somebody has posted a unit that he had not taken */
    struct lg__share *shares;    /* semaphore, barrier: the threads that have taken part */
    uint64_t generation;         /* barrier */
    struct lg__object *next;     /* with the same hash */
    struct lg__clock clock;      /* of releases */
    struct lg__clock read_clock; /* rwlock: of readers' releases, which do not order readers */
};

#define LG__FEW 64 /* threads */

struct lg__run {
    struct lg__thread *threads; /* by index; LG__NAMES_MAX */
    struct lg__thread **live;   /* in the order of creation */
    uint32_t live_count;
    struct lg__thread **candidates; /* of the decision that is being made */
    uint32_t created;
    struct lg__thread *current;
    struct lg__thread *begun; /* all that have begun, but the first, where processes are reused */
    uint64_t retired;         /* events of threads before they lost the baton */
    uint64_t leapt_ns;        /* what virtual time is ahead of the events */
    uint64_t lines;           /* numbers the waiters of conditions */
    uint64_t changes;         /* counts writes and synchronisation */
    uint64_t patience;        /* steps after which it is looked at whether it ends */
    uint64_t changes_before;  /* the count of changes when half of them were over */
    uint64_t random;          /* state of the generator */
    bool is_concurrent;
    bool is_exiting;
    uint32_t idle_alarms;  /* that were due in a row, and nobody could run after them */
    uint32_t idle_rounds;  /* times that spinning threads were let go on for lack of others */
    uint64_t idle_changes; /* the count of changes then */
    /* Where live and candidates are as long as there is room: on a page that is in use anyway. */
    struct lg__thread *first_live[LG__FEW];
    struct lg__thread *first_candidates[LG__FEW];
};

extern struct lg__run lg__run __attribute__((visibility("hidden")));

/* The calling thread's record in a run; NULL: not in a run.  `lg__watched` is the same from the moment
 * when there is a second thread: it is what memory accesses look at. */
extern __thread struct lg__thread *lg__self
    __attribute__((visibility("hidden"), tls_model("initial-exec")));
extern __thread struct lg__thread *lg__watched
    __attribute__((visibility("hidden"), tls_model("initial-exec")));

/* Address space for runs, before the fork.  False: there is not enough. */
bool lg__run_reserve(void);

/* The beginning of a run, in its process, on its first thread. */
void lg__run_begin(void);

/* Its end: what it has used is remembered for the next. */
void lg__run_end(void);

/* One more thread is going to live: see to the room. */
void lg__run_make_room(void);

/* Events of all threads until now. */
uint64_t lg__run_events(void);

/* End the run: the explorer cannot handle this program.  The text is a line. */
void lg__run_cannot(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The index of the parent's n-th child, from 1. */
uint32_t lg__name_find(uint32_t parent, uint32_t ordinal);
/* Write a thread's name ("T0", "T0.2"). */
void lg__name_write(uint32_t index, char *out, size_t size);

/* Memory of the run's own, zeroed, never given back. */
void *lg__run_allocate(size_t size);

uint64_t lg__run_random(void);

/* Virtual time since the run's begin. */
uint64_t lg__run_now_ns(void);

#endif
