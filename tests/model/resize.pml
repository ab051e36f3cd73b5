/* (k) Resize: a pool of 2 becomes one of 1.  Slot 0 is lent to R, who runs and returns it; slot 1, the surplus
 * one afterwards, to F, who returns it by a fast path without the lock.
 *
 *   W (2) wants a unit and sleeps; S holds slot 1 (-DLOOKS: instead of F) and wants something of W's.  A look
 *   reads W's word, the capacity, the holders, and the word again.  Nobody is ever deadlocked: R runs.
 *
 * Assertions, by the names that run.sh looks for:
 *   surplus_left  at rest an open resource is idle in the surplus slot
 *   closed_twice  as it says
 *   false_alarm   a look finds W stuck
 *   missed        at rest W sleeps
 *   got_here      no error: the proof that a point is reached (faults REACH_...) */
#define NO_CONTROL   1 /* who dooms a slot does not change the control word (E4) */
#define NO_LOOK      2 /* nor looks whether the slot is idle already */
#define NO_RELOAD    3 /* a fast checkin does not load the control word again */
#define END_LATE     4 /* waits are ended after the capacity has changed */
#define END_NONE     5 /* they are not ended */
#define REACH_BY_F   6 /* who returns it closes it */
#define REACH_BY_Z   7 /* the resizer does */
#define REACH_VOID   8 /* a look is void, because the word has changed */
#define FAULT(f)     ((f) == fault)
#define REACH(f)     got_here = FAULT(f); assert(!got_here)

#define EMPTY   0
#define LENT    1
#define IDLE    2
#define CLOSING 3

bit locked;
byte capacity = 2;
byte slot[2] = { LENT, LENT };
bit is_doomed;   /* slot 1's generation is that of no time */
byte control;
byte word;       /* W's wait: odd while it waits */
byte looks;      /* that W owes */
bit has_slot;    /* W */
hidden byte surplus_left, closed_twice, false_alarm, missed, got_here;

inline take_lock() { d_step { !locked -> locked = 1 } }
inline drop_lock() { locked = 0 }

/* Close slot 1 if it is idle and of no generation. */
inline end_unfit(by)
{
    d_step {
        ok = slot[1] == IDLE && is_doomed;
        if
        :: ok -> slot[1] = CLOSING
        :: else
        fi
    }
    if
    :: ok ->
        d_step {
            closed_twice = slot[1] != CLOSING;
            assert(!closed_twice);
            slot[1] = EMPTY
        }
        REACH(by)
    :: else
    fi
}

/* With the lock. */
inline end_wait()
{
    d_step { word = ((word & 1) -> word + 1 : word) }
}

proctype Z(byte fault)
{
    bit ok;
    take_lock();
    if
    :: !FAULT(END_LATE) && !FAULT(END_NONE) -> end_wait()
    :: else
    fi;
    capacity = 1;
    is_doomed = 1;
    if
    :: !FAULT(NO_CONTROL) -> control++
    :: else
    fi;
    if
    :: FAULT(END_LATE) -> end_wait()
    :: else
    fi;
    drop_lock();
    if
    :: !FAULT(NO_LOOK) -> end_unfit(REACH_BY_Z)
    :: else
    fi
}

#ifndef LOOKS
proctype F(byte fault)
{
    byte c;
    bit ok;
    c = control;
    if
    :: is_doomed -> /* by the slow path */
        take_lock();
        slot[1] = CLOSING;
        drop_lock();
        slot[1] = EMPTY
    :: else ->
        slot[1] = IDLE;
        if
        :: control != c && !FAULT(NO_RELOAD) -> end_unfit(REACH_BY_F)
        :: else
        fi
    fi
}

#else

/* It queues, and queues again when its wait was ended by the resize; it takes what R returns. */
proctype W(byte fault)
{
    do
    :: take_lock();
       if
       :: slot[0] == IDLE -> slot[0] = LENT; has_slot = 1
       :: else -> word++
       fi;
       drop_lock();
       if
       :: has_slot -> break
       :: else -> looks++; !(word & 1) /* ended */
       fi
    od
}

/* The holders first or the capacity first: neither order may matter. */
proctype Look(byte fault)
{
    byte w, c, held;
    do
    :: looks > 0 ->
        looks--;
        w = word;
        if
        :: w & 1 ->
            if
            :: held = (capacity > 1 && slot[1] == LENT); c = capacity
            :: c = capacity; held = (capacity > 1 && slot[1] == LENT)
            fi;
            if
            :: word != w -> REACH(REACH_VOID)
            :: else -> false_alarm = c - held < 1; assert(!false_alarm)
            fi
        :: else
        fi
    :: timeout -> break
    od
}
#endif

proctype R(byte fault)
{
    take_lock();
    slot[0] = IDLE;
    end_wait(); /* W comes, and finds it */
    drop_lock()
}

proctype Watch(byte fault)
{
    timeout ->
    surplus_left = slot[1] == IDLE;
    assert(!surplus_left)
#ifdef LOOKS
    missed = !has_slot;
    assert(!missed)
#endif
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
        run Z(fault);
        run R(fault);
#ifdef LOOKS
        run W(fault);
        run Look(fault);
#else
        run F(fault);
#endif
        run Watch(fault)
    }
}
