/* Reader bias: a rwlock that is read by several at a time is read without a write to it.
 *
 * While BIASED is in the word, a reader does not count itself there.  It says that it reads in a word of its own
 * context, its *reading*, which nobody else writes while all goes well: so readers share no cache line that
 * any of them writes.  Each lock has one reading in each context, at a place that its address gives:
 *
 *     0, or the address of some rwlock   the owner reads none by bias that belongs here; the address says
 *                                        which was biased when it was read last, and is no more than a hint
 *     address | HELD                     it reads that one, or is about to, and is not counted
 *     address | HELD | COUNTED           it reads that one, and is counted: whoever took the bias back did it
 *
 * The owner moves it up to HELD and back; COUNTED is set by others, once.  What is held twice has one reading,
 * and is counted for the rest.  All reads of one context are alike, so it does not matter which unlock ends
 * which; what was certainly counted has no mark in its entry (LG__RWLOCK_BY_BIAS), and its end need not look.  In
 * the graph nothing is new: the held table names a reader, however it came.
 *
 * Whoever wants to write, or has to queue, takes the bias back first (revokes it): he makes of BIASED one
 * reader more, himself, in one step; passes a heavy barrier (plat/barrier.h); counts every reader that he finds
 * not counted; and takes himself out like any reader.  From then on the word has all of them.
 *   V1  A reader stores HELD, passes a light barrier, and looks at the word; the revoker takes BIASED away,
 *       passes the heavy one, and looks at the reading: one of the two sees the other.  The reader reads if it
 *       sees BIASED; else it takes HELD back and goes the ordinary way.
 *   V2  A reader's end, the retreat of V1, and the revoker's COUNTED are compare-and-swaps of one word: either
 *       the reader is gone, and owes nothing; or it is counted, and owes the word one subtraction.  That holds
 *       also for a reader that has come too late for the bias: who is counted reads.
 *   V3  The revoker adds a reader to the word before he tells it (release), and the reader subtracts itself
 *       after it has been told (acquire).  Not told, because it has gone: he subtracts it himself.  He is
 *       counted all that time, so no writer comes between.
 *   V4  What a reader by bias has done comes before what a writer does: its end, and each later change of that
 *       reading by its owner, is a release; the revoker's look is an acquire, and so is a writer's at the word,
 *       after the revoker's subtraction.  The other way round BIASED is set and looked at in the word, after
 *       the last writer's release (R1).
 *   V5  While anybody is queued, the lock is not biased: BIASED is set under the bucket's lock, when nobody is
 *       queued, nobody writes and no flag is set, and nobody is put into the queue while it is set.  Without that
 *       a reader by bias, which looks for no queue when it goes, would be the last, and nobody would serve.
 * So no reader by bias looks at the lock when it lets go: nobody ever waits for one.  The lock may be gone.
 *
 * Two may revoke one after the other while the first yet counts, if the bias was given again meanwhile: each
 * is a reader of his own, and counts whom he finds; V2 and V3 hold for either.
 *
 * Ends: a context that has ended reads no more, whatever its readings say: a revoker passes it over, and its end
 * gives back what was counted.  In a forked child the others' readings are gone with them; a revoker that was
 * left in the parent is named by its context (`revoking`), as a reader is by its table.
 *
 * A bias is earned: of those who are counted and find other readers beside them one in LG__BIAS_LOOK looks
 * whether it may be given.  After it was taken back it may not for LG__BIAS_REST times as long as that took, so
 * what a lock loses by it is bounded; twice as long for each time that it had not lasted long enough to be
 * worth it. */
#ifndef LG_SYNC_RWLOCK_BIAS_H
#define LG_SYNC_RWLOCK_BIAS_H

#include "plat/barrier.h"
#include "plat/seam.h"
#include "sync/rwlock.h"

#define LG__READING_HELD    1ull
#define LG__READING_COUNTED 2ull

#define LG__BIAS_LOOK  64u /* counted reads beside others, in one context */
#define LG__BIAS_REST  8u  /* times what it took to take it back */
#define LG__BIAS_WORTH 16u /* the same, of what it has to last */

/* The context's reading for the lock; other locks have the same. */
static inline uint64_t *lg__reading_of(struct lg_context *context, const struct lg_rwlock *rwlock)
{
    uint64_t mixed = (uintptr_t)rwlock >> 5 ^ (uintptr_t)rwlock >> 9;
    return &context->readings[mixed % LG__READINGS];
}

static inline uint64_t lg__reading_held(const struct lg_rwlock *rwlock)
{
    return (uintptr_t)rwlock | LG__READING_HELD;
}

/* Whether the lock had a bias when the context read it last. */
static inline bool lg__reading_is_due(struct lg_context *self, const struct lg_rwlock *rwlock)
{
    return self->has_readings &&
           lg__load_relaxed(lg__reading_of(self, rwlock)) == (uintptr_t)rwlock;
}

/* If it is due: read by bias.  Of a reader that has noted itself, in `entry`.  False: there is none any more; then
 * comes the retreat. */
static inline bool lg__reading_begin(struct lg_context *self, const struct lg_rwlock *rwlock,
                                     struct lg__held *entry)
{
    lg__store_relaxed(&entry->units, LG__RWLOCK_READ_UNITS | LG__RWLOCK_BY_BIAS);
    lg__store_release(lg__reading_of(self, rwlock), lg__reading_held(rwlock)); /* V1, V4 */
    lg__seam_pass(LG__STOP_READ);
    lg__barrier_light();
    return lg__load_acquire(&rwlock->word) & LG__RWLOCK_BIASED; /* V1, V4 */
}

/* Take HELD back.  False: the caller reads all the same, and is counted. */
bool lg__reading_retreat(struct lg_context *self, const struct lg_rwlock *rwlock);

/* Let go of a read.  False: it is counted in the word, which is the caller's to see to; else the lock may be
 * gone.  By the owner, or by who ends the context. */
static inline bool lg__reading_end(struct lg_context *context, const struct lg_rwlock *rwlock)
{
    uint64_t *reading = lg__reading_of(context, rwlock);
    uint64_t held = lg__reading_held(rwlock);
    uint64_t seen = lg__load_acquire(reading); /* V3 */
    if (!(seen & LG__READING_HELD) || (seen & ~LG__READING_COUNTED) != held)
        return false;
    lg__seam_pass(LG__STOP_READ_END);
    if (seen == held && lg__cas_release(reading, &seen, (uint64_t)(uintptr_t)rwlock)) /* V2, V4 */
        return true;
    (void)lg__load_acquire(reading);         /* V3 */
    lg__store_release(reading, (uint64_t)0); /* V4 */
    return false;
}

/* Let go of a read that was entered so. */
static inline void lg__rwlock_unread(struct lg_context *context, struct lg_rwlock *rwlock,
                                     uint32_t units)
{
    if (!(units & LG__RWLOCK_BY_BIAS) || !lg__reading_end(context, rwlock))
        lg__rwlock_uncount(rwlock);
}

/* For a reader that has counted itself and found others there, or BIASED. */
void lg__reading_learn(struct lg_context *self, struct lg_rwlock *rwlock, uint64_t old);

/* Give the lock a bias, whatever happened before, if all is quiet.  The caller reads it, and is counted. */
void lg__rwlock_bias(struct lg_rwlock *rwlock);

/* Take it back, if it has one.  Costs a heavy barrier and a look at each context.  Without locks. */
void lg__rwlock_revoke(struct lg_context *self, struct lg_rwlock *rwlock);

/* Whether anybody reads it who is not counted, or has been.  When nobody comes or goes. */
bool lg__rwlock_has_readings(const struct lg_rwlock *rwlock);

#endif
