/* Robust mutex: pthread's, as a row of the graph.
 *
 * Truth is the kernel's word, which names a thread and which we do not read.  Beside it is `owner`, the context
 * that holds the mutex, written by the holder alone:
 *   R1  it is set after the mutex was taken from the kernel and cleared before it is given back.  So a
 *       context that is named there holds the mutex, and if it is blocked it goes on holding it.  While
 *       owner is 0 the mutex is free or on its way: the environment's.  No false alarm.
 *   R2  a waiter who gets the mutex ends its own wait (GRANTED) first, and then sets owner: no context is
 *       ever seen to wait for what it has.  If its wait was ended by another before (a verdict, a
 *       request, its deadline), that end stands, and the mutex goes back to the kernel.
 *   R3  all that a context holds has its owner set before a wait of that context begins (W1): of all who
 *       close a ring the last to begin sees the others.  No miss among the threads of a process.
 *   R4  owner says nothing to other processes: of a shared mutex it is the id mixed with a random number
 *       of the process, so that what another process wrote is, here, an id that nobody has.
 *
 * Who waits sleeps in the kernel, which wakes it when the mutex is free or its holder has died, and nothing
 * else can: so it sleeps in slices, and looks between two of them whether its wait was ended.  A slice is at
 * most SLICE_MAX_NS, and so late are verdicts of others, requests and, never later, its own deadline.
 *
 * Owner death.  Whom the kernel gives it as the first after a death marks it ABANDONED, sets it right for the
 * kernel and gives it back; all who find the mark give it back as well, but for recover, which takes it and
 * the mark away.  Killed at any of these steps, a thread is once more a holder who died: nothing is lost.
 *
 *     state     | changed by the holder of the kernel's mutex, to
 *     ----------+---------------------------------------------------------------------------
 *     none      | SOUND: init
 *     SOUND     | ABANDONED: first after a death; LOST: by whoever is told; none: destroy
 *     ABANDONED | SOUND: recover; LOST: as above; none: destroy
 *     LOST      | none: destroy (libc's trylock says once that it is lost, and BUSY ever after)
 *
 * Fork.  The child's copy of one that is not shared may be held, for the kernel, by a thread that the child
 * does not have; so the child makes it anew, before it first asks the kernel for it (`forks` says whether that
 * is done).  It is ABANDONED if owner was set, and was on its way otherwise, so that what it protects is
 * sound.  What the forking thread holds it has in a list of its own, and keeps: these are taken from the kernel
 * anew, in the child's handler.  Shared ones are left to the parent. */
#define _GNU_SOURCE /* getrandom */
#include "graph/detector.h"
#include "graph/search.h"
#include "plat/clock.h"
#include "plat/log.h"
#include "plat/panic.h"
#include "plat/seam.h"
#include "plat/text.h"
#include "sync/kernel_mutex.h"
#include "sync/spin.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define SLICE_MIN_NS (1 * 1000000ull)
#define SLICE_MAX_NS (16 * 1000000ull)

enum state { STATE_NONE, STATE_SOUND = 0x6c67726d, STATE_ABANDONED, STATE_LOST };

static struct lg__raw_lock anew_lock; /* leaf: a forked child's mutexes are made anew under it */
static uint64_t process_number;       /* atomic; R4; 0: not drawn yet */

/* What this thread holds, the latest last; not in the mutexes, of which other processes see some.  What has
 * no room is not known to a forked child. */
static _Thread_local struct {
    struct lg_robust_mutex *list[LG__HELD_MAX];
    uint32_t count;
} held;

/* ---- Owner ----------------------------------------------------------------------------------- */

/* Its highest bit is set, as no id's is, so that no owner is 0. */
static uint64_t draw_number(void)
{
    uint64_t number = 0;
    if (lg__seam_fails(LG__SEAM_RANDOM) ||
        getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number)
        number = (lg__now_ns() ^ (uint64_t)getpid() << 40) * 0x9e3779b97f4a7c15ull;
    number |= 1ull << 63;
    uint64_t none = 0;
    return lg__cas_relaxed(&process_number, &none, number) ? number : none;
}

/* What an id is mixed with in a mutex's owner word. */
static uint64_t mixer_of(const struct lg_robust_mutex *mutex)
{
    if (!(mutex->flags & LG_ROBUST_SHARED))
        return 0;
    uint64_t number = lg__load_relaxed(&process_number);
    return number != 0 ? number : draw_number();
}

/* The id of the holder; 0: nobody that is known here. */
static uint64_t owner_of(const struct lg_robust_mutex *mutex)
{
    uint64_t owner = lg__load_full(&mutex->owner); /* W1: after the begin */
    return owner != 0 ? owner ^ mixer_of(mutex) : 0;
}

static void survey(const void *object, lg__visit *visit, void *arg)
{
    const struct lg_robust_mutex *mutex = object;
    struct lg__holding holding = {
        .holder = owner_of(mutex),
        .units = 1,
        .unit = LG_NO_UNIT,
    };
    if (!lg__context_is_alive(holding.holder))
        return; /* of another process, or dead, or nobody */
    holding.place = lg__load_relaxed(&mutex->place);
    visit(arg, &holding);
}

static void copy_name(const void *object, char *out)
{
    lg__copy_name(out, LG_NAME_SIZE, ((const struct lg_robust_mutex *)object)->name);
}

/* Not is_robust in the sense of the class: the kernel wakes who waits for a dead thread. */
static const struct lg__resource_class robust_mutex_class = {
    .noun = "robust mutex",
    .capacity = lg__capacity_of_one,
    .survey = survey,
    .copy_name = copy_name,
};

static const char *name_of(const struct lg_robust_mutex *mutex)
{
    return mutex->name[0] ? mutex->name : "(unnamed robust mutex)";
}

/* Whether the calling thread holds it, in whichever of its contexts.  What a dead thread with the same number
 * left behind has no living owner. */
static bool is_held_by_thread(const struct lg_robust_mutex *mutex, const struct lg_context *self)
{
    uint64_t owner = owner_of(mutex);
    return owner == self->id || (owner != 0 && lg__load_relaxed(&mutex->thread) == self->thread &&
                                 lg__context_is_alive(owner) && owner_of(mutex) == owner);
}

/* ---- Holding --------------------------------------------------------------------------------- */

static inline void note_owned(struct lg_context *self, struct lg_robust_mutex *mutex,
                              lg_deadline deadline, const char *place)
{
    lg__store_relaxed(&mutex->thread, self->thread);
    if (lg__load_relaxed(&mutex->place) != place) /* its line is read by all, and rarely written */
        lg__store_relaxed(&mutex->place, place);
    lg__store_release(&mutex->owner, self->id ^ mixer_of(mutex)); /* R1, R2 */
    if (held.count < LG__HELD_MAX)
        held.list[held.count++] = mutex;
    lg__held_push(self, &robust_mutex_class, mutex, deadline, place);
}

static void remove_held(uint32_t index)
{
    held.count--;
    memmove(&held.list[index], &held.list[index + 1], (held.count - index) * sizeof(held.list[0]));
}

static void forget_held(const struct lg_robust_mutex *mutex)
{
    if (lg__likely(held.count > 0 && held.list[held.count - 1] == mutex)) {
        held.count--;
        return;
    }
    for (uint32_t i = held.count; i > 0; i--)
        if (held.list[i - 1] == mutex) {
            remove_held(i - 1);
            return;
        }
}

/* With the kernel's mutex: the first to have it after a death. */
static void abandon(struct lg_robust_mutex *mutex)
{
    lg__store_relaxed(&mutex->owner, (uint64_t)0);
    lg__store_relaxed(&mutex->state, (uint32_t)STATE_ABANDONED);
    lg__kernel_mutex_adopt(mutex);
}

static void give_back(struct lg_robust_mutex *mutex, enum lg__kernel_outcome outcome)
{
    if (outcome == LG__KERNEL_ORPHANED)
        abandon(mutex);
    lg__kernel_mutex_unlock(mutex);
}

/* Whether the kernel gave it, soundly or not. */
static bool is_taken(enum lg__kernel_outcome outcome)
{
    return outcome == LG__KERNEL_TAKEN || outcome == LG__KERNEL_ORPHANED;
}

/* Outside of waits: the callback may wait itself. */
static int refuse(struct lg_robust_mutex *mutex, enum lg__kernel_outcome outcome)
{
    bool is_lost = outcome == LG__KERNEL_LOST;
    char text[160];
    if (is_lost)
        lg__store_relaxed(&mutex->state, (uint32_t)STATE_LOST);
    snprintf(text, sizeof text, "robust mutex \"%s\": %s", name_of(mutex),
             is_lost ? "its holder died, and somebody unlocked it by other means"
                     : "the system refused it");
    struct lg_log_field field = {"name", name_of(mutex)};
    lg__log(LG_LOG_ERROR, "robust-mutex", &field, 1, text);
    return LG_ESYS;
}

static __attribute__((noinline)) int refuse_or_give_back(struct lg_robust_mutex *mutex,
                                                         enum lg__kernel_outcome outcome)
{
    if (!is_taken(outcome))
        return refuse(mutex, outcome);
    give_back(mutex, outcome);
    return LG_EOWNERDEAD;
}

/* What the kernel said, which was not BUSY: keep what it gave, or give back what has to be recovered first. */
static inline int keep_or_give_back(struct lg_robust_mutex *mutex, enum lg__kernel_outcome outcome)
{
    bool is_sound = lg__load_relaxed(&mutex->state) == STATE_SOUND;
    return lg__likely(outcome == LG__KERNEL_TAKEN && is_sound)
               ? LG_OK
               : refuse_or_give_back(mutex, outcome);
}

/* ---- Made, and made anew --------------------------------------------------------------------- */

int lg_robust_mutex_init(struct lg_robust_mutex *mutex, const char *name, uint32_t flags)
{
    if (!mutex || (flags & ~(LG_ROBUST_SHARED | LG_ROBUST_INHERIT)))
        return LG_EINVAL;
    memset(mutex, 0, sizeof *mutex);
    if (!lg__kernel_mutex_init(mutex, flags))
        return LG_ESYS;
    mutex->flags = flags;
    mutex->forks = lg__fork_count();
    lg__copy_name(mutex->name, sizeof mutex->name, name);
    lg__store_release(&mutex->state, (uint32_t)STATE_SOUND);
    return LG_OK;
}

static bool is_of_parent(const struct lg_robust_mutex *mutex)
{
    return !(mutex->flags & LG_ROBUST_SHARED) &&
           lg__load_acquire(&mutex->forks) != lg__fork_count();
}

static bool make_anew_for_kernel(struct lg_robust_mutex *mutex)
{
    memset(mutex->kernel, 0, sizeof mutex->kernel);
    return lg__kernel_mutex_init(mutex, mutex->flags);
}

/* Under anew_lock.  `forks` comes last: until then nobody else looks at the rest. */
static bool make_anew(struct lg_robust_mutex *mutex)
{
    if (!make_anew_for_kernel(mutex))
        return false;
    if (lg__load_relaxed(&mutex->owner) != 0)
        lg__store_relaxed(&mutex->state, (uint32_t)STATE_ABANDONED);
    lg__store_relaxed(&mutex->owner, (uint64_t)0);
    lg__store_release(&mutex->forks, lg__fork_count());
    return true;
}

/* LG_OK: it was made by init, and the kernel may be asked for it. */
static int get_usable(struct lg_robust_mutex *mutex)
{
    if (!mutex)
        return LG_EINVAL;
    uint32_t state = lg__load_acquire(&mutex->state);
    if (state == STATE_LOST)
        return LG_ESYS;
    if (state != STATE_SOUND && state != STATE_ABANDONED)
        return LG_EINVAL;
    if (lg__likely(!is_of_parent(mutex)))
        return LG_OK;
    lg__raw_lock(&anew_lock);
    bool is_made = !is_of_parent(mutex) || make_anew(mutex);
    lg__raw_unlock(&anew_lock);
    return is_made ? LG_OK : LG_ESYS;
}

static void visit_waiter(void *arg, struct lg_context *context)
{
    struct lg_robust_mutex **mutex = arg;
    uint64_t word = lg__load_full(&context->wait.word);
    if (LG__WAIT_STATE(word) == LG__WAIT_IDLE || !lg__wait_pin(&context->wait, word))
        return;
    bool is_it =
        context->wait.want.object == *mutex && context->wait.want.class == &robust_mutex_class;
    lg__wait_unpin(&context->wait);
    if (is_it)
        *mutex = NULL;
}

void lg_robust_mutex_destroy(struct lg_robust_mutex *mutex)
{
    struct lg_robust_mutex *unless_waited_for = mutex;
    if (get_usable(mutex) == LG_EINVAL)
        return;
    lg__context_each(visit_waiter, &unless_waited_for);
    if (!unless_waited_for)
        lg__panic("a robust mutex was destroyed while waited for", name_of(mutex));
    enum lg__kernel_outcome outcome =
        mutex->state == STATE_LOST ? LG__KERNEL_LOST : lg__kernel_mutex_try(mutex);
    if (outcome == LG__KERNEL_BUSY)
        lg__panic("a robust mutex was destroyed while held", name_of(mutex));
    if (is_taken(outcome))
        give_back(mutex, outcome);
    lg__kernel_mutex_destroy(mutex);
    lg__store_relaxed(&mutex->state, (uint32_t)STATE_NONE);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void log_no_wait(const struct lg_robust_mutex *mutex)
{
    static uint32_t was_said; /* atomic */
    if (lg__swap_acquire(&was_said, 1u) != 0)
        return;
    struct lg_log_field field = {"name", name_of(mutex)};
    lg__log(LG_LOG_WARN, "no-lock-pi2", &field, 1,
            "this kernel (before Linux 5.14) cannot wait for a priority-inheriting mutex with a "
            "deadline: waits poll, and lend no priority");
}

/* One attempt to lock. */
struct attempt {
    struct lg_context *self;
    struct lg_robust_mutex *mutex;
    struct lg__want want;
    bool must_poll; /* the kernel cannot wait for it, or must not */
    bool must_say;  /* ... and it cannot */
};

/* One slice of sleep. */
static enum lg__kernel_outcome sleep_slice(struct attempt *attempt, uint64_t slice_ns)
{
    struct lg__wait *wait = &attempt->self->wait;
    uint64_t until_ns = lg__now_ns() + slice_ns;
    if (until_ns > wait->want.deadline)
        until_ns = wait->want.deadline;
    if (!attempt->must_poll) {
        enum lg__kernel_outcome outcome = lg__kernel_mutex_wait(attempt->mutex, until_ns);
        attempt->must_say = outcome == LG__KERNEL_NO_WAIT;
        attempt->must_poll = outcome == LG__KERNEL_NO_WAIT || outcome == LG__KERNEL_POLL;
        return attempt->must_poll ? LG__KERNEL_BUSY : outcome;
    }
    (void)lg__wait_doze(wait, until_ns - 1); /* up to the deadline it would not sleep at all */
    return lg__kernel_mutex_try(attempt->mutex);
}

/* Sleep until the caller's wait has ended.  BUSY: and the caller has not got it; else what the kernel said. */
static enum lg__kernel_outcome sleep_until_ended(struct attempt *attempt)
{
    struct lg__wait *wait = &attempt->self->wait;
    for (uint64_t slice_ns = SLICE_MIN_NS;;) {
        uint64_t word = lg__load_acquire(&wait->word); /* W2 */
        if (LG__WAIT_STATE(word) != LG__WAIT_WAITING)
            return LG__KERNEL_BUSY;
        enum lg__kernel_outcome outcome = sleep_slice(attempt, slice_ns);
        if (outcome != LG__KERNEL_BUSY) {
            if (lg__wait_end_this(wait, word, LG__WAIT_GRANTED, 0)) /* R2 */
                return outcome;
            if (is_taken(outcome))
                give_back(attempt->mutex, outcome);
            return LG__KERNEL_BUSY;
        }
        if (lg__deadline_has_passed(wait->want.deadline))
            (void)lg__wait_end_this(wait, word, LG__WAIT_TIMED_OUT, 0);
        slice_ns = slice_ns < SLICE_MAX_NS ? slice_ns * 2 : slice_ns;
    }
}

static int wait_for_it(struct attempt *attempt)
{
    struct lg_context *self = attempt->self;
    if (!lg__wait_begin(&self->wait, &attempt->want, LG__WAIT_WAITING))
        lg__detector_look(self);
    if (lg__unlikely(lg__load_relaxed(&self->wait.observed) != 0))
        lg__observe_sleeps(self);
    enum lg__kernel_outcome outcome = sleep_until_ended(attempt);
    int status = lg__wait_status(&self->wait, LG__WAIT_STATE(lg__load_relaxed(&self->wait.word)));
    if (status == LG_ETIMEDOUT)
        lg__detector_explain(self);
    lg__wait_retract(&self->wait);
    if (attempt->must_say)
        log_no_wait(attempt->mutex);
    return outcome == LG__KERNEL_BUSY ? status : keep_or_give_back(attempt->mutex, outcome);
}

/* ---- Lock and unlock ------------------------------------------------------------------------- */

static int refuse_again(struct attempt *attempt)
{
    if (attempt->want.deadline == LG_TRY)
        return LG_EBUSY;
    lg__detector_explain_want(attempt->self, &attempt->want, LG_REPORT_DEADLOCK);
    return LG_EDEADLK;
}

/* Not had at once. */
static int lock_slow(struct attempt *attempt)
{
    if (attempt->want.deadline == LG_TRY)
        return LG_EBUSY;
    if (!lg__deadline_has_passed(attempt->want.deadline))
        return wait_for_it(attempt);
    lg__detector_explain_want(attempt->self, &attempt->want, LG_REPORT_TIMEOUT);
    return LG_ETIMEDOUT;
}

/* A few looks whether it comes free by itself.  Not for one that lends its waiters' priority: that is lent
 * by who sleeps.  And not while the holder, if it is known here, is blocked. */
static enum lg__kernel_outcome spin_to_take(const struct attempt *attempt)
{
    struct lg_robust_mutex *mutex = attempt->mutex;
    struct lg__spin spin = lg__spin_begin();
    bool may_spin = attempt->want.deadline != LG_TRY && !(mutex->flags & LG_ROBUST_INHERIT);
    enum lg__kernel_outcome outcome = lg__kernel_mutex_try(mutex);
    while (outcome == LG__KERNEL_BUSY && may_spin && lg__spin_pause(&spin)) {
        uint64_t blocked_word;
        uint64_t owner = owner_of(mutex);
        if (owner == 0)
            outcome = lg__kernel_mutex_try(mutex);
        else if (lg__blocked_holder(owner, &blocked_word))
            may_spin = false;
    }
    return outcome;
}

static int lock(struct attempt *attempt)
{
    struct lg_robust_mutex *mutex = attempt->mutex;
    if (is_held_by_thread(mutex, attempt->self))
        return refuse_again(attempt);
    if (lg__load_relaxed(&mutex->state) == STATE_ABANDONED)
        return LG_EOWNERDEAD;
    enum lg__kernel_outcome outcome = spin_to_take(attempt);
    return outcome == LG__KERNEL_BUSY ? lock_slow(attempt) : keep_or_give_back(mutex, outcome);
}

static __attribute__((noinline)) int lock_otherwise(struct lg_robust_mutex *mutex,
                                                    lg_deadline deadline, const char *place)
{
    int status = get_usable(mutex);
    struct attempt attempt = {
        .self = status == LG_OK ? lg__context_self() : NULL,
        .mutex = mutex,
        .want = {&robust_mutex_class, mutex, 1, false, deadline, place, 0},
    };
    if (!attempt.self)
        return status == LG_OK ? LG_ENOMEM : status;
    status = lock(&attempt);
    if (status == LG_OK)
        note_owned(attempt.self, mutex, deadline, place);
    if (status == LG_EDEADLK)
        lg__detector_log(attempt.self);
    return status;
}

/* Whether it may be asked for, is whole, and as it seems free. */
static inline bool is_ready(const struct lg_robust_mutex *mutex)
{
    return lg__load_acquire(&mutex->state) == STATE_SOUND && !is_of_parent(mutex) &&
           lg__load_relaxed(&mutex->owner) == 0;
}

int lg_robust_mutex_lock_at(struct lg_robust_mutex *mutex, lg_deadline deadline, const char *place)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_context *self = lg__self;
    if (lg__unlikely(!mutex || !self || !is_ready(mutex)))
        return lock_otherwise(mutex, deadline, place);
    enum lg__kernel_outcome outcome = lg__kernel_mutex_try(mutex);
    if (lg__unlikely(outcome == LG__KERNEL_BUSY))
        return lock_otherwise(mutex, deadline, place);
    int status = keep_or_give_back(mutex, outcome);
    if (lg__likely(status == LG_OK))
        note_owned(self, mutex, deadline, place);
    return status;
}

int lg_robust_mutex_lock_into(struct lg_robust_mutex *mutex, lg_deadline deadline,
                              const char *place, int *status) LG_NO_THREAD_SAFETY_ANALYSIS
{
    return *status = lg_robust_mutex_lock_at(mutex, deadline, place);
}

void lg_robust_mutex_unlock(struct lg_robust_mutex *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct lg_context *self = lg__self;
    if (!self || owner_of(mutex) != self->id)
        lg__panic("a robust mutex was unlocked by a context that does not hold it", name_of(mutex));
    if (mutex->thread != self->thread)
        lg__panic("a robust mutex was unlocked on another thread than it was locked on",
                  name_of(mutex));
    forget_held(mutex);
    lg__held_pop(self, mutex);
    lg__store_relaxed(&mutex->owner, (uint64_t)0); /* R1; the unlock releases it */
    lg__kernel_mutex_unlock(mutex);
}

/* Whoever has an abandoned one gives it back within a few instructions, or dies at it. */
static int take_abandoned(struct lg_robust_mutex *mutex)
{
    enum lg__kernel_outcome outcome = lg__kernel_mutex_try(mutex);
    while (outcome == LG__KERNEL_BUSY && lg__load_relaxed(&mutex->state) == STATE_ABANDONED) {
        outcome = lg__kernel_mutex_wait(mutex, lg__now_ns() + SLICE_MIN_NS);
        if (outcome == LG__KERNEL_NO_WAIT || outcome == LG__KERNEL_POLL)
            outcome = lg__kernel_mutex_try(mutex);
    }
    if (outcome == LG__KERNEL_BUSY)
        return LG_EBUSY;
    if (!is_taken(outcome))
        return refuse(mutex, outcome);
    if (outcome == LG__KERNEL_ORPHANED)
        abandon(mutex);
    if (lg__load_relaxed(&mutex->state) == STATE_ABANDONED) {
        lg__store_relaxed(&mutex->state, (uint32_t)STATE_SOUND);
        return LG_OK;
    }
    lg__kernel_mutex_unlock(mutex);
    return LG_EBUSY;
}

int lg_robust_mutex_recover_at(struct lg_robust_mutex *mutex, const char *place)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    int status = get_usable(mutex);
    struct lg_context *self = status == LG_OK ? lg__context_self() : NULL;
    if (!self)
        return status == LG_OK ? LG_ENOMEM : status;
    if (is_held_by_thread(mutex, self))
        return LG_EBUSY;
    status = take_abandoned(mutex);
    if (status == LG_OK)
        note_owned(self, mutex, LG_TRY, place);
    return status;
}

int lg_robust_mutex_is_held(const struct lg_robust_mutex *mutex)
{
    const struct lg_context *self = lg__self;
    return mutex && self && owner_of(mutex) == self->id && mutex->thread == self->thread;
}

/* ---- Fork ------------------------------------------------------------------------------------ */

static void lock_anew(void)
{
    lg__raw_lock(&anew_lock);
}

static void unlock_anew(void)
{
    lg__raw_unlock(&anew_lock);
}

/* One that is not shared and that the only thread of the child holds. */
static bool keep_in_child(struct lg_robust_mutex *mutex)
{
    if (!lg__self || mutex->owner != lg__self->id || !make_anew_for_kernel(mutex) ||
        lg__kernel_mutex_try(mutex) != LG__KERNEL_TAKEN)
        return false; /* whoever asks for it next makes it anew */
    mutex->thread = lg__self->thread;
    mutex->forks = lg__fork_count();
    return true;
}

/* In the child: of shared ones only the addresses are used. */
static void go_on_in_child(void)
{
    anew_lock = (struct lg__raw_lock){0};
    process_number = 0;
    for (uint32_t i = held.count; i > 0; i--) {
        struct lg_robust_mutex *mutex = held.list[i - 1];
        bool is_shared = mutex->flags & LG_ROBUST_SHARED; /* written by init only */
        if (!is_shared && keep_in_child(mutex))
            continue;
        if (lg__self && lg__held_find(lg__self, mutex))
            lg__held_pop(lg__self, mutex);
        remove_held(i - 1);
    }
}

static __attribute__((constructor)) void add_fork_hooks(void)
{
    static const struct lg__fork_hooks hooks = {lock_anew, unlock_anew, go_on_in_child};
    lg__fork_add(&hooks);
}
