/* Slot: the place of one resource in a pool, and the only mover of its state.
 *
 *     state     | meaning                              | who may leave it       | next
 *     ----------+--------------------------------------+------------------------+----------------------
 *     EMPTY     | no resource                          | under the pool's lock  | OPENING
 *     OPENING   | an opener works on it                | that opener            | IDLE, HANDED, EMPTY
 *     IDLE      | may be lent                          | anyone, by CAS         | LENT, HANDED, CLOSING
 *     HANDED    | given to a waiter that has not run   | that waiter; the giver | LENT, IDLE, CLOSING
 *     LENT      | somebody's lease                     | who returns it, by CAS | IDLE, RETURNING
 *     RETURNING | its returner resets it               | that returner          | IDLE, HANDED, CLOSING
 *     CLOSING   | being closed                         | whoever closes it      | EMPTY
 *
 * The word holds the state and the number of loans so far:
 *     bits 63..8 loans | bits 7..0 state
 * A lease carries the low half of that number as its tag, and holder_tag repeats it.
 *
 * Who holds a lent slot is `holder`, valid only while holder_tag is the word's tag: a loan writes
 * holder, then holder_tag, and nobody has to clear them.
 *
 * Order pairs:
 *   S1  IDLE is published (release or full) after resource, generation and whatever the last holder
 *       did; pairs with the acquire of the CAS that takes it.
 *   S2  the return's CAS to IDLE comes before its load of the pool's control word; a waiter sets the
 *       waiters' flag there before it scans the slots (store-load on both sides): one of the two
 *       sees the other.
 *   S3  holder and holder_tag are written after the word's CAS to LENT, each with release; a reader
 *       loads word, holder_tag, holder and the word again, each with acquire: if the words are equal
 *       and the tags agree, the holder was that lease's. */
#ifndef LG_POOL_SLOT_H
#define LG_POOL_SLOT_H

#include "graph/context.h"

#include <assert.h>

enum lg__slot_state {
    LG__SLOT_EMPTY,
    LG__SLOT_OPENING,
    LG__SLOT_IDLE,
    LG__SLOT_HANDED,
    LG__SLOT_LENT,
    LG__SLOT_RETURNING,
    LG__SLOT_CLOSING
};

#define LG__SLOT_LOAN_SHIFT 8
#define LG__SLOT_LOAN_ONE   (1ull << LG__SLOT_LOAN_SHIFT)

struct lg__slot {
    uint64_t word;       /* atomic, S1 and S2 */
    uint64_t busy;       /* room for the biased owner's own word */
    uint64_t holder;     /* atomic, S3; 0: nobody in particular */
    const char *place;   /* atomic relaxed; the holder: where it was taken */
    void *resource;      /* whoever the state belongs to; r/o while IDLE */
    uint32_t holder_tag; /* atomic, S3 */
    uint32_t since_ms;   /* atomic relaxed; the holder: when it was last lent (tick.h) */
    uint32_t generation; /* atomic relaxed; the opener, before IDLE */
    uint32_t id;         /* atomic relaxed; the opener, before IDLE: the resource's number */
    uint32_t born_ms;    /* atomic relaxed; the opener, before IDLE: when it was opened */
    uint32_t fork_tag;   /* r/o between forks; the last tag of the parent's leases */
};

_Static_assert(sizeof(struct lg__slot) == 64, "one cache line a slot");

static inline enum lg__slot_state lg__slot_state(uint64_t word)
{
    return (enum lg__slot_state)(word & 0xff);
}

/* How often it was lent, the current loan included. */
static inline uint64_t lg__slot_loans(uint64_t word)
{
    return word >> LG__SLOT_LOAN_SHIFT;
}

/* The tag of the current, or last, lease. */
static inline uint32_t lg__slot_tag(uint64_t word)
{
    return (uint32_t)lg__slot_loans(word);
}

/* Whether the word is that of a loan with this tag. */
static inline bool lg__slot_is_of(uint64_t word, uint32_t tag)
{
    return lg__slot_state(word) == LG__SLOT_LENT && lg__slot_tag(word) == tag;
}

#define LG__TO(state) (1u << LG__SLOT_##state)

static inline bool lg__slot_move_is_legal(enum lg__slot_state from, enum lg__slot_state to)
{
    static const uint32_t legal[] = {
        [LG__SLOT_EMPTY] = LG__TO(OPENING),
        [LG__SLOT_OPENING] = LG__TO(IDLE) | LG__TO(HANDED) | LG__TO(EMPTY),
        [LG__SLOT_IDLE] = LG__TO(LENT) | LG__TO(HANDED) | LG__TO(CLOSING),
        [LG__SLOT_HANDED] = LG__TO(LENT) | LG__TO(IDLE) | LG__TO(CLOSING),
        [LG__SLOT_LENT] = LG__TO(IDLE) | LG__TO(RETURNING),
        [LG__SLOT_RETURNING] = LG__TO(IDLE) | LG__TO(HANDED) | LG__TO(CLOSING),
        [LG__SLOT_CLOSING] = LG__TO(EMPTY),
    };
    return (legal[from] >> to) & 1;
}

/* The word after a legal move.  A loan counts. */
static inline uint64_t lg__slot_after(uint64_t word, enum lg__slot_state to)
{
    assert(lg__slot_move_is_legal(lg__slot_state(word), to));
    uint64_t loans = word & ~(LG__SLOT_LOAN_ONE - 1);
    return (to == LG__SLOT_LENT ? loans + LG__SLOT_LOAN_ONE : loans) | to;
}

/* Move a slot, if its word is still `word`.  Full order: S1, S2. */
static inline bool lg__slot_move(struct lg__slot *slot, uint64_t word, enum lg__slot_state to)
{
    return lg__cas_full(&slot->word, &word, lg__slot_after(word, to));
}

/* Move a slot whose state belongs to the caller alone. */
static inline void lg__slot_move_own(struct lg__slot *slot, enum lg__slot_state to)
{
    bool has_moved = lg__slot_move(slot, lg__load_relaxed(&slot->word), to);
    assert(has_moved);
    (void)has_moved;
}

/* Write down who has a slot that was just moved to LENT.  S3. */
static inline void lg__slot_set_holder(struct lg__slot *slot, uint64_t holder, uint32_t tag)
{
    lg__store_release(&slot->holder, holder);
    lg__store_release(&slot->holder_tag, tag);
}

/* A lent slot's holder.  False: it is not lent.  *holder is 0 if nobody in particular holds it, or
 * if the loan is so fresh that it is not written yet: its holder runs. */
static inline bool lg__slot_read_holder(const struct lg__slot *slot, uint64_t *holder)
{
    uint64_t word = lg__load_full(&slot->word); /* W1: after the searcher's begin */
    uint32_t holder_tag = lg__load_acquire(&slot->holder_tag);
    uint64_t found = lg__load_acquire(&slot->holder);
    if (lg__slot_state(word) != LG__SLOT_LENT)
        return false;
    bool is_sure =
        holder_tag == lg__slot_tag(word) && lg__load_acquire(&slot->word) == word; /* S3 */
    *holder = is_sure ? found : 0;
    return true;
}

#endif
