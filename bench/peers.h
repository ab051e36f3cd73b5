/* Peers: other ways to do what Lifeguard does, and Lifeguard itself in the same shape.
 *
 * The loops are generated in each peer's own file, so that the compiler sees its calls as it would
 * in a program; only the loop as a whole is called through a pointer.  A peer that was absent when
 * the benches were built has a name, the Debian package that brings it, and nothing else.
 *
 * Also included by the peers that are written in C++. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "tools.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -- mutexes ---------------------------------------------------------------------------------- */

struct mutex_peer {
    const char *name;
    const char *package; /* not NULL: absent */
    void (*enter)(void); /* before each batch; NULL: nothing */
    void *(*create)(void);
    void (*pairs)(void *self, uint64_t count); /* lock and unlock, so often */
    bench_loop *loop; /* lock, count up, unlock, work outside; until stopped */
};

extern const struct mutex_peer peer_lg_mutex, peer_lg_mutex_recursive;
extern const struct mutex_peer peer_pthread, peer_pthread_recursive, peer_pthread_errorcheck;
extern const struct mutex_peer peer_nsync, peer_gmutex, peer_absl_off, peer_absl_on;

/* Semaphores of one, used alike; and onces that are done, of which a pair is one call.  A once is a static object
 * in its own file, as programs have them. */
extern const struct mutex_peer peer_sem_pair, peer_lg_semaphore, peer_lg_permits;
extern const struct mutex_peer peer_pthread_once, peer_lg_once, peer_absl_once, peer_gonce;

/* Mutexes that outlive their holders. */
extern const struct mutex_peer peer_pthread_robust, peer_lg_robust;

/* Latches of so many: a pair makes one, counts it down, and waits for it. */
#define LATCH_COUNT 8
extern const struct mutex_peer peer_lg_latch_alone, peer_absl_latch, peer_nsync_latch;

/* The data that a mutex protects lies beside it in one cache line, alike for all. */
#define MUTEX_ROOM 48

/* Defines name_create, name_pairs and name_loop from a type, a function that makes one, and two
 * that lock and unlock it. */
#define MUTEX_LOOPS(name, type, make, lock, unlock)                                                \
    struct name##_cell {                                                                           \
        type mutex __attribute__((aligned(BENCH_LINE)));                                           \
        char room[MUTEX_ROOM - sizeof(type)];                                                      \
        uint64_t counter;                                                                          \
    };                                                                                             \
    static void *name##_create(void)                                                               \
    {                                                                                              \
        struct name##_cell *cell = (struct name##_cell *)bench_alloc(sizeof(*cell));               \
        make(&cell->mutex);                                                                        \
        return cell;                                                                               \
    }                                                                                              \
    static void name##_pairs(void *self, uint64_t count)                                           \
    {                                                                                              \
        struct name##_cell *cell = (struct name##_cell *)self;                                     \
        for (; count > 0; count--) {                                                               \
            lock(&cell->mutex);                                                                    \
            unlock(&cell->mutex);                                                                  \
        }                                                                                          \
    }                                                                                              \
    static uint64_t name##_loop(void *self, struct bench_worker *worker)                           \
    {                                                                                              \
        struct name##_cell *cell = (struct name##_cell *)self;                                     \
        uint64_t done = 0;                                                                         \
        for (; !bench_is_stopped(worker); done++) {                                                \
            lock(&cell->mutex);                                                                    \
            cell->counter++;                                                                       \
            unlock(&cell->mutex);                                                                  \
            bench_spin(worker->outside);                                                           \
        }                                                                                          \
        return done;                                                                               \
    }

/* -- mutexes, one after the other ------------------------------------------------------------- */

#define NESTED_MAX 8

struct nested_peer {
    const char *package; /* not NULL: absent */
    void (*enter)(void); /* before each batch; NULL: nothing */
    void *(*create)(void);
    /* Lock so many, unlock them in the other order; so often. */
    void (*nested)(void *self, unsigned held, uint64_t count);
};

extern const struct nested_peer peer_lg_nested, peer_absl_nested_off, peer_absl_nested_on;

/* Defines name_create and name_nested as MUTEX_LOOPS does; make also takes a mutex's index. */
#define NESTED_LOOP(name, type, make, lock, unlock)                                                \
    struct name##_cells {                                                                          \
        struct {                                                                                   \
            type mutex __attribute__((aligned(BENCH_LINE)));                                       \
        } each[NESTED_MAX];                                                                        \
    };                                                                                             \
    static void *name##_create(void)                                                               \
    {                                                                                              \
        struct name##_cells *cells = (struct name##_cells *)bench_alloc(sizeof(*cells));           \
        for (unsigned i = 0; i < NESTED_MAX; i++)                                                  \
            make(&cells->each[i].mutex, i);                                                        \
        return cells;                                                                              \
    }                                                                                              \
    BENCH_NESTED_ATTRIBUTE static void name##_nested(void *self, unsigned held, uint64_t count)    \
    {                                                                                              \
        struct name##_cells *cells = (struct name##_cells *)self;                                  \
        for (; count > 0; count--) {                                                               \
            for (unsigned i = 0; i < held; i++)                                                    \
                lock(&cells->each[i].mutex);                                                       \
            for (unsigned i = held; i > 0; i--)                                                    \
                unlock(&cells->each[i - 1].mutex);                                                 \
        }                                                                                          \
    }

/* Clang's analysis does not count locks in loops. */
#if defined(__clang__)
#define BENCH_NESTED_ATTRIBUTE __attribute__((no_thread_safety_analysis))
#else
#define BENCH_NESTED_ATTRIBUTE
#endif

/* -- rwlocks ---------------------------------------------------------------------------------- */

struct rwlock_peer {
    const char *name;
    const char *package; /* not NULL: absent */
    void (*enter)(void); /* before each batch; NULL: nothing */
    void *(*create)(void);
    void (*read_pairs)(void *self, uint64_t count);
    void (*write_pairs)(void *self, uint64_t count);
    bench_loop *read_loop; /* lock to read, look, unlock, work outside; until stopped */
    bench_loop *mix_loop;  /* the same, but one time in twenty lock to write and count up */
    bench_loop *rare_loop; /* the same, one time in ten thousand */
};

extern const struct rwlock_peer peer_lg_rwlock, peer_pthread_rwlock, peer_nsync_rwlock,
    peer_grwlock, peer_absl_rwlock_off, peer_absl_rwlock_on;

#define RWLOCK_ROOM 72 /* as MUTEX_ROOM: the data is in the second line for all */

/* Defines name_create, name_read_pairs, name_write_pairs, name_read_loop, name_mix_loop and name_rare_loop from
 * a type, a function that makes one, and four that lock and unlock it. */
#define RWLOCK_LOOPS(name, type, make, read, unread, write, unwrite)                               \
    struct name##_cell {                                                                           \
        type lock __attribute__((aligned(BENCH_LINE)));                                            \
        char room[RWLOCK_ROOM - sizeof(type)];                                                     \
        uint64_t counter;                                                                          \
    };                                                                                             \
    static void *name##_create(void)                                                               \
    {                                                                                              \
        struct name##_cell *cell = (struct name##_cell *)bench_alloc(sizeof(*cell));               \
        make(&cell->lock);                                                                         \
        return cell;                                                                               \
    }                                                                                              \
    static void name##_read_pairs(void *self, uint64_t count)                                      \
    {                                                                                              \
        struct name##_cell *cell = (struct name##_cell *)self;                                     \
        for (; count > 0; count--) {                                                               \
            read(&cell->lock);                                                                     \
            unread(&cell->lock);                                                                   \
        }                                                                                          \
    }                                                                                              \
    static void name##_write_pairs(void *self, uint64_t count)                                     \
    {                                                                                              \
        struct name##_cell *cell = (struct name##_cell *)self;                                     \
        for (; count > 0; count--) {                                                               \
            write(&cell->lock);                                                                    \
            unwrite(&cell->lock);                                                                  \
        }                                                                                          \
    }                                                                                              \
    static uint64_t name##_read_loop(void *self, struct bench_worker *worker)                      \
    {                                                                                              \
        struct name##_cell *cell = (struct name##_cell *)self;                                     \
        uint64_t done = 0;                                                                         \
        uint64_t seen = 0;                                                                         \
        for (; !bench_is_stopped(worker); done++) {                                                \
            read(&cell->lock);                                                                     \
            seen += cell->counter;                                                                 \
            unread(&cell->lock);                                                                   \
            bench_spin(worker->outside);                                                           \
        }                                                                                          \
        return seen == UINT64_MAX ? 0 : done;                                                      \
    }                                                                                              \
    static inline uint64_t name##_mixed(void *self, struct bench_worker *worker, unsigned one_in)  \
    {                                                                                              \
        struct name##_cell *cell = (struct name##_cell *)self;                                     \
        uint64_t done = 0;                                                                         \
        uint64_t seen = 0;                                                                         \
        for (; !bench_is_stopped(worker); done++) {                                                \
            if (bench_random(worker) % one_in == 0) {                                              \
                write(&cell->lock);                                                                \
                cell->counter++;                                                                   \
                unwrite(&cell->lock);                                                              \
            } else {                                                                               \
                read(&cell->lock);                                                                 \
                seen += cell->counter;                                                             \
                unread(&cell->lock);                                                               \
            }                                                                                      \
            bench_spin(worker->outside);                                                           \
        }                                                                                          \
        return seen == UINT64_MAX ? 0 : done;                                                      \
    }                                                                                              \
    static uint64_t name##_mix_loop(void *self, struct bench_worker *worker)                       \
    {                                                                                              \
        return name##_mixed(self, worker, 20);                                                     \
    }                                                                                              \
    static uint64_t name##_rare_loop(void *self, struct bench_worker *worker)                      \
    {                                                                                              \
        return name##_mixed(self, worker, 10000);                                                  \
    }

/* -- pools, and whatever else one thread can hand to another ---------------------------------- */

struct relay;

struct pool_peer {
    const char *name;
    const char *package;
    const char *(*version)(void); /* NULL: it has none */
    void *(*create)(unsigned capacity);
    void (*destroy)(void *self);
    void (*pairs)(void *self, uint64_t count); /* take and give back, so often */
    bench_loop *loop; /* take, hold, give back; until stopped; every eighth wait is timed */
    void (*alternate)(void *const *selves, struct relay *relay, unsigned side); /* see below */
};

extern const struct pool_peer peer_lg_pool, peer_lg_pool_ageless, peer_lg_pool_strict,
    peer_lg_pool_unbiased, peer_lg_pool_listened;
extern const struct pool_peer peer_lifo, peer_fifo, peer_apr, peer_gasync, peer_mongoc, peer_zdb;
/* Only handed to and fro: */
extern const struct pool_peer peer_futex, peer_cond, peer_sem, peer_lg_condition;

/* Two threads take turns over three pools of one: in step j one of them gives what it holds of pool
 * j mod 3 and the other takes it, and in the next step the other way round.  What a thread waits
 * for is held by the other until it is given, and nobody else ever asks for it: so nothing can be
 * overtaken, and every step is one thread that waits and one that wakes it.  (With two pools a
 * giver could take back what it just gave.)  Six steps lead back to the beginning. */
#define RELAY_POOLS 3
#define RELAY_CYCLE 6

/* Beside the relay: how long a holder works before it gives.  With work the hand-off is timed from
 * the give to the end of the take, by the processor's counter, so that the work does not count. */
struct relay_pace {
    unsigned work;    /* spin iterations; 0: none, and nothing is stamped */
    uint64_t given;   /* tick; the giver, before its give; read after the take that it lets go */
    uint64_t elapsed; /* ticks; side 0 alone */
};

static inline void relay_work(struct relay_pace *pace)
{
    if (pace->work == 0)
        return;
    bench_spin(pace->work);
    pace->given = bench_tick();
}

static inline void relay_took(struct relay_pace *pace, unsigned side)
{
    if (pace->work > 0 && side == 0)
        pace->elapsed += bench_tick() - pace->given;
}

struct relay_pace *relay_pace(struct relay *relay);
uint64_t relay_begin(struct relay *relay, unsigned side); /* returns how many cycles */
void relay_end(struct relay *relay, unsigned side);

/* Whether this side holds this pool's at the beginning, and at the end. */
static inline bool relay_holds(unsigned side, unsigned pool)
{
    return (pool == 1) == (side == 1);
}

/* Defines name_pairs, name_loop and name_alternate from the types of a pool and of what it lends,
 * and two functions that take one (type *, item *) and give it back. */
#define POOL_LOOPS(name, type, item, take, give)                                                   \
    static void name##_pairs(void *self, uint64_t count)                                           \
    {                                                                                              \
        type *pool = (type *)self;                                                                 \
        for (; count > 0; count--) {                                                               \
            item held;                                                                             \
            take(pool, &held);                                                                     \
            give(pool, &held);                                                                     \
        }                                                                                          \
    }                                                                                              \
    static uint64_t name##_loop(void *self, struct bench_worker *worker)                           \
    {                                                                                              \
        type *pool = (type *)self;                                                                 \
        uint64_t done = 0;                                                                         \
        for (; !bench_is_stopped(worker); done++) {                                                \
            item held;                                                                             \
            if (done % 8 == 0) {                                                                   \
                uint64_t start = bench_tick();                                                     \
                take(pool, &held);                                                                 \
                lg_histogram_record(&worker->waits, bench_tick() - start);                         \
            } else {                                                                               \
                take(pool, &held);                                                                 \
            }                                                                                      \
            bench_spin(worker->hold);                                                              \
            give(pool, &held);                                                                     \
        }                                                                                          \
        return done;                                                                               \
    }                                                                                              \
    ALTERNATE_LOOP(name, type, item, take, give)

#define ALTERNATE_LOOP(name, type, item, take, give)                                               \
    static void name##_alternate(void *const *selves, struct relay *relay, unsigned side)          \
    {                                                                                              \
        item held[RELAY_POOLS];                                                                    \
        struct relay_pace *pace = relay_pace(relay);                                               \
        for (unsigned i = 0; i < RELAY_POOLS; i++)                                                 \
            if (relay_holds(side, i))                                                              \
                take((type *)selves[i], &held[i]);                                                 \
        for (uint64_t cycles = relay_begin(relay, side); cycles > 0; cycles--) {                   \
            for (unsigned i = 0; i < RELAY_CYCLE; i++) {                                           \
                if (i % 2 == side) {                                                               \
                    relay_work(pace);                                                              \
                    give((type *)selves[i % RELAY_POOLS], &held[i % RELAY_POOLS]);                 \
                } else {                                                                           \
                    take((type *)selves[i % RELAY_POOLS], &held[i % RELAY_POOLS]);                 \
                    relay_took(pace, side);                                                        \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        relay_end(relay, side);                                                                    \
        for (unsigned i = 0; i < RELAY_POOLS; i++)                                                 \
            if (relay_holds(side, i))                                                              \
                give((type *)selves[i], &held[i]);                                                 \
    }

/* -- barriers, and what is used like one ------------------------------------------------------ */

/* So many threads meet so often.  What can be used only once is made beforehand, one for each round. */
struct round_peer {
    const char *name;
    const char *package;
    void *(*create)(unsigned threads, unsigned rounds);
    void (*destroy)(void *self);
    void (*meet)(void *self, unsigned rounds); /* by each thread */
};

extern const struct round_peer peer_pthread_barrier, peer_cond_barrier;
extern const struct round_peer peer_lg_barrier, peer_lg_barrier_registered, peer_lg_latch;
extern const struct round_peer peer_nsync_counter, peer_absl_barrier;

/* Two threads by turns: each gives the other a sign, and waits for its. */
extern const struct round_peer peer_cond_turns, peer_sem_turns, peer_lg_event_turns,
    peer_lg_any_turns;
extern const struct round_peer peer_nsync_note_turns, peer_nsync_note_any, peer_glib_cond_turns;

/* Defines name_create, name_destroy and name_meet from a type of signs, and functions that make one for so many
 * rounds, give it, take it (in this round), and end it. */
#define TURNS_LOOPS(name, type, init, give, take, end)                                             \
    struct name##_pair {                                                                           \
        struct {                                                                                   \
            type sign __attribute__((aligned(BENCH_LINE)));                                        \
        } each[2];                                                                                 \
        unsigned sides; /* atomic; how many have come */                                           \
    };                                                                                             \
    static void *name##_create(unsigned threads, unsigned rounds)                                  \
    {                                                                                              \
        struct name##_pair *pair = bench_alloc(sizeof(*pair));                                     \
        (void)threads;                                                                             \
        init(&pair->each[0].sign, rounds);                                                         \
        init(&pair->each[1].sign, rounds);                                                         \
        return pair;                                                                               \
    }                                                                                              \
    static void name##_destroy(void *self)                                                         \
    {                                                                                              \
        struct name##_pair *pair = self;                                                           \
        end(&pair->each[0].sign);                                                                  \
        end(&pair->each[1].sign);                                                                  \
        free(pair);                                                                                \
    }                                                                                              \
    static void name##_meet(void *self, unsigned rounds)                                           \
    {                                                                                              \
        struct name##_pair *pair = self;                                                           \
        bool is_first = __atomic_fetch_add(&pair->sides, 1, __ATOMIC_RELAXED) == 0;                \
        for (unsigned i = 0; i < rounds; i++) {                                                    \
            if (is_first)                                                                          \
                give(&pair->each[0].sign, i);                                                      \
            take(&pair->each[is_first].sign, i);                                                   \
            if (!is_first)                                                                         \
                give(&pair->each[1].sign, i);                                                      \
        }                                                                                          \
    }

/* -- waits for any of several things ---------------------------------------------------------- */

struct several_peer {
    const char *name;
    const char *package;
    void *(*create)(unsigned count); /* so many, at most SEVERAL_MAX, of which the last is there */
    void (*destroy)(void *self);
    void (*wait)(void *self, unsigned times);
};

#define SEVERAL_MAX 8

extern const struct several_peer peer_lg_several, peer_nsync_several;

#ifdef __cplusplus
}
#endif

#endif
