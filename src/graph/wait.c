/* How a wait begins, sleeps, ends and is taken back: the theory is in wait.h. */
#include "graph/context.h"

#include "plat/clock.h"
#include "plat/futex.h"
#include "plat/seam.h"

#define LOOKS 8 /* between two looks at the clock */

static uint64_t with_state(uint64_t word, enum lg__wait_state state)
{
    return (word & ~(LG__WAIT_EPOCH_ONE - 1)) | state;
}

/* The half of the word that holds the state and the low bits of the epoch.  Its 28 bits of epoch
 * could only mislead a futex after 2^28 waits between one load and the sleep that follows it. */
static uint32_t *futex_of(struct lg__wait *wait)
{
    uint32_t *halves = (uint32_t *)&wait->word;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return &halves[1];
#else
    return &halves[0];
#endif
}

/* Before it is published: from then on it may end, and the thing be gone. */
static void note_for_observers(struct lg__wait *wait, const struct lg__want *want)
{
    wait->begun_for = NULL;
    if (lg__likely(lg__load_relaxed(&wait->observed) == 0))
        return;
    wait->begun_for = want->class;
    want->class->copy_name(want->object, wait->begun_name);
}

bool lg__wait_begin(struct lg__wait *wait, const struct lg__want *want, enum lg__wait_state state)
{
    const struct lg_cancel *token = want->is_relock ? NULL : wait->cancel;
    lg_deadline latest = lg_cancel_deadline(token);
    wait->want = *want;
    if (latest < want->deadline)
        wait->want.deadline = latest;
    lg__store_relaxed(&wait->deadline, wait->want.deadline);
    wait->begun_ns = lg__now_ns();
    wait->moved_ns = 0;
    wait->is_outside = state == LG__WAIT_OUTSIDE;
    note_for_observers(wait, want);
    wait->since_ns = want->since_ns ? want->since_ns : wait->begun_ns;
    uint64_t idle = lg__load_relaxed(&wait->word); /* nobody else changes an IDLE word */
    uint64_t word = with_state(idle + LG__WAIT_EPOCH_ONE, state);
    lg__swap_full(&wait->word, word); /* W1: store before the look's loads; K1: and the flags' */
    return token && lg__cancel_was_requested(token) &&
           lg__wait_end_this(wait, word, LG__WAIT_CANCELLED, 0);
}

static bool end_word(struct lg__wait *own, uint64_t word, enum lg__wait_state end)
{
    bool is_mine = lg__cas_full(&own->word, &word, with_state(word, end)); /* W2 */
    struct lg_context *self = lg__self;
    if (is_mine && self && own != &self->wait && lg__load_relaxed(&self->wait.observed) != 0)
        lg__observe_woke(self, lg__context_of(own), word);
    return is_mine;
}

bool lg__wait_end_this(struct lg__wait *wait, uint64_t word, enum lg__wait_state end,
                       uint64_t grant)
{
    /* Granters and refusers hold the lock of the object's queue, and a waiter leaves the queue
     * under it before its next wait, so `grant` has one writer at a time. */
    if (end == LG__WAIT_GRANTED || end == LG__WAIT_REFUSED)
        wait->grant = grant;
    struct lg__wait *own = lg__wait_own(wait);
    if (!end_word(own, word, end))
        return false;
    if (lg__unlikely(own != wait))
        wait->won = word;
    return true;
}

bool lg__wait_end(struct lg__wait *wait, enum lg__wait_state end, uint64_t grant)
{
    const struct lg__wait *own = lg__wait_own(wait);
    uint64_t word = lg__load_acquire(&own->word);
    enum lg__wait_state state = LG__WAIT_STATE(word);
    while (state == LG__WAIT_WAITING || state == LG__WAIT_OUTSIDE || state == LG__WAIT_MOVING) {
        if (state != LG__WAIT_MOVING && lg__wait_end_this(wait, word, end, grant))
            return true;
        if (state == LG__WAIT_MOVING)
            lg__cpu_relax();
        word = lg__load_acquire(&own->word);
        state = LG__WAIT_STATE(word);
    }
    return false;
}

void lg__wait_wake(struct lg__wait *wait)
{
    lg__seam_pass(LG__STOP_WAKE);
    struct lg__wait *own = lg__wait_own(wait);
    if (lg__unlikely(own->notify != NULL))
        own->notify(own->notify_arg);
    else if (lg__load_full(&own->is_asleep)) /* W3 */
        lg__futex_wake(futex_of(own), 1);
}

/* False: the time has come. */
static bool fall_asleep(struct lg__wait *wait, uint64_t word, lg_deadline until)
{
    lg__store_full(&wait->is_asleep, 1u); /* W3 */
    int status = lg__futex_wait(futex_of(wait), (uint32_t)word, until);
    lg__store_relaxed(&wait->is_asleep, 0u);
    return status != LG_ETIMEDOUT;
}

enum lg__wait_state lg__wait_sleep(struct lg__wait *wait)
{
    if (lg__unlikely(lg__load_relaxed(&wait->observed) != 0))
        lg__observe_sleeps(lg__context_of(wait));
    for (;;) {
        uint64_t word = lg__load_acquire(&wait->word); /* W2 */
        enum lg__wait_state state = LG__WAIT_STATE(word);
        if (state == LG__WAIT_MOVING) {
            lg__raw_lock(&wait->pin); /* the mover holds it until it is done */
            lg__raw_unlock(&wait->pin);
            continue;
        }
        if (state != LG__WAIT_WAITING && state != LG__WAIT_OUTSIDE)
            return state;
        if (!fall_asleep(wait, word, lg__load_relaxed(&wait->deadline)))
            (void)lg__wait_end_this(wait, word, LG__WAIT_TIMED_OUT, 0);
    }
}

bool lg__wait_doze(struct lg__wait *wait, uint64_t until_ns)
{
    for (;;) {
        uint64_t word = lg__load_acquire(&wait->word); /* W2 */
        if (LG__WAIT_STATE(word) != LG__WAIT_WAITING ||
            lg__load_relaxed(&wait->deadline) <= until_ns)
            return true;
        if (!fall_asleep(wait, word, until_ns))
            return false;
    }
}

bool lg__wait_spin(const struct lg__wait *wait, uint64_t ns)
{
    uint64_t until_ns = lg__now_ns() + ns;
    do {
        for (int i = 0; i < LOOKS; i++) {
            enum lg__wait_state state = LG__WAIT_STATE(lg__load_relaxed(&wait->word));
            if (state != LG__WAIT_WAITING && state != LG__WAIT_OUTSIDE)
                return true;
            lg__cpu_relax();
        }
    } while (lg__now_ns() < until_ns);
    return false;
}

int lg__wait_status(const struct lg__wait *wait, enum lg__wait_state end)
{
    switch (end) {
    case LG__WAIT_GRANTED:
        return LG_OK;
    case LG__WAIT_TIMED_OUT:
        return LG_ETIMEDOUT;
    case LG__WAIT_REFUSED:
        return (int)(uint32_t)wait->grant;
    case LG__WAIT_CANCELLED:
        return LG_ECANCELED;
    case LG__WAIT_VICTIM:
        return LG_EDEADLK;
    default:
        return LG_EBUSY;
    }
}

void lg__wait_retract(struct lg__wait *wait)
{
    if (lg__unlikely(lg__load_relaxed(&wait->observed) != 0))
        lg__observe_waited(lg__context_of(wait));
    lg__raw_lock(&wait->pin); /* whoever still looks at the object finishes first */
    lg__store_release(&wait->word, with_state(lg__load_relaxed(&wait->word), LG__WAIT_IDLE));
    lg__raw_unlock(&wait->pin);
}

bool lg__wait_move(struct lg__wait *wait, const struct lg__want *want)
{
    lg__raw_lock(&wait->pin);
    uint64_t word = lg__load_relaxed(&wait->word);
    bool is_moved = LG__WAIT_STATE(word) == LG__WAIT_OUTSIDE &&
                    lg__cas_full(&wait->word, &word, with_state(word, LG__WAIT_MOVING));
    if (is_moved) {
        wait->want = *want;
        wait->moved_ns = lg__now_ns();
        wait->is_outside = false;
        lg__store_relaxed(&wait->deadline, want->deadline);
        uint64_t next = with_state(word, LG__WAIT_WAITING) + LG__WAIT_EPOCH_ONE;
        lg__store_full(&wait->word, next); /* W1, for the sleeper */
    }
    lg__raw_unlock(&wait->pin);
    return is_moved;
}

bool lg__wait_pin(struct lg__wait *wait, uint64_t word)
{
    lg__raw_lock(&wait->pin);
    if (lg__load_acquire(&wait->word) == word)
        return true;
    lg__raw_unlock(&wait->pin);
    return false;
}

void lg__wait_unpin(struct lg__wait *wait)
{
    lg__raw_unlock(&wait->pin);
}
