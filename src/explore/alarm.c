#include "explore/alarm.h"

#include "explore/intercept.h"
#include "explore/kernel.h"
#include "explore/signal.h"
#include "explore/strategy.h"
#include "explore/together.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

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
    int file;                       /* a timerfd + 1; 0: it is none */
    void (*function)(union sigval); /* of SIGEV_THREAD; a thread of its own keeps its time */
    uint64_t settings; /* how often it was set, or made: a thread of an older one ends */
} alarms[ALARMS_MAX] = {{.is_used = true, .deadline = LG__NEVER}};

LG__TOGETHER uint64_t lg__alarm_next = LG__NEVER;

static void find_next(void)
{
    lg__alarm_next = LG__NEVER;
    for (uint32_t i = 0; i < ALARMS_MAX; i++)
        if (alarms[i].is_used && !alarms[i].function && alarms[i].deadline < lg__alarm_next)
            lg__alarm_next = alarms[i].deadline;
}

/* What was missed meanwhile is one signal. */
static void fire(struct alarm *alarm, uint64_t now)
{
    uint64_t deadline = alarm->deadline, times = 1;
    alarm->deadline = LG__NEVER;
    if (alarm->interval) {
        times += (now - deadline) / alarm->interval;
        alarm->deadline = deadline + times * alarm->interval;
    }
    if (alarm->file)
        lg__kernel_call(SYS_write, alarm->file - 1, (long)(uintptr_t)&times, sizeof times, 0);
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
        if (alarms[i].is_used && !alarms[i].function && alarms[i].deadline <= now)
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

static struct alarm *make_alarm(clockid_t clock)
{
    uint32_t index = 1;
    while (index < ALARMS_MAX && alarms[index].is_used)
        index++;
    if (index == ALARMS_MAX)
        return NULL;
    uint64_t settings = alarms[index].settings + 1;
    alarms[index] = (struct alarm){
        .is_used = true, .deadline = LG__NEVER, .clock = clock, .settings = settings};
    return &alarms[index];
}

static void drop_alarm(struct alarm *alarm)
{
    alarm->is_used = false;
    alarm->settings++;
    find_next();
}

LG__EXPORT int timer_create(clockid_t clock, struct sigevent *restrict event,
                            timer_t *restrict timer)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->timer_create(clock, event, timer);
    struct alarm *alarm = make_alarm(clock);
    if (!alarm)
        return fail(EAGAIN);
    uintptr_t index = (uintptr_t)(alarm - alarms);
    alarm->info.si_code = SI_TIMER;
    alarm->info.si_signo = SIGALRM;
    alarm->info.si_value.sival_ptr = (void *)index;
    if (event) {
        alarm->info.si_signo = event->sigev_notify == SIGEV_NONE ? 0 : event->sigev_signo;
        alarm->info.si_value = event->sigev_value;
    }
    if (event && event->sigev_notify == SIGEV_THREAD) {
        alarm->info.si_signo = 0;
        alarm->function = event->sigev_notify_function;
    }
    if (event && event->sigev_notify == SIGEV_THREAD_ID)
        alarm->thread = lg__thread_by_tid(event->_sigev_un._tid);
    *timer = (timer_t)index;
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

/* ---- SIGEV_THREAD: a thread that sleeps until it is time, and then calls, or starts threads that call ------ */

struct timekeeper {
    struct alarm *alarm;
    uint64_t settings, deadline, site;
    void (*function)(union sigval);
    union sigval value;
};

static void *call(void *argument)
{
    const struct timekeeper *keeper = argument;
    keeper->function(keeper->value);
    return NULL;
}

/* One call may be under way while the next begins, but no more: the program could not stop them. */
static void call_again(const struct timekeeper *keeper, pthread_t *last, bool *has_last)
{
    pthread_t next;
    if (lg__thread_create(lg__self, &next, NULL, call, (void *)(uintptr_t)keeper, keeper->site))
        return;
    if (*has_last)
        lg__thread_join(lg__self, *last, NULL, LG__NEVER, keeper->site);
    *last = next;
    *has_last = true;
}

static void *run_timekeeper(void *argument)
{
    struct timekeeper *keeper = argument;
    struct alarm *alarm = keeper->alarm;
    pthread_t last = 0;
    bool has_last = false;
    for (;;) {
        /* Only the first may come early: or it would go on for ever while others wait for their turn. */
        bool is_time = has_last ? lg__sleep_punctually(lg__self, keeper->deadline, keeper->site)
                                : lg__sleep_until(lg__self, keeper->deadline, keeper->site);
        if (alarm->settings != keeper->settings)
            break;
        if (is_time && !alarm->interval) {
            alarm->deadline = LG__NEVER;
            return call(keeper);
        }
        if (!is_time)
            continue;
        keeper->deadline = alarm->deadline += alarm->interval;
        call_again(keeper, &last, &has_last);
    }
    if (has_last)
        lg__thread_detach(last);
    return NULL;
}

static int keep_time(struct lg__thread *self, struct alarm *alarm, uint64_t site)
{
    struct timekeeper *keeper = lg__run_allocate(sizeof *keeper);
    pthread_attr_t attributes;
    pthread_t handle;
    *keeper = (struct timekeeper){.alarm = alarm,
                                  .settings = alarm->settings,
                                  .deadline = alarm->deadline,
                                  .site = site,
                                  .function = alarm->function,
                                  .value = alarm->info.si_value};
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int error = lg__thread_create(self, &handle, &attributes, run_timekeeper, keeper, site);
    pthread_attr_destroy(&attributes);
    return error ? fail(error) : 0;
}

/* False: the time is none. */
static bool set_timer(struct lg__thread *self, struct alarm *alarm, bool is_absolute,
                      const struct itimerspec *new, struct itimerspec *old)
{
    uint64_t deadline = LG__NEVER;
    bool is_set = new->it_value.tv_sec || new->it_value.tv_nsec;
    if (is_set && lg__time_deadline(alarm->clock, &new->it_value, &deadline))
        return false;
    if (old)
        read_timer(alarm, &old->it_value, &old->it_interval);
    if (!is_absolute)
        deadline = after(ns_of(&new->it_value));
    alarm->settings++;
    set(self, alarm, deadline, ns_of(&new->it_interval));
    return true;
}

LG__EXPORT int timer_settime(timer_t timer, int flags, const struct itimerspec *restrict new,
                             struct itimerspec *restrict old)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->timer_settime(timer, flags, new, old);
    lg__baton_point(self, LG__EVENT_SIGNAL, 0, 0, LG__SITE);
    struct alarm *alarm = alarm_of(timer);
    if (!alarm || !set_timer(self, alarm, flags & TIMER_ABSTIME, new, old))
        return fail(EINVAL);
    return alarm->function && alarm->deadline != LG__NEVER ? keep_time(self, alarm, LG__SITE) : 0;
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
    drop_alarm(alarm);
    return 0;
}

/* ---- timerfd: a counter of the kernel's, to which the alarm adds ------------------------------------------- */

static struct alarm *alarm_of_file(int descriptor)
{
    for (uint32_t i = 1; i < ALARMS_MAX; i++)
        if (alarms[i].is_used && alarms[i].file == descriptor + 1 && alarms[i].file)
            return &alarms[i];
    return NULL;
}

/* The flags have the same bits. */
LG__EXPORT int timerfd_create(int clock, int flags)
{
    if (!lg__self)
        return lg__real()->timerfd_create(clock, flags);
    struct timespec unused;
    if (lg__real()->clock_gettime(clock, &unused))
        return -1;
    int descriptor = eventfd(0, flags);
    if (descriptor < 0)
        return -1;
    struct alarm *alarm = make_alarm(clock);
    if (!alarm) {
        lg__real()->close(descriptor);
        return fail(EMFILE);
    }
    alarm->file = descriptor + 1;
    return descriptor;
}

/* What has come before counts no more. */
static void empty(int descriptor)
{
    struct pollfd one = {.fd = descriptor, .events = POLLIN};
    uint64_t count;
    if (lg__real()->poll(&one, 1, 0) > 0)
        lg__kernel_call(SYS_read, descriptor, (long)(uintptr_t)&count, sizeof count, 0);
}

LG__EXPORT int timerfd_settime(int descriptor, int flags, const struct itimerspec *new,
                               struct itimerspec *old)
{
    struct lg__thread *self = lg__self;
    struct alarm *alarm = self ? alarm_of_file(descriptor) : NULL;
    if (!alarm)
        return lg__real()->timerfd_settime(descriptor, flags, new, old);
    lg__baton_point(self, LG__EVENT_INPUT, 0, 0, LG__SITE);
    if (!set_timer(self, alarm, flags & TFD_TIMER_ABSTIME, new, old))
        return fail(EINVAL);
    empty(descriptor);
    lg__input_tell(self);
    return 0;
}

LG__EXPORT int timerfd_gettime(int descriptor, struct itimerspec *out)
{
    const struct alarm *alarm = lg__self ? alarm_of_file(descriptor) : NULL;
    if (!alarm)
        return lg__real()->timerfd_gettime(descriptor, out);
    read_timer(alarm, &out->it_value, &out->it_interval);
    return 0;
}

bool lg__alarm_is_file(int descriptor)
{
    return alarm_of_file(descriptor) != NULL;
}

void lg__alarm_close(int descriptor)
{
    struct alarm *alarm = alarm_of_file(descriptor);
    if (alarm)
        drop_alarm(alarm);
}
