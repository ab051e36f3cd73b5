/* (q) Reader bias of a rwlock: readers that are not counted, and how they are (src/sync/rwlock_bias.h).
 *
 *   Reader    1 and 2: ROUNDS times tries by bias or counts itself, as it likes; reads; lets go.  While it is
 *             counted it may give the lock a bias.  Where it would have to wait it goes without.
 *   Writer    the others: takes a free word; else revokes, or queues.
 * A reader's stores to its reading go through the FIFOs of memory.pml.  All that is done to the word are
 * read-modify-write operations; so is all else that is done to a reading.
 *
 * Assertions, by the names that run.sh looks for:
 *   beside     somebody is in the lock beside a writer
 *   borrowed   the word lost a reader that it did not have
 *   missed     at rest somebody sleeps, or the word has a reader or a flag too many
 *   got_here   no error: the proof that a point is reached (faults REACH_...) */
#ifndef N
#define N 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef GIFTS
#define GIFTS 1
#endif

#define NO_LOOK       1 /* V1: the reader looks at the word after it has said that it reads */
#define NO_HEAVY      2 /* V1: the revoker's barrier */
#define PLAIN_RETREAT 3 /* V2: HELD is taken back by compare-and-swap */
#define PLAIN_END     4 /* V2: the same at the end */
#define PLAIN_COUNT   5 /* V2: COUNTED is set by compare-and-swap */
#define TELL_FIRST    6 /* V3: counted before told */
#define KEEP_COUNT    7 /* V3: who was counted, and is gone, is uncounted */
#define NO_SELF       8 /* the revoker is counted all that time */
#define GIVE_QUEUED   9 /* V5: no bias is given while somebody is queued */
#define QUEUE_BIASED 10 /* V5: nobody queues while it is biased */
#define REACH_LATE   11 /* a reader that came too late for the bias is counted */
#define REACH_GONE   12 /* one that is counted has gone meanwhile */
#define REACH_TOLD   13 /* one is counted inside, and finds out at its end */
#define REACH_TWICE  14 /* two revoke at once */
#define REACH_SERVED 15 /* a revoker that goes wakes a writer */
#define FAULT(f)       ((f) == fault)
#define REACH(f)       got_here = FAULT(f); assert(!got_here)

#define READING(p) ((p) - 1)
#define CELLS 2
#include "memory.pml"

/* A reading. */
#define FREE    0
#define HELD    1
#define COUNTED 2

/* The word. */
byte readers;
bit is_biased = 1, is_written, is_queued;

#define FITS (!readers && !is_biased && !is_written)

/* The queue, under the bucket's lock: a set of writers. */
bit bucket;
byte queue;
#define MASK(i) (1 << (i))

byte fault, gifts;
hidden byte beside, borrowed, missed, got_here;
byte reading, writing, revoking, done; /* ghosts */

#define CHECK_INSIDE beside = (writing > 1 || (writing == 1 && reading > 0)); assert(!beside)

inline lock_bucket()
{
    d_step { DRAINED && !bucket -> bucket = 1 }
}

inline unlock_bucket()
{
    bucket = 0
}

/* Under the bucket's lock: the first that fits is woken, and the lock is open to all. */
inline settle()
{
    d_step {
        if
        :: queue != 0 ->
            is_queued = 1;
            if
            :: FITS -> queue = ((queue & MASK(3)) -> queue & ~MASK(3) : 0); is_queued = 0
            :: else
            fi
        :: else -> is_queued = 0
        fi
    }
    unlock_bucket()
}

inline uncount()
{
    d_step {
        DRAINED ->
        borrowed = (readers == 0);
        assert(!borrowed);
        ok = (is_queued && readers == 1);
        readers--
    }
    if
    :: ok -> lock_bucket(); settle()
    :: else
    fi;
    ok = 0
}

inline compare_and_swap(p, old, new)
{
    d_step {
        DRAINED ->
        ok = (mem[READING(p)] == old);
        mem[READING(p)] = (ok -> new : mem[READING(p)])
    }
}

inline heavy_barrier()
{
    if
    :: !FAULT(NO_HEAVY) -> fifo[1].n == 0; fifo[2].n == 0
    :: else
    fi
}

inline count_reading(p)
{
    if
    :: mem[READING(p)] == HELD ->
        if
        :: !FAULT(TELL_FIRST) -> d_step { DRAINED -> readers++ }
        :: else
        fi;
        if
        :: FAULT(PLAIN_COUNT) -> mem[READING(p)] = COUNTED; ok = 1
        :: else -> compare_and_swap(p, HELD, COUNTED)
        fi;
        if
        :: ok && FAULT(TELL_FIRST) -> readers++
        :: !ok && !FAULT(TELL_FIRST) && !FAULT(KEEP_COUNT) -> readers--; REACH(REACH_GONE)
        :: else
        fi;
        ok = 0
    :: else
    fi
}

inline revoke()
{
    d_step {
        DRAINED ->
        ok = is_biased;
        is_biased = 0;
        readers = (ok && !FAULT(NO_SELF) -> readers + 1 : readers)
    }
    if
    :: ok ->
        ok = 0;
        revoking++;
        if
        :: revoking > 1 -> REACH(REACH_TWICE)
        :: else
        fi;
        heavy_barrier();
        count_reading(1);
        count_reading(2);
        revoking--;
        if
        :: FAULT(NO_SELF)
        :: else ->
            if
            :: is_queued && readers == 1 && queue != 0 -> REACH(REACH_SERVED)
            :: else
            fi;
            uncount()
        fi
    :: else
    fi
}

/* By a reader that is counted. */
inline give_bias()
{
    lock_bucket();
    d_step {
        if
        :: gifts < GIFTS && !is_biased && !is_written &&
           ((queue == 0 && !is_queued) || FAULT(GIVE_QUEUED)) -> is_biased = 1; gifts++
        :: else
        fi
    }
    settle()
}

proctype Reader(byte me)
{
    byte rounds, v;
    bit ok, has_it, is_counted;

    do
    :: rounds < ROUNDS ->
        rounds++;
        if
        :: true -> /* by bias */
            store(READING(me), HELD);
            has_it = is_biased || FAULT(NO_LOOK); /* V1 */
            if
            :: has_it
            :: !has_it && FAULT(PLAIN_RETREAT) -> store(READING(me), FREE)
            :: else ->
                compare_and_swap(me, HELD, FREE); /* V2 */
                has_it = !ok;
                ok = 0;
                if
                :: has_it -> REACH(REACH_LATE)
                :: else
                fi
            fi
        :: true
        fi;
        if
        :: !has_it ->
            d_step { DRAINED -> has_it = !is_written && !is_queued; readers++; is_counted = 1 }
            if
            :: !has_it -> uncount(); is_counted = 0
            :: else
            fi
        :: else
        fi;
        if
        :: has_it ->
            d_step { reading++; CHECK_INSIDE }
            if
            :: is_counted -> give_bias()
            :: true
            fi;
            reading--;
            v = LOAD(READING(me));
            if
            :: v == FREE -> uncount()
            :: else ->
                if
                :: FAULT(PLAIN_END) -> store(READING(me), FREE); ok = (v == HELD)
                :: else -> compare_and_swap(me, HELD, FREE) /* V2 */
                fi;
                if
                :: ok -> ok = 0
                :: else -> store(READING(me), FREE); REACH(REACH_TOLD); uncount() /* V3 */
                fi
            fi;
            v = 0;
            has_it = 0;
            is_counted = 0
        :: else
        fi
    :: else -> break
    od;
    done++
}

proctype Writer(byte me)
{
    bit ok, has_it;

    d_step {
        has_it = FITS && !is_queued;
        is_written = is_written || has_it
    }
    do
    :: has_it -> break
    :: else ->
        if
        :: is_biased -> revoke()
        :: else
        fi;
        lock_bucket();
        d_step {
            has_it = FITS;
            is_written = is_written || has_it;
            ok = !has_it && is_biased && !FAULT(QUEUE_BIASED); /* V5 */
            queue = (has_it || ok -> queue : queue | MASK(me))
        }
        settle();
        if
        :: !has_it && !ok -> (queue & MASK(me)) == 0
        :: else
        fi;
        ok = 0
    od;
    skip;
    d_step { writing++; CHECK_INSIDE }
    writing--;
    d_step { ok = is_queued; is_written = 0 }
    if
    :: ok -> lock_bucket(); settle()
    :: else
    fi;
    done++
}

/* Runs when nothing else can: all have ended, or sleep for ever. */
proctype Watch()
{
    timeout ->
    missed = (done < N || readers || is_written || is_queued || mem[0] || mem[1]);
    assert(!missed)
}

init
{
#ifdef FAULT_IS
    fault = FAULT_IS;
#else
    c_code { now.fault = getenv("FAULT") ? atoi(getenv("FAULT")) : 0; };
#endif
    atomic {
        run Reader(1);
        run Reader(2);
        run Writer(3);
#if N >= 4
        run Writer(4);
#endif
        run Drain();
        run Watch()
    }
}
