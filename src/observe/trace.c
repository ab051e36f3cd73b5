/* Recording: the theory is in trace.h. */
#include "observe/trace.h"

#include "observe/serial.h"
#include "plat/clock.h"
#include "plat/memory.h"
#include "plat/sized.h"
#include "plat/text.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct lg__trace_ring
    *newest;         /* atomic; a list that only grows; release pairs with acquire */
static uint64_t era; /* atomic */
static uint32_t
    has_counter; /* atomic relaxed; written before era (release); the processor's own clock */

static uint32_t is_claimed; /* atomic; acquire pairs with release */

/* All under control_lock, which nothing is taken under. */
static struct lg__raw_lock control_lock;
static char only[LG_NAME_SIZE];
static struct lg__trace_time start_time;

/* ---- Time ----------------------------------------------------------------------------------------- */

/* Whether the kernel itself tells time by the processor's counter: then it goes at one speed everywhere. */
static bool is_counter_good(void)
{
#if defined(__x86_64__)
    char source[16] = "";
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                  O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, source, sizeof source - 1) : 0;
    if (fd >= 0)
        close(fd);
    return got >= 4 && strncmp(source, "tsc\n", 4) == 0;
#else
    return false;
#endif
}

static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
    if (lg__likely(lg__load_relaxed(&has_counter)))
        return __builtin_ia32_rdtsc();
#endif
    return lg__now_ns();
}

struct lg__trace_time lg__trace_now(void)
{
    return (struct lg__trace_time){ticks(), lg__now_ns()};
}

struct lg__trace_time lg__trace_start_time(void)
{
    lg__raw_lock(&control_lock);
    struct lg__trace_time time = start_time;
    lg__raw_unlock(&control_lock);
    return time;
}

/* ---- Events --------------------------------------------------------------------------------------- */

static inline void write_event(struct lg__trace_ring *ring, enum lg__trace_kind kind, uint32_t name,
                               uint64_t object, uint64_t extra)
{
    uint64_t head = lg__load_relaxed(&ring->head);
    uint64_t *words = ring->words[head % LG_TRACE_EVENTS];
    lg__store_release(&words[0], ticks()); /* T1 */
    lg__store_release(&words[1], (uint64_t)name << 8 | kind);
    lg__store_release(&words[2], object);
    lg__store_release(&words[3], extra);
    lg__store_release(&ring->head, head + 1);
}

/* A ring begins: a new trace, or a new context. */
static void begin_ring(struct lg_context *self, struct lg__trace_ring *ring, uint64_t current)
{
    lg__store_relaxed(&ring->context, lg__load_relaxed(&self->id));
    lg__store_relaxed(&ring->thread, (uint64_t)(uint32_t)self->tid);
    ring->open_count = 0;
    ring->is_waiting = false;
    if (ring->era != current) {
        lg__store_release(&ring->name_count, 0u);
        memset(ring->hints, 0, sizeof ring->hints);
        lg__store_release(&ring->head, (uint64_t)0);
        lg__store_release(&ring->era, current);
    }
    write_event(ring, LG__TRACE_BEGIN, 0, ring->context, ring->thread);
}

static __attribute__((noinline)) struct lg__trace_ring *make_ring(struct lg_context *self)
{
    struct lg__trace_ring *ring = lg__reserve(sizeof *ring);
    self->observations[LG__OBSERVER_TRACE] = ring;
    if (!ring)
        return NULL;
    begin_ring(self, ring, lg__load_acquire(&era));
    ring->older = lg__load_relaxed(&newest);
    while (!lg__cas_release(&newest, &ring->older, ring))
        continue;
    return ring;
}

/* NULL: no memory, and so there is no trace of it. */
static inline struct lg__trace_ring *ring_of(struct lg_context *self)
{
    struct lg__trace_ring *ring = self->observations[LG__OBSERVER_TRACE];
    if (lg__unlikely(!ring))
        return make_ring(self);
    uint64_t current = lg__load_relaxed(&era);
    if (lg__unlikely(ring->era != current || ring->context != lg__load_relaxed(&self->id)))
        begin_ring(self, ring, current);
    return ring;
}

/* ---- Names ---------------------------------------------------------------------------------------- */

static bool is_wanted(const char *name)
{
    lg__raw_lock(&control_lock);
    size_t length = strlen(only);
    bool is_start = length > 0 && only[length - 1] == '*';
    bool is_it =
        length == 0 || (is_start ? strncmp(name, only, length - 1) == 0 : strcmp(name, only) == 0);
    lg__raw_unlock(&control_lock);
    return is_it;
}

static bool is_name(const struct lg__trace_name *entry, const char *noun, const char *name)
{
    return entry->noun == noun && strcmp(entry->name, name) == 0;
}

/* Index + 1 of a name; 0: there are too many. */
static __attribute__((noinline)) uint32_t add_name(struct lg__trace_ring *ring, const char *noun,
                                                   const char *name)
{
    uint32_t count = ring->name_count;
    for (uint32_t i = 0; i < count; i++)
        if (is_name(&ring->names[i], noun, name))
            return i + 1;
    if (count == LG__TRACE_NAMES)
        return 0;
    struct lg__trace_name *entry = &ring->names[count];
    entry->noun = noun;
    memcpy(entry->name, name, sizeof entry->name);
    entry->is_wanted = is_wanted(name);
    lg__store_release(&ring->name_count, count + 1);
    return count + 1;
}

static __attribute__((noinline)) uint32_t find_name(struct lg__trace_ring *ring,
                                                    const struct lg__resource_class *class,
                                                    const void *object, struct lg__trace_hint *hint)
{
    char name[LG_NAME_SIZE] = "";
    class->copy_name(object, name);
    hint->object = object;
    hint->serial = lg__serial_make(class, object);
    return hint->name = add_name(ring, class->noun, name);
}

static inline uint32_t name_of(struct lg__trace_ring *ring, const struct lg__resource_class *class,
                               const void *object)
{
    struct lg__trace_hint *hint = &ring->hints[((uintptr_t)object * 0x9e3779b97f4a7c15ull) >> 54];
    uint32_t serial = lg__serial_of(class, object);
    if (lg__likely(serial != 0 && hint->object == object && hint->serial == serial))
        return hint->name;
    return find_name(ring, class, object, hint);
}

static inline bool is_index_wanted(const struct lg__trace_ring *ring, uint32_t index)
{
    return index == 0 || ring->names[index - 1].is_wanted;
}

/* ---- What is heard -------------------------------------------------------------------------------- */

static void hear_taken(struct lg_context *self, const struct lg__taking *taking)
{
    struct lg__trace_ring *ring = ring_of(self);
    if (lg__unlikely(!ring || ring->open_count == LG__HELD_MAX))
        return;
    uint32_t name = name_of(ring, taking->class, taking->object);
    if (!is_index_wanted(ring, name))
        return;
    ring->open[ring->open_count++] = taking->object;
    write_event(ring, LG__TRACE_TAKEN, name, (uintptr_t)taking->object, (uintptr_t)taking->place);
}

static void hear_released(struct lg_context *self, const void *object)
{
    struct lg__trace_ring *ring = ring_of(self);
    uint32_t i = ring ? ring->open_count : 0;
    while (i > 0 && ring->open[i - 1] != object)
        i--;
    if (i == 0)
        return;
    for (ring->open_count--; i <= ring->open_count; i++)
        ring->open[i - 1] = ring->open[i];
    write_event(ring, LG__TRACE_RELEASED, 0, (uintptr_t)object, 0);
}

/* The object is not held, so it gets no serial now. */
static void hear_sleeps(struct lg_context *self, const struct lg__wait *wait)
{
    struct lg__trace_ring *ring = ring_of(self);
    if (!ring)
        return;
    uint32_t name = add_name(ring, wait->begun_for->noun, wait->begun_name);
    ring->is_waiting = is_index_wanted(ring, name);
    if (ring->is_waiting)
        write_event(ring, LG__TRACE_WAITS, name, (uintptr_t)wait->want.object,
                    (uintptr_t)wait->want.place);
}

/* One that was too short to sleep has no beginning, and is left out. */
static void hear_waited(struct lg_context *self, const struct lg__wait *wait)
{
    struct lg__trace_ring *ring = ring_of(self);
    if (!ring || !ring->is_waiting)
        return;
    ring->is_waiting = false;
    write_event(ring, LG__TRACE_WAITED, 0, (uintptr_t)wait->want.object,
                lg__load_relaxed(&wait->word));
}

/* Under somebody's lock: only into a ring that is there. */
static void hear_woke(struct lg_context *self, const struct lg_context *waiter, uint64_t word)
{
    struct lg__trace_ring *ring = self->observations[LG__OBSERVER_TRACE];
    if (ring && ring->era == lg__load_relaxed(&era) && ring->context == lg__load_relaxed(&self->id))
        write_event(ring, LG__TRACE_WOKE, 0, lg__load_relaxed(&waiter->id), word);
}

/* The end of a context, on whatever thread; the ring is nobody else's yet. */
static void hear_end(struct lg_context *context, uint64_t id)
{
    struct lg__trace_ring *ring = context->observations[LG__OBSERVER_TRACE];
    if (!ring || ring->context != id || ring->era != lg__load_relaxed(&era) ||
        lg__load_relaxed(&context->wait.observed) == 0)
        return;
    char name[LG_NAME_SIZE];
    memcpy(name, context->name, sizeof name);
    write_event(ring, LG__TRACE_END, name[0] ? add_name(ring, "thread", name) : 0, id, 0);
}

/* ---- Reading -------------------------------------------------------------------------------------- */

struct lg__trace_ring *lg__trace_rings(void)
{
    return lg__load_acquire(&newest);
}

/* By the first event that says whose ring it is, or was until then. */
static void find_owner(struct lg__trace_copy *copy)
{
    copy->owner = lg__load_relaxed(&copy->ring->context);
    copy->thread = lg__load_relaxed(&copy->ring->thread);
    for (uint32_t i = 0; i < copy->count; i++) {
        const struct lg__trace_event *event = &copy->events[i];
        if (event->kind != LG__TRACE_END && event->kind != LG__TRACE_BEGIN)
            continue;
        copy->owner = event->kind == LG__TRACE_END ? event->object : 1;
        copy->thread = 0;
        return;
    }
}

void lg__trace_copy(struct lg__trace_copy *copy, struct lg__trace_ring *ring)
{
    copy->ring = ring;
    copy->count = 0;
    if (lg__load_acquire(&ring->era) != lg__load_relaxed(&era))
        return;
    uint64_t head = lg__load_acquire(&ring->head);
    uint64_t first = head > LG_TRACE_EVENTS ? head - LG_TRACE_EVENTS : 0;
    for (uint64_t i = first; i < head; i++) {
        const uint64_t *words = ring->words[i % LG_TRACE_EVENTS];
        uint64_t kind = lg__load_acquire(&words[1]); /* T1, each */
        copy->events[i - first] =
            (struct lg__trace_event){.ticks = lg__load_acquire(&words[0]),
                                     .object = lg__load_acquire(&words[2]),
                                     .extra = lg__load_acquire(&words[3]),
                                     .kind = (enum lg__trace_kind)(kind & 0xff),
                                     .name = (uint32_t)(kind >> 8)};
    }
    uint64_t latest = lg__load_acquire(&ring->head);
    /* The next event may be on its way into the place of the oldest. */
    uint64_t good = latest + 1 > LG_TRACE_EVENTS ? latest + 1 - LG_TRACE_EVENTS : 0;
    uint64_t skipped = good > first ? good - first : 0;
    copy->count = skipped < head - first ? (uint32_t)(head - first - skipped) : 0;
    memmove(copy->events, copy->events + skipped, copy->count * sizeof copy->events[0]);
    find_owner(copy);
}

struct lg_trace_counts lg_trace_counts(void)
{
    struct lg_trace_counts counts = {0};
    for (struct lg__trace_ring *ring = lg__trace_rings(); ring; ring = ring->older) {
        if (lg__load_acquire(&ring->era) != lg__load_relaxed(&era))
            continue;
        uint64_t head = lg__load_acquire(&ring->head);
        uint64_t kept = head < LG_TRACE_EVENTS ? head : LG_TRACE_EVENTS;
        counts.kept += kept;
        counts.overwritten += head - kept;
    }
    return counts;
}

/* ---- For users ------------------------------------------------------------------------------------ */

static const struct lg__observer all = {.taken = hear_taken,
                                        .released = hear_released,
                                        .sleeps = hear_sleeps,
                                        .waited = hear_waited,
                                        .woke = hear_woke};
static const struct lg__observer waits_alone = {
    .sleeps = hear_sleeps, .waited = hear_waited, .woke = hear_woke};

bool lg__trace_claim(void)
{
    uint32_t free = 0;
    return lg__cas_acquire(&is_claimed, &free, 1u);
}

void lg__trace_unclaim(void)
{
    lg__store_release(&is_claimed, 0u);
}

static int read_options(const struct lg_trace_options *options, struct lg_trace_options *out)
{
    *out = (struct lg_trace_options)LG_TRACE_OPTIONS_INIT;
    int status =
        options ? lg__sized_copy(out, sizeof *out, offsetof(struct lg_trace_options, only), options)
                : LG_OK;
    return status == LG_OK && (out->flags & ~LG_TRACE_WAITS) ? LG_EINVAL : status;
}

int lg_trace_start(const struct lg_trace_options *options)
{
    struct lg_trace_options wanted;
    int status = read_options(options, &wanted);
    if (status != LG_OK)
        return status;
    if (!lg__trace_claim())
        return LG_EBUSY;
    bool is_good = is_counter_good();
    lg__observe_stop(LG__OBSERVER_TRACE);
    lg__raw_lock(&control_lock);
    lg__store_relaxed(&has_counter, (uint32_t)is_good);
    lg__copy_name(only, sizeof only, wanted.only);
    start_time = lg__trace_now();
    lg__store_release(&era, lg__load_relaxed(&era) + 1);
    lg__raw_unlock(&control_lock);
    lg__observe_start(LG__OBSERVER_TRACE, wanted.flags & LG_TRACE_WAITS ? &waits_alone : &all);
    lg__trace_unclaim();
    return LG_OK;
}

void lg_trace_stop(void)
{
    lg__observe_stop(LG__OBSERVER_TRACE);
}

/* Fork: the child begins without a trace; the parent's is the parent's to write. */
static void lock_control(void)
{
    lg__raw_lock(&control_lock);
}

static void unlock_control(void)
{
    lg__raw_unlock(&control_lock);
}

static void begin_anew(void)
{
    control_lock = (struct lg__raw_lock){0};
    is_claimed = 0;
    era++;
    lg__observe_stop(LG__OBSERVER_TRACE);
}

static __attribute__((constructor)) void add_hooks(void)
{
    static const struct lg__fork_hooks hooks = {lock_control, unlock_control, begin_anew};
    lg__fork_add(&hooks);
    lg__end_add(hear_end);
}
