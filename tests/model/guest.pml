/* (n) A guest in the queue of permits: a branch of a wait for any that something unknown may end as well, so
 * that nobody can be told to pass it, and nobody is held up by it (src/sync/permits_wait.c, invariant N).
 *
 *   W (1)  waits for any of 2 units of the permits, and a signal that may come or not.
 *   V (2)  waits for 1 unit, and gives it back.
 *   H      holds both units; it gives back one, and the other when V is done.
 *   X      takes a unit if one is there, and gives it back.
 * -DKEEPS: H gives both back at once, and X keeps its own until V is done.
 *
 * All is under the queue's lock or one compare-and-swap: the machine needs no FIFOs.  Assertions, by the names
 * that run.sh looks for:
 *   missed     at rest somebody sleeps who could go on
 *   unit_lost  at rest not both units are in
 *   got_here   no error: the proof that a point is reached (faults REACH_...) */
#define NO_GUEST       1 /* a guest counts as ahead, like everybody */
#define NO_SERVE       2 /* who has looked in vain, and becomes a guest, serves nobody */
#define NO_LEAVE       3 /* who leaves serves nobody */
#define NO_LOOK        4 /* W queues and does not look */
#define REACH_PASSED   5 /* V is served from behind a guest */
#define REACH_IN_VAIN  6 /* W is woken, and there is not enough */
#define REACH_SIGNAL   7 /* W goes by the signal, woken for units as well */
#define FAULT(f) ((f) == fault)
#define REACH(f) got_here = FAULT(f); assert(!got_here)

#define RUNS   0 /* or awake in the queue */
#define SLEEPS 1
#define WOKEN  2
#define SIGNAL 3
#define NEED(c) ((c) == 1 -> 2 : 1)
#define IS_GUEST(c) ((c) == 1 && state[1] == SLEEPS && !FAULT(NO_GUEST))

byte units; /* in */
bit has_waiters;
byte first, second; /* the queue; with the lock */
bit is_locked;
byte state[3];
byte fault, done;
bit is_v_done;
hidden byte missed, unit_lost, got_here;

inline take_lock() { d_step { !is_locked -> is_locked = 1 } }
inline drop_lock() { is_locked = 0 }

/* With the lock, from here to the next remark. */
#define AHEAD(c) ((first != 0 && first != (c) && !IS_GUEST(first)) -> NEED(first) : 0)
#define WANTED(c) (NEED(c) + ((second == (c)) -> AHEAD(c) : 0))

inline serve_one(c)
{
    if
    :: c == 0 || !must_go_on
    :: c != 0 && must_go_on && left < NEED(c) && IS_GUEST(c)
    :: else ->
        must_go_on = (left >= NEED(c) || state[c] != SLEEPS);
        if
        :: must_go_on ->
            d_step { woke = (state[c] == SLEEPS); if :: woke -> state[c] = WOKEN :: else fi }
            if
            :: woke && c == 2 && first == 1 && state[1] == SLEEPS -> REACH(REACH_PASSED)
            :: else
            fi;
            left = (left > NEED(c) -> left - NEED(c) : 0)
        :: else
        fi
    fi
}

inline serve()
{
    left = units; must_go_on = 1;
    serve_one(first);
    serve_one(second);
    left = 0; must_go_on = 0; woke = 0
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

inline leave(c)
{
    d_step {
        if
        :: first == c -> first = second; second = 0
        :: first != c && second == c -> second = 0
        :: else
        fi
    }
    if
    :: first == 0 -> has_waiters = 0
    :: first != 0 && !FAULT(NO_LEAVE) -> serve()
    :: else
    fi
}

/* ok: they are the caller's; else WAITERS is set. */
inline take_queued(c)
{
    d_step {
        ok = (units >= WANTED(c));
        if
        :: ok -> units = units - NEED(c)
        :: else -> has_waiters = 1
        fi
    }
}

/* ---- Without the lock --------------------------------------------------------------------------- */

inline put(count)
{
    d_step { is_slow = has_waiters; if :: !is_slow -> units = units + count :: else fi }
    if
    :: is_slow ->
        take_lock();
        d_step { units = units + count; if :: first == 0 -> has_waiters = 0 :: else fi }
        serve();
        drop_lock()
    :: else
    fi;
    is_slow = 0
}

proctype W()
{
    byte left;
    bit ok, woke, must_go_on, is_slow, is_in;

    do
    :: state[1] = SLEEPS; /* its begin, as a look from a signal of the other thing sees it */
        take_lock();
        is_in = (first == 1 || second == 1);
        d_step {
            ok = (units >= WANTED(1) && !FAULT(NO_LOOK));
            if
            :: !ok -> has_waiters = 1
            :: else
            fi
        }
        if
        :: !ok && is_in && !FAULT(NO_SERVE) -> serve()
        :: !ok && !is_in -> enqueue(1)
        :: else
        fi;
        drop_lock();
        if
        :: ok -> d_step { if :: state[1] == SLEEPS -> state[1] = WOKEN :: else fi }
        :: else
        fi;
        ok = 0;
        state[1] != SLEEPS;
        if
        :: state[1] == WOKEN ->
            state[1] = RUNS;
            take_lock();
            take_queued(1);
            drop_lock();
            if
            :: ok -> break
            :: else -> REACH(REACH_IN_VAIN)
            fi
        :: else -> break
        fi
    od;
    if
    :: state[1] == SIGNAL && first == 1 && units > 1 -> REACH(REACH_SIGNAL)
    :: else
    fi;
    state[1] = RUNS;
    take_lock();
    leave(1);
    drop_lock();
    if
    :: ok -> put(2)
    :: else
    fi;
    done++
}

proctype V()
{
    byte left;
    bit ok, woke, must_go_on, is_slow;

    do
    :: take_lock();
        take_queued(2);
        if
        :: ok -> leave(2)
        :: else -> state[2] = SLEEPS; enqueue(2)
        fi;
        drop_lock();
        if
        :: ok -> break
        :: else -> state[2] != SLEEPS; state[2] = RUNS
        fi
    od;
    if
    :: ok -> put(1)
    :: else
    fi;
    is_v_done = 1;
    done++
}

proctype H()
{
    byte left;
    bit woke, must_go_on, is_slow;
#ifdef KEEPS
    put(2);
#else
    put(1);
    is_v_done;
    put(1);
#endif
    done++
}

proctype X()
{
    byte left;
    bit ok, woke, must_go_on, is_slow;
    d_step { ok = (units > 0); if :: ok -> units-- :: else fi }
    if
#ifdef KEEPS
    :: ok -> is_v_done; put(1)
#else
    :: ok -> put(1)
#endif
    :: else
    fi;
    done++
}

/* The other thing of W, which its holder may signal, or not. */
proctype S()
{
    if
    :: d_step { if :: state[1] == SLEEPS -> state[1] = SIGNAL :: else fi }
    :: skip
    fi;
    done++
}

proctype Watch()
{
    timeout ->
    missed = done < 5;
    assert(!missed);
    unit_lost = (units != 2);
    assert(!unit_lost)
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
        run V();
        run H();
        run X();
        run S();
        run Watch()
    }
}
