/* (g) A request against waits (src/graph/cancel.h, K1).
 *
 *   Waiter (1) is in the scope of a token and waits; then it leaves the scope, the token goes, and it
 *              waits once more, outside.
 *   Asker  (2) requests the token: sets its flag, looks at the waiter's word, pins the record, reads
 *              whose scope it is, ends the wait.
 *   Giver  (3) ends the first wait or leaves it to the request, and ends the second.
 *
 * Assertions, by the names that run.sh looks for:
 *   missed      at rest somebody still sleeps: neither the wait nor the request saw the other
 *   hit_later   the second wait was cancelled
 *   dead_token  the asker looks at a token that is gone
 *   got_here    no error: the proof that a point is reached at all (faults REACH_...) */
#define N 3

/* Numbers apart from those of detector.pml: run.sh looks into both. */
#define PLAIN_BEGIN    31
#define PLAIN_REQUEST  32
#define LOOK_FIRST     33
#define NO_PIN         34
#define REACH_BY_ASKER 35
#define REACH_BY_SELF  36
#define REACH_GRANTED  37
#define FAULT(f) ((f) == fault)

/* The word: epoch * 16 + state. */
#define IDLE      0
#define WAITING   1
#define GRANTED   2
#define CANCELLED 3
#define WORD_OF(epoch, state) ((epoch) * 16 + (state))
#define STATE(w) ((w) & 15)

#define WORD  0
#define FLAG  1
#define SCOPE 2 /* 1: the waiter's token is the requested one */
#define PIN   3
#define CELLS 4
#include "memory.pml"

byte done;
bit is_gone; /* ghost: the token's memory */
bit missed, hit_later, dead_token, got_here;

inline lock_pin()
{
    d_step { DRAINED && mem[PIN] == 0 -> mem[PIN] = me }
}

inline unlock_pin()
{
    store(PIN, 0)
}

proctype Waiter(byte me, fault)
{
    bit ok, is_seen;

    if
    :: FAULT(LOOK_FIRST) -> is_seen = LOAD(FLAG)
    :: else
    fi;
    if
    :: FAULT(PLAIN_BEGIN) -> store(WORD, WORD_OF(1, WAITING))
    :: else -> exchange(WORD, WORD_OF(1, WAITING))
    fi;
    if
    :: !FAULT(LOOK_FIRST) -> is_seen = LOAD(FLAG)
    :: else
    fi;
    if
    :: is_seen ->
        cas(WORD, WORD_OF(1, WAITING), WORD_OF(1, CANCELLED), ok);
        got_here = (ok && FAULT(REACH_BY_SELF));
        assert(!got_here)
    :: else
    fi;
    STATE(LOAD(WORD)) != WAITING; /* asleep */
    got_here = (STATE(LOAD(WORD)) == GRANTED && FAULT(REACH_GRANTED)) ||
               (STATE(LOAD(WORD)) == CANCELLED && !ok && FAULT(REACH_BY_ASKER));
    assert(!got_here);
    lock_pin();
    store(WORD, WORD_OF(1, IDLE));
    unlock_pin();

    store(SCOPE, 0);
    is_gone = 1;

    exchange(WORD, WORD_OF(2, WAITING));
    STATE(LOAD(WORD)) != WAITING;
    hit_later = (STATE(LOAD(WORD)) == CANCELLED);
    assert(!hit_later);
    done++
}

proctype Asker(byte me, fault)
{
    byte w;
    bit ok, is_in;

    if
    :: FAULT(PLAIN_REQUEST) -> store(FLAG, 1)
    :: else -> exchange(FLAG, 1)
    fi;
    w = LOAD(WORD);
    if
    :: STATE(w) == WAITING ->
        if
        :: FAULT(NO_PIN) -> ok = 1
        :: else -> lock_pin(); ok = (LOAD(WORD) == w)
        fi;
        if
        :: ok ->
            is_in = LOAD(SCOPE);
            dead_token = (is_in && is_gone); /* it follows the pointer now */
            assert(!dead_token)
        :: else
        fi;
        if
        :: is_in -> cas(WORD, w, WORD_OF(w / 16, CANCELLED), ok)
        :: else
        fi;
        if
        :: FAULT(NO_PIN)
        :: else -> unlock_pin()
        fi
    :: else
    fi;
    done++
}

proctype Giver(byte me, fault)
{
    bit ok;

    if
    :: cas(WORD, WORD_OF(1, WAITING), WORD_OF(1, GRANTED), ok)
    :: skip
    fi;
    LOAD(WORD) == WORD_OF(2, WAITING) || LOAD(WORD) == WORD_OF(2, CANCELLED);
    cas(WORD, WORD_OF(2, WAITING), WORD_OF(2, GRANTED), ok);
    done++
}

proctype Watch(byte fault)
{
    timeout ->
    missed = (done < N);
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
        mem[SCOPE] = 1;
        run Waiter(1, fault);
        run Asker(2, fault);
        run Giver(3, fault);
        run Drain();
        run Watch(fault)
    }
}
