/* Back-off after LG_EDEADLK. */
#include <lifeguard/report.h>

#include "graph/context.h"
#include "plat/clock.h"
#include "plat/futex.h"
#include "plat/text.h"

#define FIRST_NS (50 * 1000ull)
#define LAST_NS  (50 * 1000 * 1000ull)

/* One number a thread; a fresh thread starts from the clock and the place of its stack. */
static uint64_t next_random(void)
{
    static _Thread_local uint64_t state;
    if (state == 0)
        state = lg__now_ns() ^ (uint64_t)(uintptr_t)&state << 16 ^ 1;
    state ^= state << 13; /* xorshift64 (Marsaglia 2003) */
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* What a sleep in a cancel scope waits for.  It is OUTSIDE, so no search looks at it. */
static void copy_name(const void *object, char *out)
{
    (void)object;
    lg__copy_name(out, LG_NAME_SIZE, "retry");
}

static const struct lg__resource_class time_class = {
    .noun = "time",
    .capacity = lg__capacity_of_one,
    .survey = lg__survey_nobody,
    .copy_name = copy_name,
};

/* Sleep where a request can end it.  False: it has. */
static bool sleep_in_scope(struct lg__wait *wait, uint64_t until)
{
    struct lg__want want = {&time_class, &time_class, 1, false, until, NULL, 0};
    (void)lg__wait_begin(wait, &want, LG__WAIT_OUTSIDE);
    enum lg__wait_state end = lg__wait_sleep(wait);
    lg__wait_retract(wait);
    return end != LG__WAIT_CANCELLED;
}

static void sleep_until(uint64_t until)
{
    uint32_t word = 0;
    while (lg__now_ns() < until)
        (void)lg__futex_wait(&word, 0, until);
}

int lg_retry(unsigned attempt, lg_deadline deadline)
{
    uint64_t most = attempt < 10 ? FIRST_NS << attempt : LAST_NS;
    uint64_t until = lg__now_ns() + next_random() % (most < LAST_NS ? most : LAST_NS);
    struct lg_cancel *token = lg_cancel_current();
    if (until >= deadline || until >= lg_cancel_deadline(token))
        return 0;
    if (token)
        return sleep_in_scope(&lg__self->wait, until);
    sleep_until(until);
    return 1;
}
