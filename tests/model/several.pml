/* (m) Several things.  One waiting word in two queues (src/sync/waitable.c).
 *
 *   W (1)   waits for any of two things: a semaphore's unit, of which it is only woken to look, and the set of an
 *           automatic event, which is handed over.  -DE_FIRST: it looks at the event first.  -DTIMED: it may
 *           time out.
 *   V (2)   waits for a unit of the semaphore alone.
 *   P       posts one unit, S sets the event once, X takes a unit if there is one and posts it again.
 *
 * -DAGAIN: W then waits once more, for the semaphore alone; P posts twice, and X is not there.
 * -DJOIN: the end of a context, J (2), instead of the event, and neither V nor X.  What J1 orders
 * (src/sync/join.c), the id and the count of joiners, is behind store buffers.
 *
 * Each queue has its lock; all else is one compare-and-swap.  Assertions, by the names that run.sh looks for:
 *   missed        at rest somebody sleeps who could have what is there
 *   lost          a unit, or the set, is nowhere, or had twice
 *   wrong_winner  W believes in what it was not granted
 *   got_here      no error: the proof that a point is reached (faults REACH_...) */
#define ENTER_FIRST    1 /* W queues, and looks, before its wait has begun */
#define NO_LOOK        2 /* it queues, and does not look */
#define LOOK_TWICE     3 /* E2: it looks, and says that there are waiters in another step */
#define NO_PASS_ON     4 /* who leaves the semaphore's queue wakes nobody in its place */
#define SPLIT_END      5 /* who ends a wait looks at its word, and then writes it */
#define ANY_WON        6 /* a branch that ended some wait is taken for the one that ended this */
#define NO_LOCK        7 /* W looks which it was without the lock of the queue */
#define STAY           8 /* W goes, and its branch stays in the event's queue */
#define PLAIN_COUNT    9 /* J1: the joiner is counted by a plain store */
#define PLAIN_END     10 /* J1: the id goes by a plain store */
#define REACH_GRANTED 11 /* W is handed the set, or the end */
#define REACH_IN_VAIN 12 /* W is woken, and finds nothing */
#define REACH_OTHER   13 /* W is woken for the unit, and has the other thing */
#define REACH_BOTH    14 /* two end W's wait at once: one of them fails */
#define FAULT(f) ((f) == fault)
#define REACH(f) got_here = FAULT(f); assert(!got_here)

#ifdef JOIN
#define N 2
#define ID      0
#define JOINERS 1
#define CELLS   2
#include "memory.pml"
#define SYNCED DRAINED
#else
#define SYNCED 1
#endif

#define IDLE    0
#define WAITS   1
#define GRANTED 2
#define WOKEN   3
#define LATE    4

byte state[3];          /* of the waits of W and V */
byte epoch;             /* of W's */
byte won_unit, won_other; /* W's branches: the epoch of the wait that was ended by way of it */
byte unit;
bit has_waiters;        /* in the semaphore's word, with the unit */
byte first, second;     /* its queue */
bit unit_lock, other_lock;
bit other_in;           /* W's branch is in the other queue */
bit is_set, has_event_waiters; /* the event's word */
byte posted, had_unit, had_other; /* ghosts */
byte fault, done;
bit has_again; /* W waits for the second time */
bit is_over;
hidden byte missed, lost, wrong_winner, got_here;

inline take_lock(l) { d_step { SYNCED && !l -> l = 1 } }
inline drop_lock(l) { l = 0 }

/* End the wait of c; ok says whether it went on.  With the lock of the queue that it was found in. */
inline end_wait(c, end)
{
    if
    :: FAULT(SPLIT_END) -> ok = (state[c] == WAITS); if :: ok -> state[c] = end :: else fi
    :: else -> d_step { ok = (state[c] == WAITS); if :: ok -> state[c] = end :: else fi }
    fi
}

/* ---- The semaphore: with its lock, but for the first lines of post and for X ------------------- */

#define IS_QUEUED(c) (first == (c) || second == (c))

inline dequeue(c)
{
    d_step {
        if
        :: first == c -> first = second; second = 0
        :: first != c && second == c -> second = 0
        :: else
        fi
    }
}

inline enqueue(c)
{
    d_step {
        if
        :: first == 0 -> first = c
        :: first != 0 && first != c && second != c -> second = c
        :: else
        fi
    }
}

/* The first in the queue who sleeps. */
inline wake_first()
{
    ok = 0;
    if
    :: first != 0 ->
        end_wait(first, WOKEN);
        if
        :: ok && first == 1 -> won_unit = epoch
        :: else
        fi
    :: else
    fi;
    if
    :: !ok && second != 0 ->
        end_wait(second, WOKEN);
        if
        :: ok && second == 1 -> won_unit = epoch
        :: else
        fi
    :: else
    fi
}

inline post()
{
    d_step { is_slow = has_waiters; if :: !is_slow -> unit++ :: else fi }
    if
    :: is_slow ->
        take_lock(unit_lock);
        d_step { unit++; if :: first == 0 -> has_waiters = 0 :: else fi }
        wake_first();
        drop_lock(unit_lock)
    :: else
    fi
}

inline leave_semaphore(c)
{
    dequeue(c);
    if
    :: first == 0 -> has_waiters = 0
    :: else ->
        if
        :: unit > 0 && state[first] == WAITS && (second == 0 || state[second] == WAITS) &&
           !FAULT(NO_PASS_ON) -> wake_first()
        :: else
        fi
    fi
}

/* ---- The other thing ---------------------------------------------------------------------------- */

#ifdef JOIN
#define OTHER_IS_THERE (LOAD(ID) == 0)
#else
#define OTHER_IS_THERE is_set
#endif

inline take_other()
{
    d_step {
        ok = OTHER_IS_THERE;
        if
        :: ok -> is_set = 0; had_other++
        :: else
        fi
    }
}

inline enter_other()
{
    take_lock(other_lock);
#ifdef JOIN
    if
    :: other_in
    :: !other_in && FAULT(PLAIN_COUNT) -> store(JOINERS, 1)
    :: !other_in && !FAULT(PLAIN_COUNT) -> exchange(JOINERS, 1)
    fi;
    other_in = 1;
    drop_lock(other_lock);
    ok = OTHER_IS_THERE
#else
    if
    :: FAULT(NO_LOOK) -> ok = 0; has_event_waiters = 1
    :: FAULT(LOOK_TWICE) -> ok = is_set; has_event_waiters = 1
    :: else -> d_step { ok = is_set; if :: !ok -> has_event_waiters = 1 :: else fi }
    fi;
    other_in = other_in || !ok;
    drop_lock(other_lock)
#endif
}

/* Hand it to W, if its wait goes on. */
inline serve_other()
{
    ok = 0;
    if
    :: other_in ->
        end_wait(1, GRANTED);
        if
        :: ok -> won_other = epoch; other_in = 0
        :: else -> REACH(REACH_BOTH)
        fi
    :: else
    fi
}

/* ---- W ------------------------------------------------------------------------------------------ */

inline take_unit()
{
    take_lock(unit_lock);
    d_step { ok = (unit > 0); if :: ok -> unit--; had_unit++ :: else fi }
    drop_lock(unit_lock)
}

inline enter_semaphore()
{
    take_lock(unit_lock);
    d_step {
        ok = (unit > 0 && !FAULT(NO_LOOK));
        if
        :: !ok -> has_waiters = 1
        :: else
        fi
    }
    if
    :: !ok -> enqueue(1)
    :: else
    fi;
    drop_lock(unit_lock)
}

#ifdef TIMED
#define MAY_BE_LATE !must_be_unit
#else
#define MAY_BE_LATE 0
#endif

#ifdef E_FIRST
#define EVENT_FIRST 1
#else
#define EVENT_FIRST 0
#endif

/* ok: had. */
inline take_any()
{
    ok = 0;
    if
    :: EVENT_FIRST && !must_be_unit -> take_other()
    :: else
    fi;
    if
    :: !ok -> take_unit()
    :: else
    fi;
    if
    :: !ok && !EVENT_FIRST && !must_be_unit -> take_other()
    :: else
    fi
}

inline enter_all()
{
    ok = 0;
    if
    :: EVENT_FIRST && !must_be_unit -> enter_other()
    :: else
    fi;
    if
    :: !ok -> enter_semaphore()
    :: else
    fi;
    if
    :: !ok && !EVENT_FIRST && !must_be_unit -> enter_other()
    :: else
    fi
}

/* Which branch has ended the wait; the later one in the order of looking, if both say so. */
#define HAS_WON(w) ((w) == epoch || (FAULT(ANY_WON) && (w) != 0))

inline leave_all()
{
    if
    :: FAULT(NO_LOCK) -> is_unit = HAS_WON(won_unit); is_other = HAS_WON(won_other)
    :: else
    fi;
    take_lock(unit_lock);
    if
    :: !FAULT(NO_LOCK) -> is_unit = HAS_WON(won_unit)
    :: else
    fi;
    leave_semaphore(1);
    drop_lock(unit_lock);
    take_lock(other_lock);
    if
    :: !FAULT(NO_LOCK) -> is_other = HAS_WON(won_other)
    :: else
    fi;
    other_in = other_in && FAULT(STAY);
    drop_lock(other_lock)
}

inline wait_for_any()
{
    take_any();
    do
    :: ok -> break
    :: else ->
        if
        :: FAULT(ENTER_FIRST) -> enter_all()
        :: else
        fi;
        d_step { epoch++; state[1] = WAITS }
        if
        :: FAULT(ENTER_FIRST)
        :: else -> enter_all()
        fi;
        if
        :: ok -> end_wait(1, WOKEN)
        :: else
        fi;
        if
        :: state[1] != WAITS
        :: MAY_BE_LATE || is_over -> end_wait(1, LATE)
        fi;
        d_step { end = state[1]; state[1] = IDLE; ok = 0 }
        if
        :: end == WOKEN -> take_any()
        :: else
        fi;
        if
        :: end == WOKEN && !ok -> REACH(REACH_IN_VAIN)
        :: else ->
            leave_all();
            if
            :: end == WOKEN && is_unit && had_other > 0 -> REACH(REACH_OTHER)
            :: end == GRANTED ->
                REACH(REACH_GRANTED);
                wrong_winner = must_be_unit || !is_other || (is_unit && EVENT_FIRST);
                assert(!wrong_winner);
                had_other++
            :: else
            fi;
            is_unit = 0; is_other = 0;
            break
        fi
    od;
    ok = 0; end = IDLE
}

proctype W()
{
    byte end;
    bit ok, is_unit, is_other, must_be_unit;
#ifdef JOIN
    byte me = 1;
#endif
    wait_for_any();
#ifdef AGAIN
    must_be_unit = 1;
    has_again = 1;
    wait_for_any();
#endif
    done++
}

/* ---- The others --------------------------------------------------------------------------------- */

proctype P()
{
    bit ok, is_slow;
#ifdef JOIN
    byte me = 0;
    if
    :: post(); posted++
    :: skip
    fi;
#else
    post();
    posted++;
#ifdef AGAIN
    post();
    posted++;
#endif
#endif
    done++
}

#ifdef JOIN

proctype J(byte me)
{
    bit ok;
    if
    :: FAULT(PLAIN_END) -> store(ID, 0)
    :: else -> exchange(ID, 0)
    fi;
    if
    :: LOAD(JOINERS) > 0 ->
        take_lock(other_lock);
        serve_other();
        drop_lock(other_lock)
    :: else
    fi;
    done++
}

#else

proctype V()
{
    bit ok;
    d_step { ok = (unit > 0); if :: ok -> unit--; had_unit++ :: else fi }
    do
    :: ok -> break
    :: else ->
        take_lock(unit_lock);
        d_step {
            ok = (unit > 0);
            if
            :: ok -> unit--; had_unit++
            :: else -> has_waiters = 1; state[2] = WAITS
            fi
        }
        if
        :: ok -> leave_semaphore(2)
        :: else -> enqueue(2)
        fi;
        drop_lock(unit_lock);
        if
        :: ok -> break
        :: else ->
            if
            :: state[2] != WAITS -> state[2] = IDLE
            :: is_over -> break
            fi
        fi
    od;
    done++
}

proctype S()
{
    bit ok, is_slow;
    d_step { is_slow = has_event_waiters; if :: !is_slow -> is_set = 1 :: else fi }
    if
    :: is_slow ->
        take_lock(other_lock);
        serve_other();
        if
        :: !ok -> is_set = 1
        :: else
        fi;
        drop_lock(other_lock)
    :: else
    fi;
    done++
}

#ifndef AGAIN
proctype X()
{
    bit ok, is_slow;
    d_step { ok = (unit > 0); if :: ok -> unit-- :: else fi }
    if
    :: ok -> post()
    :: else
    fi;
    done++
}
#endif

#endif

proctype Watch()
{
    timeout ->
    missed = (state[1] == WAITS && (unit > 0 || (is_set && !has_again))) ||
             (state[2] == WAITS && unit > 0);
#ifdef JOIN
    missed = missed || done < 3;
#endif
    assert(!missed);
    lost = (unit + had_unit != posted);
#ifndef JOIN
    lost = lost || is_set + had_other != 1;
#endif
    assert(!lost);
    is_over = 1 /* whoever sleeps may go */
}

init
{
#ifdef FAULT_IS
    fault = FAULT_IS;
#else
    c_code { now.fault = getenv("FAULT") ? atoi(getenv("FAULT")) : 0; };
#endif
    atomic {
        run W();
        run P();
#ifdef JOIN
        mem[ID] = 1;
        run J(2);
        run Drain();
#else
        run V();
        run S();
#ifndef AGAIN
        run X();
#endif
#endif
        run Watch()
    }
}
