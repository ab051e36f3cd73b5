#include "explore/alarm.h"

#include "explore/intercept.h"
#include "explore/signal.h"
#include "explore/strategy.h"
#include "explore/together.h"

#include <string.h>

#define ALARMS_MAX 256
#define SECOND_NS  1000000000u

/* The first is that of alarm and setitimer. */
static struct alarm {
    bool is_used;
    uint64_t deadline; /* LG__NEVER: it is not set */
    uint64_t interval; /* 0: once */
    siginfo_t info;    /* no signal: it only runs */
    struct lg__thread *thread;
    clockid_t clock;
} alarms[ALARMS_MAX] = {{.is_used = true, .deadline = LG__NEVER}};

LG__TOGETHER uint64_t lg__alarm_next = LG__NEVER;

static void find_next(void)
{
    lg__alarm_next = LG__NEVER;
    for (uint32_t i = 0; i < ALARMS_MAX; i++)
        if (alarms[i].is_used && alarms[i].deadline < lg__alarm_next)
            lg__alarm_next = alarms[i].deadline;
}

/* What was missed meanwhile is one signal. */
static void fire(struct alarm *alarm, uint64_t now)
{
    uint64_t deadline = alarm->deadline;
    alarm->deadline = LG__NEVER;
    if (alarm->interval)
        alarm->deadline = deadline + ((now - deadline) / alarm->interval + 1) * alarm->interval;
    if (alarm->info.si_signo)
        lg__signal_send(alarm->thread, &alarm->info, 0);
}

void lg__alarm_look(struct lg__thread *self)
{
    uint64_t now = lg__run_now_ns();
    if (lg__alarm_next > now && lg__campaign->plan.is_time_early && lg__strategy_leaps(self)) {
        lg__run.leapt_ns += lg__alarm_next - now;
        now = lg__alarm_next;
    }
    if (lg__alarm_next > now)
        return;
    for (uint32_t i = 0; i < ALARMS_MAX; i++)
        if (alarms[i].is_used && alarms[i].deadline <= now)
            fire(&alarms[i], now);
    find_next();
}

/* ---- Setting them --------------------------------------------------------------------------------------- */

static uint64_t ns_of(const struct timespec *time)
{
    uint64_t seconds = (uint64_t)time->tv_sec;
    return seconds > (LG__NEVER / 4) / SECOND_NS ? LG__NEVER / 4
                                                 : seconds * SECOND_NS + (uint64_t)time->tv_nsec;
}

static struct timespec time_of(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / SECOND_NS), (long)(ns % SECOND_NS)};
}

static uint64_t rest_of(const struct alarm *alarm)
{
    uint64_t now = lg__run_now_ns();
    if (alarm->deadline == LG__NEVER)
        return 0;
    return alarm->deadline > now ? alarm->deadline - now : 1;
}

/* From now on time counts also for a thread that is alone. */
static void set(struct lg__thread *self, struct alarm *alarm, uint64_t deadline, uint64_t interval)
{
    alarm->deadline = deadline;
    alarm->interval = interval;
    find_next();
    lg__campaign->has_alarms = true;
    lg__thread_watch(self);
    lg__baton_set_stop(self);
}

static uint64_t after(uint64_t ns)
{
    return ns ? lg__run_now_ns() + ns : LG__NEVER;
}

static int signal_of(int which)
{
    return which == ITIMER_REAL ? SIGALRM : which == ITIMER_VIRTUAL ? SIGVTALRM : SIGPROF;
}

LG__EXPORT unsigned alarm(unsigned seconds)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->alarm(seconds);
    lg__baton_point(self, LG__EVENT_SIGNAL, 0, 0, LG__SITE);
    uint64_t rest = rest_of(&alarms[0]);
    alarms[0].info = (siginfo_t){.si_signo = SIGALRM, .si_code = SI_KERNEL};
    set(self, &alarms[0], after((uint64_t)seconds * SECOND_NS), 0);
    return (unsigned)((rest + SECOND_NS - 1) / SECOND_NS);
}

static void read_timer(const struct alarm *alarm, struct timespec *rest, struct timespec *interval)
{
    *rest = time_of(rest_of(alarm));
    *interval = time_of(alarm->interval);
}

static struct timeval short_of(struct timespec time)
{
    return (struct timeval){time.tv_sec, time.tv_nsec / 1000};
}

LG__EXPORT int getitimer(__itimer_which_t which, struct itimerval *out)
{
    if (!lg__self)
        return lg__real()->getitimer(which, out);
    struct timespec rest, interval;
    read_timer(&alarms[0], &rest, &interval);
    *out = (struct itimerval){.it_value = short_of(rest), .it_interval = short_of(interval)};
    return 0;
}

/* One for the three kinds of time: here they are the same. */
LG__EXPORT int setitimer(__itimer_which_t which, const struct itimerval *restrict new,
                         struct itimerval *restrict old)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->setitimer(which, new, old);
    lg__baton_point(self, LG__EVENT_SIGNAL, 0, 0, LG__SITE);
    if (old)
        getitimer(which, old);
    if (!new)
        return 0;
    struct timespec value = {new->it_value.tv_sec, new->it_value.tv_usec * 1000};
    struct timespec interval = {new->it_interval.tv_sec, new->it_interval.tv_usec * 1000};
    alarms[0].info = (siginfo_t){.si_signo = signal_of((int)which), .si_code = SI_KERNEL};
    set(self, &alarms[0], after(ns_of(&value)), ns_of(&interval));
    return 0;
}

/* ---- POSIX timers ---------------------------------------------------------------------------------------- */

static int fail(int error)
{
    errno = error;
    return -1;
}

static struct alarm *alarm_of(timer_t timer)
{
    uintptr_t index = (uintptr_t)timer;
    return index && index < ALARMS_MAX && alarms[index].is_used ? &alarms[index] : NULL;
}

LG__EXPORT int timer_create(clockid_t clock, struct sigevent *restrict event,
                            timer_t *restrict timer)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->timer_create(clock, event, timer);
    if (event && event->sigev_notify == SIGEV_THREAD)
        lg__run_cannot("the program makes a timer with SIGEV_THREAD, which explore does not know: "
                       "use a signal\n");
    uint32_t index = 1;
    while (index < ALARMS_MAX && alarms[index].is_used)
        index++;
    if (index == ALARMS_MAX)
        return fail(EAGAIN);
    struct alarm *alarm = &alarms[index];
    *alarm = (struct alarm){.is_used = true, .deadline = LG__NEVER, .clock = clock};
    alarm->info.si_code = SI_TIMER;
    alarm->info.si_signo = SIGALRM;
    alarm->info.si_value.sival_ptr = (void *)(uintptr_t)index;
    if (event) {
        alarm->info.si_signo = event->sigev_notify == SIGEV_NONE ? 0 : event->sigev_signo;
        alarm->info.si_value = event->sigev_value;
    }
    if (event && event->sigev_notify == SIGEV_THREAD_ID)
        alarm->thread = lg__thread_by_tid(event->_sigev_un._tid);
    *timer = (timer_t)(uintptr_t)index;
    return 0;
}

LG__EXPORT int timer_gettime(timer_t timer, struct itimerspec *out)
{
    if (!lg__self)
        return lg__real()->timer_gettime(timer, out);
    const struct alarm *alarm = alarm_of(timer);
    if (!alarm)
        return fail(EINVAL);
    read_timer(alarm, &out->it_value, &out->it_interval);
    return 0;
}

LG__EXPORT int timer_settime(timer_t timer, int flags, const struct itimerspec *restrict new,
                             struct itimerspec *restrict old)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->timer_settime(timer, flags, new, old);
    lg__baton_point(self, LG__EVENT_SIGNAL, 0, 0, LG__SITE);
    struct alarm *alarm = alarm_of(timer);
    uint64_t deadline = LG__NEVER;
    bool is_set = new->it_value.tv_sec || new->it_value.tv_nsec;
    if (!alarm || (is_set && lg__time_deadline(alarm->clock, &new->it_value, &deadline)))
        return fail(EINVAL);
    if (old)
        read_timer(alarm, &old->it_value, &old->it_interval);
    if (!(flags & TIMER_ABSTIME))
        deadline = after(ns_of(&new->it_value));
    set(self, alarm, deadline, ns_of(&new->it_interval));
    return 0;
}

LG__EXPORT int timer_getoverrun(timer_t timer)
{
    if (!lg__self)
        return lg__real()->timer_getoverrun(timer);
    return alarm_of(timer) ? 0 : fail(EINVAL);
}

LG__EXPORT int timer_delete(timer_t timer)
{
    if (!lg__self)
        return lg__real()->timer_delete(timer);
    struct alarm *alarm = alarm_of(timer);
    if (!alarm)
        return fail(EINVAL);
    alarm->is_used = false;
    find_next();
    return 0;
}
