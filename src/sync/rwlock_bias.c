/* Who gives a rwlock a bias, and how it is taken back: the theory is in rwlock_bias.h. */
#include "sync/rwlock_bias.h"

#include "plat/clock.h"

/* What a lock remembers of its bias: when it was given, or may be given next; and how often in a row it was not
 * worth it.  Read and written without order: a wrong one costs time.
 *
 *     bits 31..5  time in units of 1024 ns, modulo 2 minutes
 *     bits 4..0   how often, LOSSES_MAX at most */
#define UNIT_SHIFT 10
#define TIME_SHIFT 5
#define TIME_MASK  (UINT32_MAX >> TIME_SHIFT)
#define LOSSES_MAX 14u
#define REST_MAX   (1u << 18) /* a quarter of a second */

static uint32_t time_of(uint64_t ns)
{
    return (uint32_t)(ns >> UNIT_SHIFT) & TIME_MASK;
}

static uint32_t losses_of(uint32_t bias)
{
    return bias & ((1u << TIME_SHIFT) - 1);
}

static void remember(struct lg_rwlock *rwlock, uint32_t time, uint32_t losses)
{
    lg__store_relaxed(&rwlock->bias, (time & TIME_MASK) << TIME_SHIFT | losses);
}

/* What lies further ahead than any rest is behind. */
static bool must_rest(const struct lg_rwlock *rwlock)
{
    uint32_t bias = lg__load_relaxed(&rwlock->bias);
    uint32_t ahead = ((bias >> TIME_SHIFT) - time_of(lg__now_ns())) & TIME_MASK;
    return bias != 0 && ahead != 0 && ahead <= REST_MAX;
}

void lg__rwlock_bias(struct lg_rwlock *rwlock)
{
    const uint64_t unquiet = LG__RWLOCK_FLAGS | LG__RWLOCK_WRITER | LG__RWLOCK_BIASED;
    struct lg__bucket *bucket = lg__park_lock(lg__rwlock_tagged(rwlock));
    uint64_t word = lg__load_relaxed(&rwlock->word);
    bool is_given = false;
    if (!lg__park_next(bucket, NULL, lg__rwlock_tagged(rwlock))) /* V5 */
        while (!(word & unquiet) && !is_given)
            is_given = lg__cas_acquire(&rwlock->word, &word, word | LG__RWLOCK_BIASED); /* V4 */
    if (is_given)
        remember(rwlock, time_of(lg__now_ns()), losses_of(lg__load_relaxed(&rwlock->bias)));
    lg__park_unlock(bucket);
}

void lg__reading_learn(struct lg_context *self, struct lg_rwlock *rwlock, uint64_t old)
{
    uint64_t *reading = lg__reading_of(self, rwlock);
    if (old & LG__RWLOCK_BIASED) {
        self->has_readings = 1;
        if (!(lg__load_relaxed(reading) & LG__READING_HELD))
            lg__store_release(reading, (uint64_t)(uintptr_t)rwlock); /* V4 */
    } else if (++self->reads_beside % LG__BIAS_LOOK == 0 && lg__barrier_is_there() &&
               !must_rest(rwlock) && lg__barrier_try()) { /* a sandbox may have come since */
        lg__rwlock_bias(rwlock);
    }
}

bool lg__reading_retreat(struct lg_context *self, const struct lg_rwlock *rwlock)
{
    uint64_t *reading = lg__reading_of(self, rwlock);
    uint64_t held = lg__reading_held(rwlock);
    return lg__cas_full(reading, &held, (uint64_t)0); /* V2, V4; counted, it stays HELD */
}

/* ---- Taking it back -------------------------------------------------------------------------- */

struct revocation {
    struct lg_rwlock *rwlock;
    uint64_t began_ns;
    uint32_t contexts; /* looked at */
};

/* The caller is counted himself: V3. */
static void count_reading(void *arg, struct lg_context *context)
{
    struct revocation *revocation = arg;
    struct lg_rwlock *rwlock = revocation->rwlock;
    revocation->contexts++;
    uint64_t *reading = lg__reading_of(context, rwlock);
    uint64_t held = lg__reading_held(rwlock);
    if (lg__load_acquire(reading) != held) /* V1, V4 */
        return;
    (void)lg__add_relaxed(&rwlock->word, LG__RWLOCK_READER); /* V3 */
    lg__seam_pass(LG__STOP_COUNT);
    if (lg__cas_full(reading, &held, held | LG__READING_COUNTED)) /* V2, V3 */
        return;
    (void)lg__load_acquire(reading);                         /* V4 */
    (void)lg__sub_release(&rwlock->word, LG__RWLOCK_READER); /* V3 */
}

/* What it took, in units of time.  A thread that was off its processor meanwhile took longer, and that is not
 * the bias's doing. */
static uint64_t cost_of(const struct revocation *revocation, uint64_t now_ns)
{
    uint64_t cost = ((now_ns - revocation->began_ns) >> UNIT_SHIFT) + 1;
    uint64_t most = 32 + revocation->contexts / 4;
    return cost < most ? cost : most;
}

/* It rests for so long, and longer if it had not lasted long enough to be worth it. */
static void note_loss(const struct revocation *revocation)
{
    struct lg_rwlock *rwlock = revocation->rwlock;
    uint64_t now_ns = lg__now_ns();
    uint64_t cost = cost_of(revocation, now_ns);
    uint32_t bias = lg__load_relaxed(&rwlock->bias);
    uint32_t lasted = (time_of(revocation->began_ns) - (bias >> TIME_SHIFT)) & TIME_MASK;
    uint32_t losses = losses_of(bias);
    if (lasted < LG__BIAS_WORTH * cost)
        losses += losses < LOSSES_MAX;
    else
        losses -= losses > 0;
    uint64_t rest = LG__BIAS_REST * cost << losses;
    remember(rwlock, time_of(now_ns) + (uint32_t)(rest < REST_MAX ? rest : REST_MAX), losses);
}

void lg__rwlock_revoke(struct lg_context *self, struct lg_rwlock *rwlock)
{
    struct revocation revocation = {rwlock, lg__now_ns(), 0};
    uint64_t word = lg__load_relaxed(&rwlock->word);
    lg__store_relaxed(&self->revoking, (void *)rwlock); /* before it is counted, for a fork */
    while (
        (word & LG__RWLOCK_BIASED) &&
        !lg__cas_full(&rwlock->word, &word, word - LG__RWLOCK_BIASED + LG__RWLOCK_READER)) /* V1 */
        continue;
    if (word & LG__RWLOCK_BIASED) {
        lg__seam_pass(LG__STOP_REVOKE);
        lg__barrier_heavy(); /* V1 */
        lg__context_each(count_reading, &revocation);
        note_loss(&revocation);
        lg__rwlock_uncount(rwlock);
    }
    lg__store_release(&self->revoking, (void *)NULL); /* after that */
}

/* ---- Destroying ------------------------------------------------------------------------------ */

struct reading_search {
    const struct lg_rwlock *rwlock;
    bool has_found;
};

static void find_reading(void *arg, struct lg_context *context)
{
    struct reading_search *search = arg;
    uint64_t seen = lg__load_acquire(lg__reading_of(context, search->rwlock));
    search->has_found |= (seen & ~LG__READING_COUNTED) == lg__reading_held(search->rwlock);
}

bool lg__rwlock_has_readings(const struct lg_rwlock *rwlock)
{
    struct reading_search search = {rwlock, false};
    lg__context_each(find_reading, &search);
    return search.has_found;
}
