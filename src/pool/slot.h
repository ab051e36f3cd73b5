/* Slot: the place of one resource in a pool, and the only mover of its state.
 *
 *     state     | meaning                              | who may leave it       | next
 *     ----------+--------------------------------------+------------------------+----------------------
 *     EMPTY     | no resource                          | under the pool's lock  | OPENING
 *     OPENING   | an opener works on it                | that opener            | IDLE, HANDED, EMPTY
 *     IDLE      | may be lent                          | anyone, by CAS         | LENT, HANDED, CLOSING
 *     HANDED    | given to a waiter that has not run   | that waiter; the giver | LENT, IDLE, CLOSING
 *     LENT      | somebody's lease                     | who returns it, by CAS | IDLE, RETURNING
 *               |                                      | its holder, with lock  | BIASED
 *     RETURNING | its returner resets it               | that returner          | IDLE, HANDED, CLOSING
 *     CLOSING   | being closed                         | whoever closes it      | EMPTY
 *     BIASED    | one context's, lent or idle: see busy | under the pool's lock  | UNBIASING
 *     UNBIASING | the bias is being taken back         | under the pool's lock  | IDLE, LENT
 *
 * The word holds the state and the number of loans so far:
 *     bits 63..8 loans | bits 7..0 state
 * A lease carries the low half of that number as its tag, and holder_tag repeats it.
 *
 * While a slot is BIASED, or UNBIASING, its owner lends and returns it in a word of its own, `busy`, in the
 * owner's hint (graph/context.h):
 *     bits 63..32 tag | bit 31 it is idle | bits 30..0 the slot's number
 * A loan's is the second half of its lease; the theory is in bias.h.
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
 *       and the tags agree, the holder was that lease's.
 *   S4  where waiters may be passed, the return's CAS to IDLE comes before its loads of on_way and
 *       has_dozer; a waiter that arrives, or ends its doze, lowers these before it scans the slots, or has
 *       them scanned (store-load on both sides): one of the two sees the other. */
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
    LG__SLOT_CLOSING,
    LG__SLOT_BIASED,
    LG__SLOT_UNBIASING
};

#define LG__SLOT_LOAN_SHIFT 8
#define LG__SLOT_LOAN_ONE   (1ull << LG__SLOT_LOAN_SHIFT)

/* A forked child leaves out so many tags: what is older than that was lent by the parent. */
#define LG__FORK_TAGS (1u << 28)

struct lg__slot {
    uint64_t word; /* atomic, S1 and S2 */
    union {
        struct lg__hint
            *owner; /* atomic, B5 (bias.h); under the pool's lock; while it is biased: to whom */
        uint64_t
            returned; /* atomic relaxed; under the pool's lock; in pools with an order, which have
                              no bias: the number of the return that made it idle */
    };
    uint64_t holder;     /* atomic, S3; 0: nobody in particular */
    const char *place;   /* atomic relaxed; the holder: where it was taken */
    void *resource;      /* whoever the state belongs to; r/o while IDLE */
    uint32_t holder_tag; /* atomic, S3 */
    uint32_t since_ms;   /* atomic relaxed; the holder: when it was last lent (tick.h) */
    uint32_t generation; /* atomic relaxed; the opener, before IDLE */
    uint32_t id;         /* atomic relaxed; the opener, before IDLE: the resource's number */
    uint32_t born_ms;    /* atomic relaxed; the opener, before IDLE: when it was opened */
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

static inline bool lg__slot_is_biased(uint64_t word)
{
    return lg__slot_state(word) >= LG__SLOT_BIASED;
}

#define LG__CLAIM_IDLE      (1ull << 31)
#define LG__CLAIM_ONE       (1ull << 32)
#define LG__CLAIM_TAG(busy) ((uint32_t)((busy) >> 32))

/* What a biased slot's word is to become if its owner has written `busy`. */
static inline uint64_t lg__slot_unbiased(uint64_t word, uint64_t busy)
{
    uint64_t loans = lg__slot_loans(word) + (uint32_t)(LG__CLAIM_TAG(busy) - lg__slot_tag(word));
    return loans << LG__SLOT_LOAN_SHIFT | (busy & LG__CLAIM_IDLE ? LG__SLOT_IDLE : LG__SLOT_LENT);
}

#define LG__TO(state) (1u << LG__SLOT_##state)

static inline bool lg__slot_move_is_legal(enum lg__slot_state from, enum lg__slot_state to)
{
    static const uint32_t legal[] = {
        [LG__SLOT_EMPTY] = LG__TO(OPENING),
        [LG__SLOT_OPENING] = LG__TO(IDLE) | LG__TO(HANDED) | LG__TO(EMPTY),
        [LG__SLOT_IDLE] = LG__TO(LENT) | LG__TO(HANDED) | LG__TO(CLOSING),
        [LG__SLOT_HANDED] = LG__TO(LENT) | LG__TO(IDLE) | LG__TO(CLOSING),
        [LG__SLOT_LENT] = LG__TO(IDLE) | LG__TO(RETURNING) | LG__TO(BIASED),
        [LG__SLOT_RETURNING] = LG__TO(IDLE) | LG__TO(HANDED) | LG__TO(CLOSING),
        [LG__SLOT_CLOSING] = LG__TO(EMPTY),
        [LG__SLOT_BIASED] = LG__TO(UNBIASING),
        [LG__SLOT_UNBIASING] = 0, /* lg__bias_revoke: it becomes what busy says */
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

/* What the owner of a biased slot says.  B5: with the lock, or if the word is the same afterwards. */
static inline uint64_t lg__slot_busy(const struct lg__slot *slot)
{
    const struct lg__hint *owner = lg__load_acquire(&slot->owner);
    return lg__load_acquire(&owner->busy);
}

/* What can be known about a slot from outside, at one moment. */
struct lg__slot_view {
    uint64_t word; /* as it is, or would be without a bias */
    uint64_t
        holder; /* while LENT; 0: nobody in particular, or a loan so fresh that it is not written
                        down yet, and then its holder runs */
};

/* A bias that ends on the way is looked at again: it is ended under the pool's lock, in few steps. */
static inline struct lg__slot_view lg__slot_look(const struct lg__slot *slot)
{
    for (;;) {
        uint64_t word = lg__load_full(&slot->word); /* W1: after the searcher's begin */
        uint64_t busy = lg__slot_is_biased(word) ? lg__slot_busy(slot) : 0;
        uint32_t holder_tag = lg__load_acquire(&slot->holder_tag);
        uint64_t holder = lg__load_acquire(&slot->holder);
        bool is_same = lg__load_acquire(&slot->word) == word; /* S3 */
        if (!lg__slot_is_biased(word)) {
            bool is_sure = is_same && holder_tag == lg__slot_tag(word);
            return (struct lg__slot_view){word, is_sure ? holder : 0};
        }
        if (is_same) /* the owner alone lends it, to itself */
            return (struct lg__slot_view){lg__slot_unbiased(word, busy), holder};
    }
}

/* A lent slot's holder, as in a view.  False: it is not lent. */
static inline bool lg__slot_read_holder(const struct lg__slot *slot, uint64_t *holder)
{
    struct lg__slot_view view = lg__slot_look(slot);
    *holder = view.holder;
    return lg__slot_state(view.word) == LG__SLOT_LENT;
}

#endif
