/* (l) The rwlock: its word, its queue, and how neither loses anybody (src/sync/rwlock_wait.c).
 *
 *   Reader    counts itself, looks at what was there, reads or takes itself out and queues.
 *   Writer    takes a free word, or queues; it may also read first and write with the same lock held
 *             upgradable (with -DUPGRADE_FIRST contexts 1 and 2 do).
 * Each takes the lock ROUNDS times.  A wait of those in TIMED may end by itself at any moment.
 *
 * All that happens here are read-modify-write operations on one word, and a lock around the queue: there is
 * no store buffer to get wrong, so every step is one.
 *
 * Assertions, by the names that run.sh looks for:
 *   beside      somebody is in the lock beside a writer, or two are upgradable
 *   missed      at rest somebody still sleeps
 *   got_here    no error: the proof that a point is reached at all (faults REACH_...) */
#ifndef ROUNDS
#define ROUNDS 1
#endif
#define TIMED(c) ((c) == 2)
#define STAYS(c) skip

#ifdef BEHIND /* a reader stays until the other has read, which queues behind a writer that gives up */
#define N 3
#define CAST run Reader(1); run Writer(2); run Reader(3)
#undef STAYS
#define STAYS(c) ((c) != 1 || done == 2)
#endif

#ifdef FOUR
#define N 4
#define CAST run Writer(1); run Writer(2); run Reader(3); run Reader(4)
#endif


#ifdef UPGRADE_FIRST
#define N 4
#define CAST run Writer(1); run Writer(2); run Reader(3); run Writer(4)
#endif

#ifndef N
#define N 3
#define CAST run Writer(1); run Writer(2); run Reader(3)
#endif

#define NO_LOOK_BACK   71 /* who queues looks at what QUEUED was set on (R3) */
#define NO_SETTLE      72 /* who gives up sees to those behind */
#define NO_ANSWER      73 /* who counted himself in vain serves when he goes */
#define BELIEVE        74 /* a reader reads only once it has seen no writer (R2) */
#define BLIND_HAND     75 /* a writer is handed a word without readers */
#define NO_CHAIN       76 /* who was woken and has the lock sees to those behind */
#define NO_BUCKET      77 /* who was handed the lock takes the bucket's before he believes it (R4) */
#define ANY_FIRST      82 /* nobody goes ahead of an upgrade */
#define REACH_HANDED   78
#define REACH_WOKEN    79
#define REACH_IN_VAIN  80
#define REACH_SPUN     81
#define FAULT(f) ((f) == fault)

/* What is wanted. */
#define READ       1
#define UPGRADABLE 2
#define WRITE      3
#define UPGRADE    4

/* The word. */
byte readers, key;
bit is_written, is_queued, has_starved;

#define FITS(m)                                                          \
    ((m) == READ && !is_written || (m) == UPGRADABLE && !key && !is_written || \
     (m) == WRITE && !key && !is_written && !readers || (m) == UPGRADE && !is_written && !readers)
#define IS_FREE (!key && !is_written && !readers)

/* The queue, under the bucket's lock, and the waits' words. */
#define IDLE      0
#define WAITING   1
#define WOKEN     2
#define GRANTED   3
#define TIMED_OUT 4
byte bucket;
byte queue[N], queued;
byte wants[N + 1], state[N + 1];

byte fault, done;
byte reading, upgradable, writing; /* ghosts: who is inside by his own word */
bit beside, missed, got_here;

#define CHECK_INSIDE                                                                        \
    beside = (writing > 1 || upgradable > 1 || writing == 1 && (reading > 0 || upgradable > 0)); \
    assert(!beside)

inline lock_bucket()
{
    atomic { bucket == 0 -> bucket = me }
}

inline unlock_bucket()
{
    bucket = 0
}

inline find_waiting()
{
    d_step {
        first = 0;
        i = 0;
        do
        :: i < queued && first == 0 ->
            if
            :: state[queue[i]] == WAITING -> first = queue[i]
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0
    }
}

inline remove(who)
{
    i = 0;
    do
    :: i < queued && queue[i] != who -> i++
    :: else -> break
    od;
    if
    :: i < queued ->
        do
        :: i + 1 < queued -> queue[i] = queue[i + 1]; i++
        :: else -> break
        od;
        queued--;
        queue[queued] = 0
    :: else
    fi;
    i = 0
}

/* In front, but behind an upgrade, whose caller holds what the others want. */
inline push(who, at_front)
{
    i = queued;
    do
    :: i > 0 && at_front && (i > 1 || wants[who] == UPGRADE || wants[queue[0]] != UPGRADE || FAULT(ANY_FIRST)) ->
        queue[i] = queue[i - 1];
        i--
    :: else -> break
    od;
    queue[i] = who;
    queued++;
    i = 0
}

/* The wait ends, unless it has. */
inline end_wait(who, end)
{
    d_step {
        ok = (state[who] == WAITING);
        if
        :: ok -> state[who] = end; remove(who); woken++
        :: else
        fi
    }
}

inline hand_on()
{
    do
    :: find_waiting();
        if
        :: first == 0 -> break
        :: else
        fi;
        d_step { /* what names nobody, by compare-and-swap */
            ok = FITS(wants[first]) || (FAULT(BLIND_HAND) && wants[first] == WRITE && !key && !is_written);
            if
            :: ok && wants[first] == READ -> readers++
            :: ok && wants[first] == WRITE -> is_written = 1
            :: ok && wants[first] == UPGRADE -> is_written = 1; key = 0
            :: else
            fi
        }
        if
        :: !ok -> break
        :: else
        fi;
        end_wait(first, GRANTED);
        d_step {
            if
            :: ok && wants[first] != READ -> key = first
            :: !ok && wants[first] == READ -> readers--
            :: !ok && wants[first] == WRITE -> is_written = 0
            :: !ok && wants[first] == UPGRADE -> is_written = 0; key = first
            :: else
            fi
        }
    od;
    skip;
    d_step {
        if
        :: woken > 0 -> has_starved = 0; is_queued = (queued > 0)
        :: else
        fi
    }
}

inline wake_on()
{
    do
    :: find_waiting();
        if
        :: first == 0 || (woken > 0 && wants[first] != READ) -> break
        :: else
        fi;
        end_wait(first, WOKEN);
        if
        :: ok && wants[first] == WRITE -> break
        :: else
        fi
    od;
    skip;
    d_step {
        if
        :: woken > 0 -> is_queued = 0; has_starved = 0
        :: else
        fi
    }
}

inline serve()
{
    woken = 0;
    find_waiting();
    if
    :: first == 0
    :: else ->
        d_step { is_queued = 1; ok = FITS(wants[first]); must_hand = has_starved || wants[first] == UPGRADE }
        if
        :: ok && must_hand -> hand_on()
        :: ok && !must_hand -> wake_on()
        :: else
        fi
    fi;
    first = 0; ok = 0; must_hand = 0; woken = 0
}

/* The end of a visit of the bucket. */
inline settle()
{
    if
    :: queued > 0 -> serve()
    :: else -> d_step { is_queued = 0; has_starved = 0 }
    fi;
    unlock_bucket()
}

/* The same by one who has let go. */
inline serve_from_outside()
{
    lock_bucket();
    if
    :: queued > 0 -> serve()
    :: else
    fi;
    unlock_bucket()
}

/* The slow way.  has_it says how it ends. */
inline wait_for(m)
{
    do
    :: lock_bucket();
        if
        :: is_counted -> readers--; is_counted = 0
        :: else
        fi;
        find_waiting();
        d_step {
            has_it = (goes_first || first == 0 || (IS_FREE && !has_starved)) && FITS(m);
            if
            :: has_it && m == READ -> readers++
            :: has_it && m == UPGRADABLE -> key = me
            :: has_it && m == WRITE -> key = me; is_written = 1
            :: has_it && m == UPGRADE -> is_written = 1
            :: else
            fi;
            if
            :: has_it && goes_first -> has_starved = 0
            :: else
            fi;
            first = 0
        }
        if
        :: has_it ->
            if
            :: FAULT(NO_CHAIN) -> unlock_bucket()
            :: else -> settle()
            fi;
            break
        :: else
        fi;
        if
        :: goes_first -> has_starved = 1
        :: skip
        fi;
        d_step { wants[me] = m; state[me] = WAITING; push(me, goes_first) }
        if
        :: FAULT(NO_LOOK_BACK) -> is_queued = 1; unlock_bucket()
        :: else -> settle()
        fi;
        if
        :: state[me] != WAITING
        :: atomic { TIMED(me) && state[me] == WAITING -> state[me] = TIMED_OUT }
        fi;
        if
        :: FAULT(NO_BUCKET) && state[me] == GRANTED -> has_it = 1; state[me] = IDLE; break
        :: else
        fi;
        lock_bucket();
        d_step { remove(me) }
        if
        :: state[me] == WOKEN -> unlock_bucket(); got_here = FAULT(REACH_WOKEN); assert(!got_here)
        :: state[me] == GRANTED -> has_it = 1; got_here = FAULT(REACH_HANDED); assert(!got_here); settle()
        :: state[me] == TIMED_OUT && FAULT(NO_SETTLE) -> unlock_bucket()
        :: state[me] == TIMED_OUT && !FAULT(NO_SETTLE) -> settle()
        fi;
        goes_first = 1;
        if
        :: state[me] == WOKEN -> state[me] = IDLE
        :: else -> state[me] = IDLE; break
        fi
    od;
    goes_first = 0
}

inline let_go_of_key()
{
    d_step { ok = is_queued; is_written = 0; key = 0 }
    if
    :: ok -> serve_from_outside()
    :: else
    fi;
    ok = 0
}

proctype Reader(byte me)
{
    byte first, i, woken, rounds;
    bit ok, must_hand, is_counted, has_it, goes_first, saw_writer;

    do
    :: rounds < ROUNDS ->
        rounds++;
        d_step { saw_writer = is_written; ok = is_queued; readers++ }
        has_it = (!saw_writer && !ok) || FAULT(BELIEVE);
        is_counted = !has_it;
        ok = 0;
        if
        :: is_counted && saw_writer -> /* a few looks, or none */
            if
            :: !is_written -> has_it = 1; is_counted = 0; got_here = FAULT(REACH_SPUN); assert(!got_here)
            :: skip
            fi
        :: else
        fi;
        saw_writer = 0;
        if
        :: is_counted -> wait_for(READ)
        :: is_counted -> /* a try: it answers for what it kept from going on */
            d_step { ok = (is_queued && readers == 1); readers-- }
            is_counted = 0;
            got_here = (ok && FAULT(REACH_IN_VAIN));
            assert(!got_here);
            if
            :: ok && !FAULT(NO_ANSWER) -> serve_from_outside()
            :: else
            fi;
            ok = 0
        :: else
        fi;
        if
        :: has_it ->
            d_step { reading++; CHECK_INSIDE }
            STAYS(me);
            reading--;
            d_step { ok = (is_queued && readers == 1); readers-- }
            if
            :: ok -> serve_from_outside()
            :: else
            fi;
            ok = 0;
            has_it = 0
        :: else
        fi
    :: else -> break
    od;
    done++
}

proctype Writer(byte me)
{
    byte first, i, woken, rounds;
    bit ok, must_hand, is_counted, has_it, goes_first;

    do
    :: rounds < ROUNDS ->
        rounds++;
#ifdef UPGRADE_FIRST
        if
        :: me <= 2 ->
            wait_for(UPGRADABLE);
            if
            :: has_it ->
                d_step { upgradable++; CHECK_INSIDE }
                upgradable--;
                goes_first = 1;
                wait_for(UPGRADE);
                if
                :: has_it -> d_step { writing++; CHECK_INSIDE } writing--
                :: else
                fi;
                has_it = 0;
                let_go_of_key()
            :: else
            fi
        :: else ->
#endif
        d_step {
            has_it = IS_FREE && !is_queued && !has_starved;
            if
            :: has_it -> is_written = 1; key = me
            :: else
            fi
        }
        if
        :: !has_it -> wait_for(WRITE)
        :: else
        fi;
        if
        :: has_it ->
            d_step { writing++; CHECK_INSIDE }
            writing--;
            has_it = 0;
            let_go_of_key()
        :: else
        fi
#ifdef UPGRADE_FIRST
        fi
#endif
    :: else -> break
    od;
    done++
}

proctype Watch()
{
    timeout ->
    missed = (done < N);
    assert(!missed)
}

init
{
#ifdef FAULT_IS
    fault = FAULT_IS;
#else
    c_code { now.fault = getenv("FAULT") ? atoi(getenv("FAULT")) : 0; };
#endif
    atomic {
        CAST;
        run Watch()
    }
}
