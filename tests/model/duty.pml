/* (o) Declared duties that come and go while a wait for them closes a ring (src/sync/duty.h, D1 and D3).
 *
 *   A (1)  holds a mutex and waits for an event whose setters are declared.
 *   B (2)  is one of them, and wants the mutex; when it is told of a deadlock, or has the mutex, it sets the event.
 *   C      runs, and is one too: it withdraws.  -DTRANSFER: it alone is, and hands its duty on to B.
 *          -DDECLARE: B alone is, and C declares itself.  -DEXIT: C alone is, and ends; there is no B.
 * A and B look at the graph when they have begun to wait: words, then how many setters there are, then who,
 * each by itself; and then the words again.
 *
 * -DSETTLE: nobody is, D declares C, and C ends.  What D3 orders, the id and the mark that there are duties, is
 * behind store buffers; there is no B.
 *
 * Assertions, by the names that run.sh looks for:
 *   missed       at rest somebody sleeps
 *   false_alarm  a look has verified that all setters are stuck while one of them ran
 *   got_here     no error: the proof that a point is reached (faults REACH_...) */
#define NO_WAKE        1 /* D1: a change ends no waits */
#define WAKE_AFTER     2 /* D1: it ends them when it is done */
#define NO_BUCKET      3 /* D1: waits begin without the lock under which duties change */
#define NO_VERIFY      4 /* words are not read again */
#define PLAIN_EXIT     5 /* D3: the id goes by a plain store */
#define PLAIN_SETTLE   6 /* D3: the mark is a plain store */
#define NO_SETTLE      7 /* D3: who has added a duty does not look at the id */
#define REACH_VICTIM   8 /* somebody is told */
#define REACH_BROKEN   9 /* A is told that nobody will set it */
#define REACH_VOID    10 /* a look finds a ring, and a word that does not stand any more */
#define REACH_BY_ADDER 11 /* D takes away the duty of C, who has ended */
#define FAULT(f) ((f) == fault)
#define REACH(f) got_here = FAULT(f); assert(!got_here)

#ifdef SETTLE
#define N 2 /* C is 1, D is 2 */
#define ID    0
#define HAS   1
#define CELLS 2
#include "memory.pml"
#endif

/* A word: epoch * 8 + state. */
#define IDLE    0
#define WAITS   1
#define WOKEN   2
#define GRANTED 3
#define VICTIM  4
#define STATE(w) ((w) & 7)
#define WITH(w, state) ((w) - STATE(w) + (state))

#define OF_B 1 /* in the table of duties */
#define OF_C 2

byte word[3];
byte table;
bit is_declared, mutex_is_held, b_has_set;
bit bucket, detector;
byte fault, done, told;
bit is_over;
hidden byte missed, false_alarm, got_here;

inline take_lock(l) { d_step { !l -> l = 1 } }
inline drop_lock(l) { l = 0 }

inline end_wait(c, end)
{
    d_step {
        if
        :: STATE(word[c]) == WAITS -> word[c] = WITH(word[c], end)
        :: else
        fi
    }
}

/* The detector's lock is held from the look to the strike. */
inline look()
{
    take_lock(detector);
    a = word[1];
    b = word[2];
    count = (table & OF_B) + (table >> 1);
    holders = table;
    if
    :: STATE(a) == WAITS && STATE(b) == WAITS && is_declared && count <= (holders & OF_B) ->
        d_step {
            is_good = FAULT(NO_VERIFY) || (word[1] == a && word[2] == b);
            false_alarm = is_good && (table & OF_C)
        }
        assert(!false_alarm);
        if
        :: is_good ->
            if
            :: d_step { word[1] == a -> word[1] = WITH(a, VICTIM); told++ }
            :: d_step { word[2] == b -> word[2] = WITH(b, VICTIM); told++ }
            :: word[1] != a && word[2] != b
            fi
        :: else -> REACH(REACH_VOID)
        fi
    :: else
    fi;
    d_step { a = 0; b = 0; count = 0; holders = 0; is_good = 0 }
    drop_lock(detector)
}

proctype A()
{
    byte a, b, count, holders;
    bit is_good;

    do
    :: if
       :: FAULT(NO_BUCKET)
       :: else -> take_lock(bucket)
       fi;
       if
       :: b_has_set || (is_declared && table == 0) ->
            if
            :: !b_has_set -> REACH(REACH_BROKEN)
            :: else
            fi;
            if
            :: FAULT(NO_BUCKET)
            :: else -> drop_lock(bucket)
            fi;
            break
       :: else -> word[1] = WITH(word[1], WAITS) + 8
       fi;
       if
       :: FAULT(NO_BUCKET)
       :: else -> drop_lock(bucket)
       fi;
       look();
       STATE(word[1]) != WAITS || is_over;
       if
       :: STATE(word[1]) == VICTIM -> REACH(REACH_VICTIM); break
       :: STATE(word[1]) == GRANTED || is_over -> break
       :: else -> word[1] = WITH(word[1], IDLE)
       fi
    od;
    word[1] = WITH(word[1], IDLE);
    d_step { mutex_is_held = 0; if :: STATE(word[2]) == WAITS -> word[2] = WITH(word[2], GRANTED) :: else fi }
    done++
}

/* A change of the table, with the waits that it ends. */
inline change(new)
{
    take_lock(bucket);
    if
    :: FAULT(NO_WAKE) || FAULT(WAKE_AFTER)
    :: else -> end_wait(1, WOKEN)
    fi;
    d_step { table = new; is_declared = 1 }
    if
    :: FAULT(WAKE_AFTER) -> end_wait(1, WOKEN)
    :: else
    fi;
    drop_lock(bucket)
}

#ifdef SETTLE

/* After the id has gone. */
inline end_duties()
{
    change(table & ~OF_C)
}

proctype C(byte me)
{
    if
    :: FAULT(PLAIN_EXIT) -> store(ID, 0)
    :: else -> exchange(ID, 0)
    fi;
    if
    :: LOAD(HAS) -> end_duties()
    :: else
    fi;
    done++
}

proctype D(byte me)
{
    if
    :: LOAD(ID) ->
        change(table | OF_C);
        if
        :: FAULT(PLAIN_SETTLE) -> store(HAS, 1)
        :: else -> exchange(HAS, 1)
        fi;
        if
        :: LOAD(ID) == 0 && !FAULT(NO_SETTLE) -> REACH(REACH_BY_ADDER); end_duties()
        :: else
        fi
    :: else
    fi;
    done++
}

#else

#ifndef EXIT
proctype B()
{
    byte a, b, count, holders;
    bit is_good;

    d_step { if :: mutex_is_held -> word[2] = WITH(word[2], WAITS) + 8 :: else fi }
    if
    :: STATE(word[2]) == WAITS -> look(); STATE(word[2]) != WAITS || is_over
    :: else
    fi;
    if
    :: STATE(word[2]) == VICTIM -> REACH(REACH_VICTIM)
    :: else
    fi;
    word[2] = WITH(word[2], IDLE);
    take_lock(bucket);
    b_has_set = 1;
    end_wait(1, GRANTED);
    drop_lock(bucket);
    done++
}
#endif

proctype C()
{
#ifdef DECLARE
    change(table | OF_C);
    take_lock(bucket); /* and does what it has declared */
    b_has_set = 1;
    end_wait(1, GRANTED);
    drop_lock(bucket);
#else
#ifdef TRANSFER
    change(OF_B);
#else
    change(table & ~OF_C);
#endif
#endif
    done++
}

#endif

proctype Watch()
{
    timeout ->
#ifdef SETTLE
    missed = STATE(word[1]) == WAITS && is_declared; /* else C had ended before, and anybody may set it */
#else
    missed = STATE(word[1]) == WAITS || STATE(word[2]) == WAITS;
#endif
    assert(!missed);
    is_over = 1
}

init
{
#ifdef FAULT_IS
    fault = FAULT_IS;
#else
    c_code { now.fault = getenv("FAULT") ? atoi(getenv("FAULT")) : 0; };
#endif
    atomic {
        mutex_is_held = 1;
        run A();
#ifdef SETTLE
        mem[ID] = 1;
        run C(1);
        run D(2);
        run Drain();
#else
        is_declared = 1;
        table = OF_C;
#ifndef EXIT
        run B();
#ifndef TRANSFER
        table = OF_B | OF_C;
#endif
#endif
#ifdef DECLARE
        table = OF_B;
#endif
        run C();
#endif
        run Watch()
    }
}
