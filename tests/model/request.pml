/* (j) A request: one unit, a giver, the courier, and the user, who polls, cancels or ends, and ends.
 *
 *   The giver grants the unit to the request's wait and notifies the courier.  The courier publishes the
 *   outcome by a compare-and-swap of the request's word and tells it.  The user may cancel before, at the same
 *   time, or later; whoever of user and courier is last frees the request.  -DPOLLS: the user polls before it
 *   ends.
 *
 * Assertions, by the names that run.sh looks for:
 *   used_freed   somebody touches the request when it is free
 *   freed_twice  as it says
 *   told_wrong   poll got a unit after the cancel had been told that there will be none
 *   unit_lost    at rest the unit is nobody's, or lent twice
 *   missed       at rest the request is not free
 *   got_here     no error: the proof that a point is reached (faults REACH_...) */
#define NO_LOCK        1 /* cancel and end change the word without the pool's lock */
#define NO_DISMISS     2 /* the courier frees without having had the lock since the outcome */
#define BLIND_PUBLISH  3 /* the outcome is published whatever has been flagged meanwhile */
#define NO_TELLING     4 /* end does not wait until the outcome has been told */
#define NO_NOTIFY      5 /* who ends the wait by a cancel does not notify */
#define KEEP_GRANT     6 /* the courier keeps what was granted to a cancelled request */
#define REACH_BACK     7 /* a grant goes back because of a cancel on its way */
#define REACH_BY_USER  8 /* the user frees it */
#define REACH_BY_COURIER 9 /* the courier does */
#define REACH_CHANGED 10 /* a cancel finds the outcome there, and gives it back */
#define FAULT(f)      ((f) == fault)
#define REACH(f)      got_here = FAULT(f); assert(!got_here)

/* The request's word. */
#define PENDING   0
#define DONE      1
#define CHANGING  2
#define TAKEN     3
#define STATE(w)  ((w) & 3)
#define TELLING   4
#define CANCELLED 8
#define ENDED    16

/* The unit, and how the wait is. */
#define GIVERS  0
#define FLIGHT  1
#define GRANTED 2 /* in the request's lease */
#define IDLE    3
#define USERS   4
#define WAITS   0
#define BY_GRANT 1
#define BY_CANCEL 2

bit locked;
byte word;
byte wait;
byte unit;
byte due;      /* notifications that the courier has not seen */
bit status_ok; /* the outcome */
bit is_free;
bit was_refused; /* ghost: cancel was told that it has come in time */
hidden byte used_freed, freed_twice, told_wrong, unit_lost, missed, got_here;

inline take_lock() { d_step { !locked -> locked = 1 } }
inline drop_lock() { locked = 0 }

inline touch()
{
    used_freed = is_free;
    assert(!used_freed)
}

inline free_request()
{
    d_step {
        freed_twice = is_free;
        assert(!freed_twice);
        is_free = 1
    }
}

/* One compare-and-swap of the word. */
inline swap(old, new)
{
    d_step {
        touch();
        ok = word == (old);
        if
        :: ok -> word = new
        :: else
        fi
    }
}

inline return_grant()
{
    d_step { touch(); unit = IDLE }
}

proctype Giver(byte fault)
{
    bit ok;
    take_lock();
    d_step {
        ok = wait == WAITS;
        if
        :: ok -> wait = BY_GRANT; unit = FLIGHT
        :: else -> unit = IDLE
        fi
    }
    drop_lock();
    if
    :: ok -> take_lock(); touch(); due++; drop_lock()
    :: else
    fi
}

proctype Courier(byte fault)
{
    byte w;
    bit ok, must_free;
    atomic { due > 0 && !locked -> locked = 1 }
    due--;
    drop_lock();
    d_step {
        touch();
        status_ok = wait == BY_GRANT;
        if
        :: status_ok -> unit = GRANTED
        :: else
        fi
    }
    do /* publish */
    :: d_step { touch(); w = word }
       if
       :: (w & CANCELLED) && status_ok && !FAULT(KEEP_GRANT) -> return_grant(); REACH(REACH_BACK)
       :: else
       fi;
       if
       :: w & CANCELLED -> d_step { touch(); status_ok = 0 }
       :: else
       fi;
       if
       :: w & ENDED -> must_free = 1; break
       :: else
       fi;
       if
       :: FAULT(BLIND_PUBLISH) -> d_step { touch(); word = DONE | TELLING; ok = 1 }
       :: else -> swap(w, DONE | TELLING)
       fi;
       if
       :: ok -> break
       :: else
       fi
    od;
    if
    :: !must_free -> d_step { touch(); word = word - TELLING } /* its last touch */
    :: else
    fi;
    if
    :: !FAULT(NO_DISMISS) -> take_lock(); drop_lock()
    :: else
    fi;
    if
    :: must_free -> free_request(); REACH(REACH_BY_COURIER)
    :: else
    fi
}

inline lock_to_stop()
{
    if
    :: !FAULT(NO_LOCK) -> take_lock()
    :: else
    fi
}

inline unlock_after_stop()
{
    if
    :: !FAULT(NO_LOCK) -> drop_lock()
    :: else
    fi
}

/* Flag a pending request and end its wait; is_stopped says whether it was pending. */
inline stop(flags)
{
    is_stopped = 0;
    d_step { touch(); w = word }
    if
    :: STATE(w) == PENDING ->
        lock_to_stop();
        do
        :: STATE(w) == PENDING ->
            swap(w, w | (flags));
            if
            :: ok -> is_stopped = 1; break
            :: else -> d_step { touch(); w = word }
            fi
        :: else -> break
        od;
        if
        :: is_stopped ->
            d_step {
                touch();
                ok = wait == WAITS;
                if
                :: ok -> wait = BY_CANCEL
                :: else
                fi
            }
            if
            :: ok && !FAULT(NO_NOTIFY) -> due++
            :: else
            fi
        :: else
        fi;
        unlock_after_stop()
    :: else
    fi
}

/* DONE to another state; ok says whether it was. */
inline claim(to)
{
    d_step {
        touch();
        ok = STATE(word) == DONE;
        if
        :: ok -> word = (word & ~3) | (to)
        :: else
        fi
    }
}

inline cancel()
{
    stop(CANCELLED);
    if
    :: is_stopped -> was_refused = 1
    :: else ->
        claim(CHANGING);
        if
        :: ok && status_ok ->
            return_grant();
            d_step { touch(); status_ok = 0; was_refused = 1 }
            d_step { touch(); word = word - (CHANGING - DONE) }
            REACH(REACH_CHANGED)
        :: ok && !status_ok -> d_step { touch(); word = word - (CHANGING - DONE) }
        :: else
        fi
    fi
}

inline poll()
{
    claim(TAKEN);
    if
    :: ok && status_ok ->
        d_step {
            told_wrong = was_refused;
            assert(!told_wrong);
            unit = USERS
        }
    :: else
    fi
}

proctype User(byte fault)
{
    byte w;
    bit ok, is_stopped;
    if
    :: cancel()
    :: skip
    fi;
#ifdef POLLS
    poll();
#endif
    stop(CANCELLED | ENDED);
    if
    :: is_stopped
    :: else ->
        if
        :: FAULT(NO_TELLING)
        :: else -> !(word & TELLING)
        fi;
        claim(TAKEN);
        if
        :: ok && status_ok -> return_grant()
        :: else
        fi;
        free_request();
        REACH(REACH_BY_USER)
    fi
}

proctype Watch(byte fault)
{
    timeout ->
    missed = !is_free;
    assert(!missed);
    unit_lost = unit != IDLE && unit != USERS;
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
        run Giver(fault);
        run Courier(fault);
        run User(fault);
        run Watch(fault)
    }
}
