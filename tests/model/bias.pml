/* (h) The biased slot: one slot, contexts that each lend it PAIRS times; -DCLEAR: somebody who clears;
 * -DCOPY: somebody who returns a copy of a lease, at any time after its holder has begun to; -DTAKERS: two
 * who take the bias back without wanting the slot.
 *
 * Every loan that is not made by bias earns one, if it may: so biases come and go as fast as they can.
 * Each context has a busy of its own, as its hint for the pool has; the slot says whose counts.
 * A context's stores to busy go through the FIFOs of memory.pml; the slot's word and all that is under
 * the pool's lock change by locked instructions, which act on memory once their own FIFO is empty.
 * The light barrier is nothing; the heavy one waits for each FIFO in turn to be empty.
 *
 * Assertions, by the names that run.sh looks for:
 *   lent_twice    a context got the slot while another had it
 *   stale_return  the return of a loan found that it was no loan
 *   returned_twice  two were told that they have returned one loan
 *   stale_loan    a loan that began after a clear had ended was of what was cleared
 *   missed        at rest somebody sleeps
 *   unit_lost     at rest the slot is not idle
 *   got_here      no error: the proof that a point is reached (faults REACH_...) */
#ifndef N
#define N 2
#endif
#ifndef PAIRS
#define PAIRS 3
#endif

#define NO_HEAVY        1 /* the revoker's barrier */
#define NO_LOOK_OUT     2 /* B1: the owner's second look, in a checkout */
#define NO_LOOK_IN      3 /* B2: in a checkin */
#define ONE_BUSY        4 /* busy is the slot's: all owners write the same */
#define EARN_EARLY      5 /* B3: who earns has looked at the control word before it has the lock */
#define NO_COUNT        6 /* B3: who has cleared takes no bias back */
#define SAME_TAG        7 /* after a verdict of idle no tag is left out */
#define QUEUE_BIASED    8 /* who queues takes no bias back */
#define NO_MARKS       14 /* B4: who judges does not look whether anything was marked since */
#define ANY_RETURN     15 /* B2: the owner takes what is no longer its own for seen idle */
#define REACH_BOTH     16 /* a return that another has made before */
#define REACH_REMARKED 17 /* something was marked since */
#define ONE_TAG        18 /* B2: idle_tag is the slot's, of the last bias of any owner */
#define REACH_OUT_LENT  9 /* a contested checkout that has succeeded */
#define REACH_OUT_IDLE 10 /* one that has not */
#define REACH_IN_LENT  11 /* a contested checkin: the return is yet to do */
#define REACH_IN_IDLE  12 /* it was seen */
#define REACH_LATE     13 /* an owner stores into busy while another has the bias */
#define FAULT(f)       ((f) == fault)
#define REACH(f)       got_here = FAULT(f); assert(!got_here)

#define WORD    0
#define BUSY(i) (FAULT(ONE_BUSY) -> 1 : (i))
#define CELLS   (N + 1)
#define OWN_TAG(i) (FAULT(ONE_TAG) -> 0 : (i))
#include "memory.pml"

/* The slot's word is tag * 8 + state; busy is tag * 2, + 1: it is idle. */
#define IDLE       0
#define LENT       1
#define BIASED     2
#define UNBIASING  3
#define STATE(w)   ((w) & 7)
#define TAG(w)     ((w) >> 3)
#define AS(tag, s) ((tag) * 8 + (s))

/* Under the pool's lock, or changed by one locked instruction. */
bit locked;
byte owner;           /* while it is biased: to whom */
bit is_biased;        /* the count of biased slots */
byte marks;           /* how often it was marked */
byte idle_tag[N + 1]; /* of the loan after which a context's last bias was found idle */
bit has_waiters;  /* in the control word */
bit generation;   /* in the control word: a clear has begun */
bit slot_is_old;  /* its resource is of the generation before */
byte queue;       /* a set of contexts */
byte granted[N + 1];

/* Ghosts. */
byte user;
byte done;
byte copied;      /* the tag of a lease of which somebody else returns a copy */
bit is_returned;  /* that lease: somebody has */
bit is_cleared;   /* the clear has ended */
hidden byte lent_twice, stale_return, stale_loan, returned_twice, missed, unit_lost, got_here;

#define MASK(i) (1 << (i))

inline take_lock()
{
    d_step { DRAINED && !locked -> locked = 1 }
}

inline drop_lock()
{
    d_step { DRAINED -> locked = 0 }
}

#if N >= 3
#define WAIT_FOR_THIRD fifo[3].n == 0
#else
#define WAIT_FOR_THIRD skip
#endif

inline mark()
{
    if
    :: STATE(mem[WORD]) == BIASED ->
        exchange(WORD, AS(TAG(mem[WORD]), UNBIASING));
        marks++
    :: else
    fi
}

inline heavy_barrier()
{
    if
    :: !FAULT(NO_HEAVY) -> fifo[1].n == 0; fifo[2].n == 0; WAIT_FOR_THIRD
    :: else
    fi
}

/* With the lock, of what memory holds; an owner's own stores are there by then, too. */
inline judge()
{
    d_step {
        if
        :: STATE(mem[WORD]) == UNBIASING ->
            w = mem[BUSY(owner)];
            q = OWN_TAG(owner);
            idle_tag[q] = ((w & 1) -> w >> 1 : idle_tag[q]);
            w = ((w & 1) -> AS((w >> 1) + !FAULT(SAME_TAG), IDLE) : AS(w >> 1, LENT));
            mem[WORD] = w;
            is_biased = 0;
            w = 0;
            q = 0
        :: else
        fi
    }
}

/* With the lock. */
inline revoke()
{
    if
    :: is_biased ->
        mark();
        heavy_barrier();
        judge()
    :: else
    fi
}

/* Without it.  B4. */
inline revoke_unlocked()
{
    take_lock();
    if
    :: is_biased ->
        mark();
        seen_marks = marks;
        drop_lock();
        heavy_barrier();
        take_lock();
        if
        :: seen_marks == marks || FAULT(NO_MARKS) -> judge()
        :: else -> REACH(REACH_REMARKED); revoke()
        fi
    :: else
    fi;
    seen_marks = 0;
    drop_lock()
}

/* With the lock: the owner's own verdict.  Its FIFO is empty: it has the lock. */
inline conclude()
{
    if
    :: hint != 0 && mem[WORD] == AS(TAG(hint), UNBIASING) -> judge()
    :: else
    fi
}

/* With the lock: an idle slot goes to somebody who waits. */
inline serve()
{
    d_step {
        if
        :: STATE(mem[WORD]) == IDLE && queue != 0 ->
            q = ((queue & MASK(1)) -> 1 : ((queue & MASK(2)) -> 2 : N));
            mem[WORD] = AS(TAG(mem[WORD]) + 1, LENT);
            granted[q] = TAG(mem[WORD]);
            queue = queue & ~MASK(q);
            has_waiters = queue != 0;
            slot_is_old = 0; /* or it is closed, and opened anew */
            q = 0
        :: else
        fi
    }
}

/* A loan whose tag is t. */
inline begin_use(by_bias)
{
    d_step {
        lent_twice = user != 0;
        assert(!lent_twice);
        stale_loan = (by_bias && began_late && slot_is_old);
        assert(!stale_loan);
        user = me
    }
}

inline lend_by_bias()
{
    claim++;
    if
    :: STATE(mem[WORD]) == BIASED && owner != me -> REACH(REACH_LATE)
    :: else
    fi;
    store(BUSY(me), claim * 2);
    w = LOAD(WORD); /* B1 */
    if
    :: w == hint || FAULT(NO_LOOK_OUT) -> t = claim
    :: else ->
        take_lock();
        conclude();
        if
        :: mem[WORD] == AS(claim, LENT) -> t = claim; REACH(REACH_OUT_LENT)
        :: else -> REACH(REACH_OUT_IDLE)
        fi;
        hint = 0;
        drop_lock()
    fi
}

/* Take it if it is idle, by one compare-and-swap; t stays 0 otherwise. */
inline claim_idle()
{
    w = LOAD(WORD);
    if
    :: STATE(w) == IDLE ->
        cas(WORD, w, AS(TAG(w) + 1, LENT), ok);
        d_step {
            if
            :: ok -> t = TAG(w) + 1; slot_is_old = 0
            :: else
            fi;
            ok = 0
        }
    :: else
    fi
}

inline queue_up()
{
    take_lock();
    has_waiters = 1;
    if
    :: !FAULT(QUEUE_BIASED) -> revoke()
    :: else
    fi;
    if
    :: queue == 0 -> claim_idle()
    :: else
    fi;
    d_step {
        queue = (t == 0 -> queue | MASK(me) : queue);
        has_waiters = queue != 0;
        w = 0
    }
    drop_lock();
    if
    :: t == 0 -> d_step { granted[me] != 0 -> t = granted[me]; granted[me] = 0 }
    :: else
    fi
}

inline earn()
{
    ok = !has_waiters && !generation; /* for EARN_EARLY */
    take_lock();
    if
    :: hint != 0 -> conclude(); hint = 0
    :: else
    fi;
    if
    :: (FAULT(EARN_EARLY) -> ok : !has_waiters && (generation -> !slot_is_old : 1)) ->
        d_step {
            owner = me;
            is_biased = 1;
            claim = t
        }
        store(BUSY(me), claim * 2);
        hint = AS(t, BIASED);
        exchange(WORD, hint)
    :: else
    fi;
    ok = 0;
    drop_lock()
}

inline checkout()
{
    d_step { began_late = is_cleared; t = 0 }
    if
    :: hint != 0 && LOAD(WORD) == hint -> lend_by_bias()
    :: else
    fi;
    if
    :: t != 0 -> begin_use(1)
    :: else ->
        if
        :: !has_waiters -> claim_idle()
        :: else
        fi;
        if
        :: t == 0 -> queue_up()
        :: else
        fi;
        begin_use(0);
        earn()
    fi
}

/* Somebody has returned the loan with tag t, and is told so. */
inline count_return()
{
    d_step {
        if
        :: t == copied ->
            returned_twice = is_returned;
            assert(!returned_twice);
            is_returned = 1
        :: else
        fi
    }
}

inline return_lent()
{
    if
    :: STATE(LOAD(WORD)) >= BIASED -> revoke_unlocked()
    :: else
    fi;
    cas(WORD, AS(t, LENT), AS(t, IDLE), ok);
    if
    :: ok ->
        count_return();
        if
        :: has_waiters -> take_lock(); serve(); drop_lock() /* S2 */
        :: else
        fi
    :: else -> stale_return = t != copied; assert(!stale_return)
    fi;
    ok = 0
}

inline checkin()
{
    d_step {
        lent_twice = user != me;
        assert(!lent_twice);
        user = 0;
#ifdef COPY
        copied = (copied == 0 -> t : copied)
#endif
    }
    if
    :: hint != 0 && claim == t && LOAD(WORD) == hint ->
        store(BUSY(me), claim * 2 + 1);
        w = LOAD(WORD); /* B2 */
        if
        :: w == hint || FAULT(NO_LOOK_IN) -> count_return()
        :: else ->
            take_lock();
            conclude();
            w = mem[WORD];
            ok = idle_tag[OWN_TAG(me)] == t;
            drop_lock();
            if
            :: w == AS(t, LENT) -> ok = 0; REACH(REACH_IN_LENT); return_lent()
            :: w != AS(t, LENT) && (ok || FAULT(ANY_RETURN)) ->
                ok = 0;
                REACH(REACH_IN_IDLE);
                count_return()
            :: else -> REACH(REACH_BOTH); stale_return = t != copied; assert(!stale_return)
            fi
        fi
    :: else -> return_lent()
    fi;
    w = 0
}

proctype Ctx(byte me, fault)
{
    byte hint, claim, t, w, q, left = PAIRS;
    byte seen_marks;
    bit ok, began_late;
    do
    :: left > 0 ->
        checkout();
        checkin();
        left--
    :: else -> break
    od;
    done++
}

/* Returns a copy of a lease while its holder does. */
proctype Copier(byte me, fault)
{
    byte w, q, t;
    byte seen_marks;
    bit ok;
    if
    :: d_step { copied != 0 -> t = copied }
       return_lent()
    :: timeout /* nobody has returned anything */
    fi
}

/* Takes biases back, for whatever reason. */
proctype Taker(byte me, fault)
{
    byte w, q;
    byte seen_marks;
    revoke_unlocked()
}

/* Has a FIFO of its own, which stays empty. */
proctype Clear(byte me, fault)
{
    byte w, q;
    byte seen_marks;
    take_lock();
    d_step { generation = 1; slot_is_old = 1 }
    drop_lock();
    if
    :: is_biased && !FAULT(NO_COUNT) -> revoke_unlocked()
    :: else
    fi;
    is_cleared = 1
}

/* Runs when nothing else can: every context has ended, or sleeps for ever. */
proctype Watch(byte fault)
{
    timeout ->
    missed = done < N;
    assert(!missed);
    unit_lost = !(STATE(mem[WORD]) == IDLE || (STATE(mem[WORD]) == BIASED && (mem[BUSY(owner)] & 1)));
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
        run Ctx(1, fault);
        run Ctx(2, fault);
#if N >= 3
        run Ctx(3, fault);
#endif
#ifdef CLEAR
        run Clear(0, fault);
#endif
#ifdef COPY
        run Copier(0, fault);
#endif
#ifdef TAKERS
        run Taker(0, fault);
        run Taker(0, fault);
#endif
        run Drain();
        run Watch(fault)
    }
}
