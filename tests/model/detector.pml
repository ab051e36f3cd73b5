/* The protocol: publish, look, verify; and the locks and pools whose waits it watches.
 *
 * A scenario defines these and includes this file:
 *   N, UNITS              contexts are 1..N (nobody is 0; N is 2 or 3), units are 0..UNITS-1
 *   FIRST(r), CAP(r)      the units of resource r: FIRST(r) .. FIRST(r)+CAP(r)-1
 *   RES(u)                the resource of unit u
 *   IS_POOL(r)            1: units are handed to a waiter.  0: a lock; its waiter is woken and tries
 *                         again, and others may barge in before it
 *   NEED(c,r)             how many units of r context c asks for (1, but for a writer)
 *   CAN_TAKE(c,r)         whether c is worth waking for lock r (a writer: only if all of it is free)
 *   STEPS(c), DO(c,k)     the script of c: step k takes a resource, or is GIVE_ALL; the last one is
 *   HOLDER(u)             who holds unit u at the start
 *   SLEEPS_FIRST          a context that sleeps before the others begin, or 0: fewer orders, fewer
 *                         states.  -DANY_ORDER lifts it everywhere (run.sh --any-order)
 *   TIMED(c)              1: the waits of c may time out at any moment (at most one such c)
 *   CANCELLED(c)          1: the waits of c may be cancelled from outside at any moment
 *   AFTER_TIMEOUT(c,k)    the step that c goes to when it timed out, or was cancelled, at step k
 *   MAX_KILLS             more victims than this are too many
 *   AT_REST               what must hold when nothing can move any more
 *
 * Processes: Ctx(1) .. Ctx(N) are the contexts, Drain is the hardware behind their stores, Watch runs
 * only when nobody else can.
 *
 * Assertions, by the names that run.sh looks for:
 *   missed         at rest somebody still sleeps: a deadlock without a victim, or a lost wake-up
 *   false_alarm    a victim; but by the ghosts its set was not deadlocked when it was verified, or the
 *                  victim is not at the instant its wait is ended
 *   second_victim  more victims than the set needed
 *   wrong_end      at rest, AT_REST does not hold
 *   got_here       no error: the proof that a point is reached at all (faults REACH_...) */

/* A run may have one fault: a stone taken out of the protocol (README.md says what then falls) or an
 * assertion put where a run should come by.  The checker takes its number from the environment
 * variable FAULT, so that one build serves all; -DFAULT_IS=name fixes it, for replaying a trail. */
#define PLAIN_PUBLISH     1
#define PLAIN_UNLOCK      2
#define HOLDER_FIRST      3
#define NO_DETECTOR_LOCK  4
#define NO_VERIFY         5
#define NO_PASS2          6
#define NO_PASS3          7
#define NO_EPOCH          8
#define NO_RETRY          9
#define ANY_RUNNING       10
#define CLOSERS_ONLY      11
#define USEFUL_ONLY       12
#define ANY_MEMBER        13
#define ANY_DEADLINE      14
#define ONE_KILL          15
#define REACH_VICTIM      16
#define REACH_NO_VICTIM   17
#define REACH_REJECTION   18
#define FAULT(f) ((f) == fault) /* a constant parameter of every process */

#define GIVE_ALL 99

/* A unit's cell is its owner word (lock) or its slot's holder (pool): the id of a context, or */
#define FREE   0
#define FLIGHT 15 /* taken or handed on, its holder not written yet: environment, as FREE is */

/* A wait word is epoch * 16 + state.  The epoch is odd while a wait is on or has just ended. */
#define IDLE     0
#define WAITING  1
#define WOKEN    2
#define TIMEDOUT 3 /* or cancelled */
#define VICTIM   4
#define GRANTED  8 /* + the unit; in C the unit may be a field beside the word */
#define STATE(w) ((w) & 15)
#define EPOCH(w) ((w) & 240)

/* The cells of memory. */
#define WORD(c)       (c)
#define REC(c)        (N + (c)) /* what c waits for: means something while WORD(c) is WAITING */
#define UNIT(u)       (2 * N + 1 + (u))
#define DETECTOR_LOCK (2 * N + 1 + UNITS)
#define POOL_LOCK     (2 * N + 2 + UNITS)
#define CELLS         (2 * N + 3 + UNITS)

#include "memory.pml"

#define MASK(i)   (1 << (i))
#define HAS(s, i) (((s) >> (i)) & 1)
#define END(r)    (FIRST(r) + CAP(r))
#ifdef ANY_ORDER
#undef SLEEPS_FIRST
#define SLEEPS_FIRST 0
#endif
#define ANY_CANCELLED (CANCELLED(1) || CANCELLED(2) || CANCELLED(N))

/* The detector's and the pool's lock: taken with a compare-and-swap, given back with a plain store. */
inline lock(a)
{
    d_step {
        DRAINED && (mem[a] == 0 || (FAULT(NO_DETECTOR_LOCK) && a == DETECTOR_LOCK)) ->
        mem[a] = me
    }
}

inline unlock(a)
{
    store(a, 0)
}

/* Ghosts: only assertions read them. */
byte held[UNITS]; /* whose each unit truly is: from the grant until its release begins */
byte kills;       /* victims declared */
byte done;        /* contexts that have ended */
bit begun;        /* SLEEPS_FIRST has finished its first look */
hidden byte missed, false_alarm, second_victim, wrong_end, got_here;

/* Scratch of d_step blocks: dead between two steps, so no part of the state. */
hidden byte h_c, h_u, h_n, h_more, h_S;
hidden byte h_holds[UNITS];
hidden byte h_wants[N + 1];

/* ------------------------------------------------------------------------------------------------
 * The reduction.  Take from h_S, until nothing changes, whoever is served by the units that h_S does
 * not hold: what is left is deadlocked.  h_holds[u] is the holder of unit u, h_wants[c] what c waits
 * for. */
inline reduce()
{
    h_more = 1;
    do
    :: h_more ->
        h_more = 0;
        h_c = 1;
        do
        :: h_c > N -> break
        :: else ->
            if
            :: HAS(h_S, h_c) ->
                h_n = 0;
                h_u = FIRST(h_wants[h_c]);
                do
                :: h_u < END(h_wants[h_c]) -> h_n = h_n + !HAS(h_S, h_holds[h_u]); h_u++
                :: else -> break
                od;
                if
                :: h_n >= NEED(h_c, h_wants[h_c]) -> h_S = h_S & ~MASK(h_c); h_more = 1
                :: else
                fi
            :: else
            fi;
            h_c++
        od
    :: else -> break
    od
}

/* What remains of `set` by my evidence, into h_S. */
inline reduce_seen(set)
{
    h_S = set;
    h_c = 1;
    do
    :: h_c <= N -> h_wants[h_c] = sr[h_c]; h_c++
    :: else -> break
    od;
    h_u = 0;
    do
    :: h_u < UNITS -> h_holds[h_u] = su[h_u]; h_u++
    :: else -> break
    od;
    reduce()
}

/* The truth at this instant, into h_S: who sleeps and can never be served. */
inline reduce_truth()
{
    h_S = 0;
    h_c = 1;
    do
    :: h_c <= N ->
        h_wants[h_c] = mem[REC(h_c)];
        h_S = h_S | (STATE(mem[WORD(h_c)]) == WAITING -> MASK(h_c) : 0);
        h_c++
    :: else -> break
    od;
    h_u = 0;
    do
    :: h_u < UNITS -> h_holds[h_u] = held[h_u]; h_u++
    :: else -> break
    od;
    reduce()
}

/* ------------------------------------------------------------------------------------------------
 * Publish: the record's fields, then the word with one exchange. */
inline publish()
{
    store(REC(me), r);
    if
    :: d_step {
        DRAINED && !FAULT(PLAIN_PUBLISH) ->
        assert(STATE(mem[WORD(me)]) == IDLE && EPOCH(mem[WORD(me)]) < 14 * 16);
        w = mem[WORD(me)] + 16 + WAITING;
        mem[WORD(me)] = w
       }
    :: FAULT(PLAIN_PUBLISH) -> w = LOAD(WORD(me)) + 16 + WAITING; store(WORD(me), w)
    fi
}

/* ------------------------------------------------------------------------------------------------
 * Pass 1: the closure of blocked holders, one load at a time.  M is its members, with their words in
 * sw[] and resources in sr[]; R is the resources read, the holders of their units in su[].  Leaves D,
 * the deadlocked part of M by this evidence, and `spare`, how many units of mine were free. */
inline collect()
{
    d_step { M = MASK(me); todo = M; seen = M; R = 0; sw[me] = w; spare = 0 };
    do
    :: todo != 0 ->
        d_step {
            t = 1;
            do
            :: !HAS(todo, t) -> t++
            :: else -> break
            od;
            todo = todo & ~MASK(t);
            sr[t] = LOAD(REC(t));
            u = (HAS(R, sr[t]) -> END(sr[t]) : FIRST(sr[t]));
            R = R | MASK(sr[t]);
            avail = 0
        };
        do
        :: u < END(sr[t]) ->
            d_step {
                x = LOAD(UNIT(u));
                su[u] = x;
                /* Queued for a pool, no unit of it is free: the pool's lock sees to that. */
                assert(!(x == FREE && IS_POOL(r) && t == me && mem[WORD(me)] == w));
                spare = spare + (t == me && x == FREE);
                avail = avail + (x == FREE || x == FLIGHT);
                u++
            };
            if
            :: x != FREE && x != FLIGHT && !HAS(seen, x) ->
                d_step {
                    seen = seen | MASK(x);
                    sw[x] = LOAD(WORD(x));
                    if
                    :: STATE(sw[x]) == WAITING -> M = M | MASK(x); todo = todo | MASK(x)
                    :: else -> sw[x] = 0; avail++
                    fi
                }
            :: else
            fi
        :: else -> break
        od;
        if /* the first hop: what is free, in flight or held by the running is enough for me */
        :: t == me && avail >= (FAULT(ANY_RUNNING) -> 1 : NEED(me, r)) -> M = 0; todo = 0
        :: else
        fi
    :: else ->
        d_step {
            reduce_seen(M);
            D = h_S;
            if
            :: FAULT(CLOSERS_ONLY) -> /* a deadlock without me as well: older, its closer's business */
                reduce_seen(D & ~MASK(me));
                D = (h_S == (D & ~MASK(me)) -> 0 : D)
            :: else
            fi
        };
        break
    od
}

#define SAME(word, seen) ((word) == (seen) || (FAULT(NO_EPOCH) && STATE(word) == STATE(seen)))

/* Pass 2: re-read every unit that D holds and D waits for.  Pass 3: re-read the words of D. */
inline verify()
{
    d_step { ok = 1; u = (FAULT(NO_PASS2) || FAULT(NO_VERIFY) -> UNITS : 0) };
    do
    :: u < UNITS && ok ->
        d_step {
            t = 1; /* who of D waits for this unit's resource? */
            do
            :: t <= N && !(HAS(D, t) && sr[t] == RES(u)) -> t++
            :: else -> break
            od;
            if
            :: t <= N && HAS(D, su[u]) -> ok = (LOAD(UNIT(u)) == su[u])
            :: else
            fi;
            u++
        }
    :: else ->
        d_step {
            reduce_truth();
            real = ((D & ~h_S) == 0); /* ghost: was all of D deadlocked, between the two passes? */
            t = (FAULT(NO_PASS3) || FAULT(NO_VERIFY) -> N + 1 : 1)
        };
        break
    od;
    do
    :: t <= N && ok ->
        d_step {
            if
            :: HAS(D, t) -> ok = SAME(LOAD(WORD(t)), sw[t])
            :: else
            fi;
            t++
        }
    :: else -> break
    od
}

/* The victim: a member whose removal frees somebody else of D; if there is none, two must go before
 * anybody is free, so any member.  The earliest deadline first: here, whoever has one.  Among the rest
 * every choice is tried. */
inline choose_victim()
{
    d_step {
        M = 0;
        R = 0; /* who has a deadline */
        t = 1;
        do
        :: t <= N ->
            if
            :: HAS(D, t) ->
                reduce_seen(D & ~MASK(t));
                M = M | (h_S != (D & ~MASK(t)) -> MASK(t) : 0);
                R = R | (TIMED(t) -> MASK(t) : 0)
            :: else
            fi;
            t++
        :: else -> break
        od;
        M = ((M == 0 && !FAULT(USEFUL_ONLY)) || FAULT(ANY_MEMBER) -> D : M);
        M = ((M & R) != 0 && !FAULT(ANY_DEADLINE) -> M & R : M);
        R = 0
    };
    if
    :: HAS(M, 1) -> v = 1
    :: HAS(M, 2) -> v = 2
#if N >= 3
    :: HAS(M, 3) -> v = 3
#endif
    :: M == 0 -> v = 0
    fi
}

/* The compare-and-swap that ends the victim's wait.  What is left of D is reduced again. */
inline kill()
{
    d_step {
        DRAINED ->
        if
        :: mem[WORD(v)] == sw[v] ->
            reduce_truth();
            false_alarm = !real || !(HAS(h_S, v) || ANY_CANCELLED);
            kills++;
            second_victim = (kills > MAX_KILLS);
            assert(!second_victim);
            assert(!false_alarm);
            got_here = FAULT(REACH_VICTIM);
            assert(!got_here);
            mem[WORD(v)] = sw[v] - WAITING + VICTIM;
            reduce_seen(D & ~MASK(v));
            D = (FAULT(ONE_KILL) -> 0 : h_S)
        :: else -> ok = 0
        fi
    }
}

/* Under the detector's lock: verify, then victims one by one until the rest of D can proceed. */
inline confirm()
{
    lock(DETECTOR_LOCK);
    verify();
    do
    :: ok && D != 0 ->
        choose_victim();
        if
        :: v != 0 -> kill()
        :: else -> D = 0
        fi
    :: else -> break
    od;
    unlock(DETECTOR_LOCK)
}

/* ------------------------------------------------------------------------------------------------
 * Look: from the publish until nothing is left to do but to sleep. */
inline look()
{
    do
    :: LOAD(WORD(me)) != w -> break /* somebody has ended my wait */
    :: else ->
        collect();
        if
        :: spare >= NEED(me, r) -> cas(WORD(me), w, w - WAITING + WOKEN, ok); break
        :: spare < NEED(me, r) && !HAS(D, me) -> break /* somebody will serve me */
        :: spare < NEED(me, r) && HAS(D, me) ->
            confirm();
            if
            :: ok || FAULT(NO_RETRY) -> break
            :: else -> /* D changed under our eyes: look again */
                got_here = FAULT(REACH_REJECTION);
                assert(!got_here)
            fi
        fi
    od;
    skip; /* Promela: no jump may end at a d_step */
    d_step { /* forget, so that equal states are equal */
        M = 0; D = 0; R = 0; todo = 0; seen = 0; spare = 0; avail = 0; real = 0; ok = 0; v = 0;
        t = 1;
        do
        :: t <= N -> sw[t] = 0; sr[t] = 0; t++
        :: else -> break
        od;
        u = 0;
        do
        :: u < UNITS -> su[u] = 0; u++
        :: else -> break
        od;
        t = 0; u = 0; x = 0;
        begun = begun || (me == SLEEPS_FIRST)
    }
}

/* A whole wait.  w is left as the word that ended it. */
inline wait()
{
    publish();
    if
    :: IS_POOL(r) -> unlock(POOL_LOCK)
    :: else
    fi;
    look();
    if
    :: LOAD(WORD(me)) != w
    :: TIMED(me) || CANCELLED(me) -> cas(WORD(me), w, w - WAITING + TIMEDOUT, ok); ok = 0
    fi;
    w = LOAD(WORD(me));
    if
    :: STATE(w) >= GRANTED -> /* the unit becomes mine by my own hand, and only now */
        mine = mine | MASK(STATE(w) - GRANTED);
        store(UNIT(STATE(w) - GRANTED), me)
    :: else
    fi;
    store(WORD(me), EPOCH(w) + 16) /* retract: IDLE, next epoch */
}

/* ------------------------------------------------------------------------------------------------
 * Taking and giving back.
 * Take all the units needed or none, in one step: a lock word's compare-and-swap, a free list's pop.
 * A pool's holder is written after that, with a plain store. */
inline try_take()
{
    d_step {
        DRAINED ->
        t = 0;
        u = FIRST(r);
        do
        :: u < END(r) -> t = t + (mem[UNIT(u)] == FREE); u++
        :: else -> break
        od;
        ok = (t >= NEED(me, r));
        x = (ok -> NEED(me, r) : 0);
        t = 0;
        u = FIRST(r);
        do
        :: x > 0 ->
            if
            :: mem[UNIT(u)] == FREE ->
                mem[UNIT(u)] = (IS_POOL(r) -> FLIGHT : me);
                held[u] = me;
                mine = mine | MASK(u);
                t = u;
                x--
            :: else
            fi;
            u++
        :: else -> break
        od;
        t = (IS_POOL(r) -> t : 0);
        u = 0
    }
}

/* Unit t was taken from a pool: write its holder, with the pool's lock already given back. */
inline took()
{
    if
    :: IS_POOL(r) -> unlock(POOL_LOCK); store(UNIT(t), me)
    :: else
    fi;
    t = 0
}

/* The waiter's wait ends; its hand on the unit, that is the holder, follows when it runs. */
inline grant()
{
    d_step {
        DRAINED ->
        if
        :: mem[WORD(t)] == x ->
            mem[WORD(t)] = x - WAITING + GRANTED + u;
            held[u] = t;
            ok = 1
        :: else -> ok = 0
        fi
    }
}

/* End the wait of context t, whose word was seen to be x: of a lock, wake it; of a pool, give it u. */
inline wake_or_grant()
{
    if
    :: !IS_POOL(r) -> cas(WORD(t), x, x - WAITING + WOKEN, ok)
    :: IS_POOL(r) && !FAULT(HOLDER_FIRST) -> grant()
    :: IS_POOL(r) && FAULT(HOLDER_FIRST) ->
        exchange(UNIT(u), t);
        grant();
        if
        :: !ok -> exchange(UNIT(u), FLIGHT)
        :: else
        fi
    fi
}

/* Find a waiter for r and end its wait; ok says whether one was found.  Two steps to know one: its
 * word, then its record.  A writer is woken only if all it needs is free. */
inline serve_a_waiter()
{
    ok = 0;
    t = 1;
    do
    :: t <= N && !ok ->
        x = LOAD(WORD(t));
        if
        :: STATE(x) == WAITING ->
            d_step { v = (LOAD(REC(t)) == r && (IS_POOL(r) || CAN_TAKE(t, r))) };
            if
            :: v -> wake_or_grant()
            :: else
            fi
        :: else
        fi;
        t++
    :: else -> break
    od;
    t = 0; x = 0; v = 0
}

inline give_back_to_lock()
{
    if
    :: d_step { DRAINED && !FAULT(PLAIN_UNLOCK) -> held[u] = 0; mem[UNIT(u)] = FREE }
    :: FAULT(PLAIN_UNLOCK) -> held[u] = 0; store(UNIT(u), FREE)
    fi;
    serve_a_waiter()
}

/* Under the pool's lock: into flight first; then to a waiter, or free. */
inline give_back_to_pool()
{
    lock(POOL_LOCK);
    held[u] = 0;
    store(UNIT(u), FLIGHT);
    serve_a_waiter();
    if
    :: ok
    :: else -> store(UNIT(u), FREE)
    fi;
    unlock(POOL_LOCK)
}

inline give_all()
{
    do
    :: u < UNITS ->
        if
        :: HAS(mine, u) ->
            r = RES(u);
            mine = mine & ~MASK(u);
            if
            :: IS_POOL(r) -> give_back_to_pool()
            :: else -> give_back_to_lock()
            fi;
            ok = 0
        :: else
        fi;
        u++
    :: else -> break
    od;
    u = 0
}

/* ------------------------------------------------------------------------------------------------
 * A context walks through its script.  A victim, and whoever else must, gives all back and ends. */
proctype Ctx(byte me, fault)
{
    byte k;    /* the step of the script */
    byte r;    /* the resource in hand */
    byte mine; /* the units I hold: my held table */
    byte w;    /* my wait's word */
    byte M, D, R, todo, seen, spare, avail;
    byte t, u, v, x;
    bit ok, real;
    byte sw[N + 1];
    byte sr[N + 1];
    byte su[UNITS];

    d_step {
        do
        :: u < UNITS -> mine = mine | (HOLDER(u) == me -> MASK(u) : 0); u++
        :: else -> break
        od;
        u = 0
    };
    SLEEPS_FIRST == 0 || SLEEPS_FIRST == me || begun;
    do
    :: k < STEPS(me) ->
        r = DO(me, k);
        if
        :: r == GIVE_ALL -> give_all(); k++
        :: r != GIVE_ALL ->
            if
            :: IS_POOL(r) -> lock(POOL_LOCK)
            :: else
            fi;
            try_take();
            if
            :: ok -> took(); k++
            :: else ->
                wait();
                if
                :: STATE(w) == WOKEN
                :: STATE(w) >= GRANTED -> k++
                :: STATE(w) == TIMEDOUT -> k = AFTER_TIMEOUT(me, k)
                :: STATE(w) == VICTIM -> k = STEPS(me) - 1
                fi
            fi
        fi;
        r = 0; w = 0; ok = 0
    :: else -> break
    od;
    done++
}

/* Runs when nothing else can: every context has ended, or sleeps for ever. */
proctype Watch(byte fault)
{
    timeout ->
    missed = (done < N);
    assert(!missed);
    wrong_end = !(AT_REST);
    assert(!wrong_end);
    got_here = (FAULT(REACH_NO_VICTIM) && kills == 0);
    assert(!got_here)
}

init
{
    byte u, fault;
#ifdef FAULT_IS
    fault = FAULT_IS;
#else
    c_code { Pinit->fault = getenv("FAULT") ? atoi(getenv("FAULT")) : 0; };
#endif
    atomic {
        do
        :: u < UNITS -> mem[UNIT(u)] = HOLDER(u); held[u] = HOLDER(u); u++
        :: else -> break
        od;
        run Ctx(1, fault);
        run Ctx(2, fault);
#if N >= 3
        run Ctx(3, fault);
#endif
        run Drain();
        run Watch(fault)
    }
}
