/* Time is virtual: it moves with the events, and leaps when nobody can run.  So a program that sleeps costs
 * nothing, and no decision depends on how fast the machine is. */
#include "explore/intercept.h"

#include <string.h>

#define SECOND_NS 1000000000u
#define LOOK_NS                                                                                    \
    10000 /* what a look at the clock costs: who waits for a time in a loop gets there */

static bool is_valid(const struct timespec *time)
{
    return time->tv_nsec >= 0 && time->tv_nsec < (long)SECOND_NS;
}

/* What a clock shows at the run's begin; 0: not one that we know. */
static uint64_t base_of(clockid_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        return lg__campaign->clock_base_ns;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
        return lg__campaign->monotonic_base_ns;
    default:
        return 0;
    }
}

int lg__time_deadline(clockid_t clock, const struct timespec *time, uint64_t *deadline)
{
    uint64_t base = base_of(clock);
    if (!is_valid(time) || !base)
        return EINVAL;
    if (time->tv_sec < 0) {
        *deadline = 0;
        return 0;
    }
    uint64_t seconds = (uint64_t)time->tv_sec;
    if (seconds > UINT64_MAX / SECOND_NS - 2) {
        *deadline = LG__NEVER - 1;
        return 0;
    }
    uint64_t at = seconds * SECOND_NS + (uint64_t)time->tv_nsec;
    *deadline = at > base ? at - base : 0;
    return 0;
}

static bool sleep_until(struct lg__thread *self, uint64_t deadline, bool is_punctual, uint64_t site)
{
    lg__thread_look_for_cancel(self);
    self->pending = LG__EVENT_SLEEP;
    self->pending_var = 0;
    self->pending_address = 0;
    self->pending_site = site;
    self->wait = (struct lg__wait){.kind = LG__WAIT_TIME,
                                   .deadline = deadline,
                                   .site = site,
                                   .is_cancellable = true,
                                   .is_interruptible = true,
                                   .is_punctual = is_punctual};
    lg__baton_wait(self);
    bool was_interrupted = self->was_interrupted;
    lg__thread_look_for_cancel(self);
    return !was_interrupted;
}

bool lg__sleep_until(struct lg__thread *self, uint64_t deadline, uint64_t site)
{
    return sleep_until(self, deadline, false, site);
}

bool lg__sleep_punctually(struct lg__thread *self, uint64_t deadline, uint64_t site)
{
    return sleep_until(self, deadline, true, site);
}

static uint64_t from_now(uint64_t seconds, uint64_t ns)
{
    uint64_t now = lg__run_now_ns();
    return seconds > (LG__NEVER / 2) / SECOND_NS ? LG__NEVER / 2 : now + seconds * SECOND_NS + ns;
}

uint64_t lg__time_after(const struct timespec *time)
{
    return from_now((uint64_t)time->tv_sec, (uint64_t)time->tv_nsec);
}

static uint64_t rest_until(uint64_t deadline)
{
    uint64_t now = lg__run_now_ns();
    return deadline > now ? deadline - now : 0;
}

static void write_rest(struct timespec *rest, uint64_t deadline)
{
    uint64_t ns = rest_until(deadline);
    if (rest)
        *rest = (struct timespec){(time_t)(ns / SECOND_NS), (long)(ns % SECOND_NS)};
}

LG__EXPORT int sched_yield(void)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->sched_yield();
    lg__baton_yield(self, LG__SITE);
    return 0;
}

LG__EXPORT unsigned sleep(unsigned seconds)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->sleep(seconds);
    uint64_t deadline = from_now(seconds, 0);
    if (lg__sleep_until(self, deadline, LG__SITE))
        return 0;
    return (unsigned)((rest_until(deadline) + SECOND_NS - 1) / SECOND_NS);
}

LG__EXPORT int usleep(useconds_t us)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->usleep(us);
    if (lg__sleep_until(self, from_now(us / 1000000, us % 1000000 * 1000), LG__SITE))
        return 0;
    errno = EINTR;
    return -1;
}

LG__EXPORT int nanosleep(const struct timespec *time, struct timespec *rest)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->nanosleep(time, rest);
    if (!is_valid(time) || time->tv_sec < 0) {
        errno = EINVAL;
        return -1;
    }
    uint64_t deadline = lg__time_after(time);
    if (lg__sleep_until(self, deadline, LG__SITE))
        return 0;
    write_rest(rest, deadline);
    errno = EINTR;
    return -1;
}

LG__EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                               struct timespec *rest)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->clock_nanosleep(clock, flags, time, rest);
    uint64_t deadline;
    int status = lg__time_deadline(clock, time, &deadline);
    if (status)
        return status;
    if (!(flags & TIMER_ABSTIME))
        deadline = lg__time_after(time);
    if (lg__sleep_until(self, deadline, LG__SITE))
        return 0;
    if (!(flags & TIMER_ABSTIME))
        write_rest(rest, deadline);
    return EINTR;
}

/* ---- Looking at the clock: an event, so that a loop until some time has come makes progress. ---------- */

static uint64_t look_at_clock(struct lg__thread *self, uint64_t base, uint64_t site)
{
    lg__baton_point(self, LG__EVENT_YIELD, 0, 0, site);
    lg__baton_changed();
    lg__run.leapt_ns += LOOK_NS;
    return base + lg__run_now_ns();
}

LG__EXPORT int clock_gettime(clockid_t clock, struct timespec *time)
{
    struct lg__thread *self = lg__self;
    uint64_t base = self ? base_of(clock) : 0;
    if (!base)
        return lg__real()->clock_gettime(clock, time);
    uint64_t now = look_at_clock(self, base, LG__SITE);
    *time = (struct timespec){(time_t)(now / SECOND_NS), (long)(now % SECOND_NS)};
    return 0;
}

LG__EXPORT int timespec_get(struct timespec *time, int base)
{
    if (base != TIME_UTC || clock_gettime(CLOCK_REALTIME, time))
        return 0;
    return base;
}

LG__EXPORT int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->gettimeofday(time, zone);
    uint64_t now = look_at_clock(self, lg__campaign->clock_base_ns, LG__SITE);
    *time = (struct timeval){(time_t)(now / SECOND_NS), (suseconds_t)(now % SECOND_NS / 1000)};
    return 0;
}

LG__EXPORT time_t time(time_t *out)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->time(out);
    time_t now = (time_t)(look_at_clock(self, lg__campaign->clock_base_ns, LG__SITE) / SECOND_NS);
    if (out)
        *out = now;
    return now;
}
