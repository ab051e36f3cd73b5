/* (i) Let pass.  A pool of 2, of which one unit is idle, and a mutex.
 *
 *   X (1) wants both units and comes first: it may time out, unless -DPATIENT.
 *   T (2) holds the mutex and wants one unit: it queues behind X, and may time out and come again.
 *   H (3) holds the other unit and wants the mutex.
 *
 * With X ahead nobody can go on, so the detector lets T pass.  It has seen T's wait by its word, and acts under
 * the pool's lock.  Everything here is under that lock or one compare-and-swap: the machine needs no FIFOs.
 *
 * Assertions, by the names that run.sh looks for:
 *   missed        at rest somebody sleeps
 *   unit_lost     at rest not both units are idle
 *   passed_other  a wait was let pass that is not the one that was judged
 *   got_here      no error: the proof that a point is reached (faults REACH_...) */
#define NO_SERVE      1 /* who is let pass is not served from what is idle */
#define NO_LEAVE      2 /* who leaves does not serve those it kept waiting */
#define AT_THE_END    3 /* who is let pass goes behind all others */
#define NO_WORD       4 /* the wait need not be the one that was judged */
#define NO_GIVE_BACK  5 /* what was claimed for a wait that has ended is not idle again */
#define REACH_PASSED  6 /* somebody was let pass */
#define REACH_TOO_LATE 7 /* the wait had ended before it could be */
#define REACH_ENDED   8 /* something was claimed for a wait that had ended */
#define FAULT(f)      ((f) == fault)
#define REACH(f)      got_here = FAULT(f); assert(!got_here)

#define RUNS    0
#define WAITS   1
#define GRANTED 2
#define LATE    3
#define NEED(c) ((c) == 1 -> 2 : 1)

bit locked;
byte idle = 1;
byte first, second; /* the queue: 0 is nobody; only X and T are ever in it */
byte state[3];
byte epoch[3];
bit mutex_is_free;
byte done;
hidden byte missed, unit_lost, passed_other, got_here;

inline take_lock() { d_step { !locked -> locked = 1 } }
inline drop_lock() { locked = 0 }

/* With the lock. */
inline leave(c)
{
    if
    :: first == c -> first = second; second = 0
    :: first != c && second == c -> second = 0
    :: else
    fi
}

/* With the lock.  What is idle goes to the first, if it is enough: claimed, then the wait ends. */
inline serve()
{
    do
    :: first != 0 && idle >= NEED(first) ->
        c = first;
        idle = idle - NEED(c);
        leave(c);
        if
        :: state[c] == WAITS -> state[c] = GRANTED
        :: else ->
            if
            :: !FAULT(NO_GIVE_BACK) -> idle = idle + NEED(c)
            :: else
            fi;
            REACH(REACH_ENDED)
        fi
    :: else -> break
    od;
    c = 0
}

inline wait_for_pool()
{
    take_lock();
    if
    :: first == 0 && idle >= NEED(me) -> idle = idle - NEED(me); state[me] = GRANTED
    :: else ->
        epoch[me]++;
        state[me] = WAITS;
        if
        :: first == 0 -> first = me
        :: else -> second = me
        fi
    fi;
    drop_lock();
    if
    :: state[me] == GRANTED
    :: d_step { state[me] == WAITS && may_be_late -> state[me] = LATE }
       take_lock();
       leave(me);
       drop_lock();
       if
       :: NEED(me) > 1 && !FAULT(NO_LEAVE) -> take_lock(); serve(); drop_lock()
       :: else
       fi
    fi
}

inline give_back(count)
{
    take_lock();
    idle = idle + count;
    serve();
    drop_lock()
}

#ifdef PATIENT
#define X_MAY_BE_LATE 0
#else
#define X_MAY_BE_LATE 1
#endif

proctype X(byte me, fault)
{
    byte c;
    bit may_be_late = X_MAY_BE_LATE;
    wait_for_pool();
    if
    :: state[me] == GRANTED -> give_back(2)
    :: else
    fi;
    done++
}

proctype T(byte me, fault)
{
    byte c;
    bit may_be_late = 1;
    wait_for_pool();
    if
    :: state[me] == LATE -> may_be_late = 0; wait_for_pool() /* it tries once more */
    :: else
    fi;
    give_back(1);
    mutex_is_free = 1;
    done++
}

proctype H(byte me, fault)
{
    byte c;
    mutex_is_free;
    give_back(1);
    done++
}

/* Looks at each wait of T that it meets. */
proctype Detector(byte me, fault)
{
    byte c, seen;
    do
    :: d_step { state[2] == WAITS && epoch[2] != seen && first == 1 && second == 2 &&
                state[1] == WAITS && !mutex_is_free -> seen = epoch[2] }
       take_lock();
       if
       :: (first == 2 || second == 2) && (FAULT(NO_WORD) || (state[2] == WAITS && epoch[2] == seen)) ->
            passed_other = epoch[2] != seen || state[2] != WAITS;
            assert(!passed_other);
            leave(2);
            if
            :: FAULT(AT_THE_END) && first != 0 -> second = 2
            :: else -> second = first; first = 2
            fi;
            REACH(REACH_PASSED);
            if
            :: !FAULT(NO_SERVE) -> serve()
            :: else
            fi
       :: else -> REACH(REACH_TOO_LATE)
       fi;
       drop_lock()
    :: timeout -> break
    od;
    missed = done < 3;
    assert(!missed);
    unit_lost = idle != 2;
    assert(!unit_lost)
}

init
{
    byte fault;
#ifdef FAULT_IS
    fault = FAULT_IS;
#else
    c_code { Pinit->fault = getenv("FAULT") ? atoi(getenv("FAULT")) : 0; };
#endif
    atomic {
        run X(1, fault);
        run T(2, fault);
        run H(3, fault);
        run Detector(0, fault)
    }
}
