/* (p) Waiters that may be passed: one slot, a holder who returns and takes again without the lock, and two
 * who wait for it, asleep, on their way or dozing (src/pool/queue.c and doze.c, S2 and S4).
 *
 *   A return makes the slot idle, and then looks at the flag, at who is on the way and at who dozes; if
 *   somebody waits and nobody comes, it takes the lock and wakes the first.  Who is woken takes the slot, or
 *   queues again and may doze.  -DCANCELS: a doze may end by a cancel.
 *
 * Every access is of full order here, as in the code, so that there are no store buffers.  What is under the
 * lock is still in steps: the return and the newcomer have no lock.
 *
 * Assertions, by the names that run.sh looks for:
 *   missed       at rest somebody sleeps, and the slot is idle
 *   got_here     no error: the proof that a point is reached (faults REACH_...) */
#define LOOK_FIRST     1 /* the return looks before the slot is idle */
#define NO_ARRIVE      2 /* who arrives does not look after it was counted out */
#define LATE_COUNT     3 /* who arrives is counted out when it has looked */
#define NO_LOOK        4 /* who ends a doze just sleeps on */
#define NO_FOLLOW      5 /* who is cancelled in a doze looks for nobody else */
#define NO_FLAG        6 /* the flag is set after the scan */
#define REACH_PASSED   7 /* a waiter comes in vain */
#define REACH_ATTENDED 8 /* a return is done without the lock, as a waiter comes */
#define REACH_DOZE     9 /* a return is done without the lock, as a waiter dozes */
#define FAULT(f)       ((f) == fault)
#define REACH(f)       got_here = FAULT(f); assert(!got_here)

#define ROUNDS 2 /* how often the holder takes it again */

bit locked;
bit idle;
bit flag;     /* LG__POOL_WAITERS */
bit has_dozer;
byte on_way;
bit queued[2]; /* the first goes before the second */
bit woken[2];
byte gone;     /* who has nothing more to do */
hidden byte missed, got_here;

inline take_lock() { d_step { !locked -> locked = 1 } }
inline drop_lock() { locked = 0 }

#define HAS_FIRST (queued[0] || queued[1])

/* With the lock, in steps: if it is idle and nobody comes, wake the first. */
inline serve()
{
    if
    :: idle && HAS_FIRST && on_way == 0 && !has_dozer ->
        d_step {
            if
            :: queued[0] -> queued[0] = 0; woken[0] = 1
            :: else -> queued[1] = 0; woken[1] = 1
            fi;
            on_way++
        }
    :: else
    fi
}

inline give_back()
{
    d_step { coming = on_way > 0; dozing = has_dozer } /* only for the fault */
    idle = 1;
    if
    :: flag ->
        if
        :: !FAULT(LOOK_FIRST) -> coming = on_way > 0; dozing = has_dozer
        :: else
        fi;
        if
        :: coming -> REACH(REACH_ATTENDED)
        :: !coming && dozing -> REACH(REACH_DOZE)
        :: else -> take_lock(); serve(); drop_lock()
        fi
    :: else
    fi
}

proctype Holder(byte fault)
{
    bit coming, dozing, ok;
    byte round;
    do
    :: give_back();
       if
       :: round == ROUNDS -> break
       :: else
       fi;
       d_step { ok = idle; idle = 0; round++ } /* one compare-and-swap */
       if
       :: !ok -> break
       :: else
       fi
    od;
    gone++
}

/* One compare-and-swap of the slot. */
inline claim() { d_step { ok = idle; idle = 0 } }

inline doze()
{
    if
    :: woken[i] -> skip
#ifdef CANCELS
    :: !woken[i] ->
        take_lock();
        has_dozer = 0;
        d_step {
            was_cancelled = queued[i];
            queued[i] = 0
        }
        if
        :: !FAULT(NO_FOLLOW) -> serve()
        :: else
        fi;
        drop_lock()
#endif
    :: !woken[i] -> /* its time */
        take_lock();
        has_dozer = 0;
        if
        :: !FAULT(NO_LOOK) -> d_step { queued[i] = 0; woken[i] = 1; on_way++ }
        :: else
        fi;
        drop_lock()
    fi
}

proctype Waiter(byte i; byte fault)
{
    bit coming, dozing, ok, must_doze, was_cancelled;
    do
    :: atomic { woken[i] -> woken[i] = 0 }
       take_lock();
       if
       :: !FAULT(NO_FLAG) -> flag = 1
       :: else
       fi;
       claim();
       if
       :: !FAULT(LATE_COUNT) -> on_way--
       :: else
       fi;
       must_doze = 0;
       if
       :: !ok ->
          REACH(REACH_PASSED);
          queued[i] = 1;
          if
          :: !has_dozer -> has_dozer = 1; must_doze = 1
          :: skip
          fi
       :: else
       fi;
       if
       :: !FAULT(NO_ARRIVE) -> serve()
       :: else
       fi;
       if
       :: FAULT(LATE_COUNT) -> on_way--
       :: else
       fi;
       if
       :: FAULT(NO_FLAG) -> flag = 1
       :: else
       fi;
       if
       :: !HAS_FIRST -> flag = 0
       :: else
       fi;
       drop_lock();
       if
       :: ok -> break
       :: else
       fi;
       if
       :: must_doze -> doze()
       :: else
       fi;
       if
       :: was_cancelled -> break
       :: else
       fi
    od;
    if
    :: ok -> give_back()
    :: else
    fi;
    gone++
}

proctype Watch(byte fault)
{
    timeout ->
    missed = gone != 3;
    assert(!missed)
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
        flag = 1;
        queued[0] = 1;
        queued[1] = 1;
        run Holder(fault);
        run Waiter(0, fault);
        run Waiter(1, fault);
        run Watch(fault)
    }
}
