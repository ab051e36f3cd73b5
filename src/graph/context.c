/* The context table: ids, creation at first use, the end at thread exit and after fork. */
#define _GNU_SOURCE /* gettid */
#include "graph/context.h"

#include "graph/detector.h"
#include "plat/leaf.h"
#include "plat/memory.h"
#include "plat/seam.h"
#include "plat/text.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_SIZE  256
#define CHUNK_COUNT ((LG_CONTEXTS_MAX + CHUNK_SIZE - 1) / CHUNK_SIZE)
#define SLOT_SHIFT  2
#define SLOT_MASK   0xffffull
#define GEN_SHIFT   18
#define HOOKS_MAX   12

_Static_assert(LG_CONTEXTS_MAX < SLOT_MASK, "a slot + 1 fits its bits");

struct chunk {
    struct lg_context contexts[CHUNK_SIZE]; /* unused ones are untouched, and cost no page */
    struct lg_report reports[CHUNK_SIZE];   /* apart, so that unused ones cost none either */
};

/* Slots + 1; 0: none.  First freed, first used again. */
struct free_list {
    uint32_t head;
    uint32_t tail;
};

/* Rank: registry is taken with no other lock held but fork's. */
static struct lg__raw_lock registry_lock;
static struct chunk *chunks[CHUNK_COUNT]; /* atomic; set once under registry_lock */
static uint32_t slots_used;               /* atomic; grows under registry_lock */
static struct free_list free_lists[2];    /* under registry_lock; threads' and proxies' */
static uint32_t is_ready;                 /* atomic; set under registry_lock */
static bool has_fork_handlers;            /* r/o after the constructor */
static pthread_key_t exit_key;            /* r/o once is_ready */

static struct lg__fork_hooks fork_hooks[HOOKS_MAX]; /* under registry_lock; then r/o */
static uint32_t fork_hook_count;
static lg__bury_hook *bury_hooks[HOOKS_MAX]; /* under registry_lock; then r/o */
static uint32_t bury_hook_count;
static struct end_hooks {
    lg__end_hook *hooks[HOOKS_MAX]; /* under registry_lock; then r/o */
    uint32_t count;                 /* atomic; written under registry_lock, after the hook */
} end_hooks, end_any_hooks;

/* What new contexts begin with: under registry_lock. */
static uint32_t first_observed;
static uint32_t first_watch;

static uint64_t forks; /* r/o but in the handler of a child, which has one thread */

static struct lg_context *context_at(uint32_t slot)
{
    struct chunk *chunk = lg__load_acquire(&chunks[slot / CHUNK_SIZE]);
    return chunk ? &chunk->contexts[slot % CHUNK_SIZE] : NULL;
}

struct lg_context *lg__context_find(uint64_t id)
{
    uint32_t slot = (uint32_t)((id >> SLOT_SHIFT) & SLOT_MASK);
    if (slot == 0 || slot > LG_CONTEXTS_MAX) /* a slot not used yet has id 0 */
        return NULL;
    struct lg_context *context = context_at(slot - 1);
    /* Full: a waiter's begin comes before this load, an ending context's end before its look at the
     * waiters (store-load on both sides); see end_context. */
    return context && lg__load_full(&context->id) == id ? context : NULL;
}

uint64_t lg__context_of_key(uint32_t key)
{
    uint32_t slot = key & SLOT_MASK;
    const struct lg_context *context =
        slot > 0 && slot <= LG_CONTEXTS_MAX ? context_at(slot - 1) : NULL;
    uint64_t id = context ? lg__load_full(&context->id) : 0;
    return lg__context_key(id) == key ? id : 0;
}

bool lg__context_key_is_alive(uint32_t key)
{
    return lg__context_of_key(key) != 0;
}

void lg__context_each(void (*visit)(void *arg, struct lg_context *context), void *arg)
{
    uint32_t count = lg__load_full(&slots_used);
    for (uint32_t slot = 0; slot < count; slot++) {
        struct lg_context *context = context_at(slot);
        if (context && lg__load_full(&context->id) != 0)
            visit(arg, context);
    }
}

static void end_on_thread_exit(void *value);
static void fork_prepare(void);
static void fork_parent(void);
static void fork_child(void);

/* Once, at the first use of the library.  Failures are tried again at the next use. */
static bool get_ready_locked(void)
{
    if (is_ready)
        return true;
    if (!has_fork_handlers || lg__seam_fails(LG__SEAM_KEY) ||
        pthread_key_create(&exit_key, end_on_thread_exit) != 0)
        return false;
    lg__store_release(&is_ready, 1u);
    return true;
}

/* Before the program's threads, so that no fork comes in between. */
static __attribute__((constructor)) void add_fork_handlers(void)
{
    has_fork_handlers = pthread_atfork(fork_prepare, fork_parent, fork_child) == 0;
}

static bool add_chunk_locked(uint32_t index)
{
    if (chunks[index])
        return true;
    struct chunk *chunk = lg__map(sizeof *chunk);
    if (!chunk)
        return false;
    lg__store_release(&chunks[index], chunk);
    return true;
}

static struct lg_context *take_slot_locked(bool is_proxy)
{
    struct free_list *list = &free_lists[is_proxy];
    if (list->head != 0) {
        struct lg_context *context = context_at(list->head - 1);
        list->head = context->next_free;
        if (list->head == 0)
            list->tail = 0;
        return context;
    }
    uint32_t slot = slots_used;
    if (slot == LG_CONTEXTS_MAX || !add_chunk_locked(slot / CHUNK_SIZE))
        return NULL;
    struct lg_context *context = context_at(slot);
    context->slot = slot;
    context->report = &chunks[slot / CHUNK_SIZE]->reports[slot % CHUNK_SIZE];
    context->is_proxy = is_proxy;
    lg__store_release(&slots_used, slot + 1);
    return context;
}

/* Last in, so that the name of an ended context stays readable as long as possible. */
static void give_slot_locked(struct lg_context *context)
{
    struct free_list *list = &free_lists[context->is_proxy];
    context->next_free = 0;
    if (list->tail != 0)
        context_at(list->tail - 1)->next_free = context->slot + 1;
    else
        list->head = context->slot + 1;
    list->tail = context->slot + 1;
}

/* Under registry_lock. */
static void begin_observed(struct lg_context *context)
{
    uint32_t watch = context->is_proxy ? 0 : first_watch;
    lg__store_release(&context->wait.observed, context->is_proxy ? 0 : first_observed);
    lg__store_relaxed(&context->watch, watch);
    lg__store_relaxed(&context->drop_limit, watch & LG__WATCH_ALL ? 0 : LG__HELD_ROOM);
    lg__store_release(&context->held_limit, watch ? 0 : LG__HELD_ROOM);
}

static struct lg_context *begin_context(bool is_proxy)
{
    lg__raw_lock(&registry_lock);
    struct lg_context *context = get_ready_locked() ? take_slot_locked(is_proxy) : NULL;
    if (context) {
        lg__store_relaxed(&context->generation, context->generation + 1);
        lg__raw_lock(&context->wait.pin);
        context->name[0] = 0;
        context->tid = gettid();
        lg__raw_unlock(&context->wait.pin);
        context->is_detached = 0;
        context->thread = context->tid;
        lg__store_relaxed(&context->has_left, 0u);
        lg__hints_begin(context);
        context->hold_sample = (struct lg__hold_sample){0};
        for (uint32_t i = 0; i < LG__NESTINGS; i++)
            lg__store_relaxed(&context->nestings[i], (uint64_t)0);
        lg__store_relaxed(&context->returning, (const void *)NULL);
        lg__readings_begin(context);
        if (context->report->kind != LG_REPORT_NONE) /* a first write costs the report's page */
            context->report->kind = LG_REPORT_NONE;
        lg__held_begin(context);
        lg__store_relaxed(&context->has_duties, 0u);
        context->birth = is_proxy ? 0 : lg__observe_tick();
        begin_observed(context);
        uint64_t id = context->generation << GEN_SHIFT | (context->slot + 1ull) << SLOT_SHIFT;
        context->writer_word = LG__WRITER_WORD(id);
        lg__store_release(&context->id, id);
    }
    lg__raw_unlock(&registry_lock);
    return context;
}

void lg__context_observe(uint32_t mask, uint32_t watch)
{
    lg__raw_lock(&registry_lock);
    first_observed = mask;
    first_watch = watch;
    for (uint32_t slot = 0; slot < slots_used; slot++)
        if (!context_at(slot)->is_proxy)
            begin_observed(context_at(slot));
    lg__raw_unlock(&registry_lock);
}

static void wake_if_waits_for(void *arg, struct lg_context *context)
{
    uint64_t word = lg__load_full(&context->wait.word); /* after the id went: see end_context */
    enum lg__wait_state state = LG__WAIT_STATE(word);
    if ((state != LG__WAIT_WAITING && state != LG__WAIT_OUTSIDE) ||
        !lg__wait_pin(&context->wait, word))
        return;
    const struct lg__resource_class *class = context->wait.want.class;
    lg__wait_unpin(&context->wait);
    /* It looks again for itself; that it waits for the context that ended is likely enough. */
    if (class->is_robust && lg__wait_end_this(&context->wait, word, LG__WAIT_WOKEN, 0))
        lg__wait_wake(&context->wait);
    (void)arg;
}

static void run_end_hooks(const struct end_hooks *list, struct lg_context *context, uint64_t id)
{
    uint32_t count = lg__load_acquire(&list->count);
    for (uint32_t i = 0; i < count; i++)
        list->hooks[i](context, id);
}

static void end_context(struct lg_context *context, bool has_hooks)
{
    uint64_t id = lg__load_relaxed(&context->id);
    uint32_t held = lg__held_count(context);
    if (held > 0)
        lg__held_leave(context);
    /* Order: the id goes first, then the sleepers are told.  A waiter publishes, then looks at the
     * id; one of the two sees the other (store-load on both sides). */
    lg__swap_full(&context->id, (uint64_t)0);
    lg__seam_pass(LG__STOP_END);
    if (held > 0)
        lg__context_each(wake_if_waits_for, NULL);
    lg__cancel_forget(context);
    run_end_hooks(&end_any_hooks, context, id);
    if (has_hooks)
        run_end_hooks(&end_hooks, context, id);
    lg__raw_lock(&registry_lock);
    lg__store_relaxed(&context->held_end, (uint64_t)0);
    give_slot_locked(context);
    lg__raw_unlock(&registry_lock);
}

/* Destructors of other thread-local values may still lock and check in: stay while there are rounds,
 * and go in the last but one, because in the last the sanitizers' runtimes go.  The rounds are the
 * thread's: whoever is called from the end, as a log callback, may need a context once more, which
 * then has to go in the last. */
static void end_on_thread_exit(void *value)
{
    static _Thread_local uint32_t rounds;
    struct lg_context *context = value;
    if (++rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1 && pthread_setspecific(exit_key, context) == 0)
        return;
    lg__self_set(NULL);
    end_context(context, true);
}

/* At the first context: what a thread did before that, nobody needs to see. */
static void read_environment_once(void)
{
    static uint32_t was_read; /* atomic relaxed */
    if (!lg__load_relaxed(&was_read) && !lg__swap_acquire(&was_read, 1u))
        lg__observe_environment();
}

struct lg_context *lg__context_create(void)
{
    struct lg_context *context = begin_context(false);
    if (!context)
        return NULL;
    if (lg__seam_fails(LG__SEAM_KEY) || pthread_setspecific(exit_key, context) != 0) {
        end_context(context, true);
        return NULL;
    }
    lg__self_set(context);
    read_environment_once();
    return context;
}

struct lg_context *lg__context_prepare(const char *name)
{
    struct lg_context *context = begin_context(false);
    if (!context)
        return NULL;
    lg__raw_lock(&context->wait.pin);
    lg__copy_name(context->name, sizeof context->name, name);
    lg__raw_unlock(&context->wait.pin);
    return context;
}

bool lg__context_enter(struct lg_context *prepared)
{
    if (lg__seam_fails(LG__SEAM_KEY) || pthread_setspecific(exit_key, prepared) != 0) {
        lg__context_discard(prepared);
        return false;
    }
    lg__self_set(prepared);
    prepared->birth = lg__observe_tick();
    lg__raw_lock(&registry_lock);
    prepared->thread = gettid();
    lg__raw_lock(&prepared->wait.pin);
    prepared->tid = prepared->thread;
    lg__raw_unlock(&prepared->wait.pin);
    lg__raw_unlock(&registry_lock);
    return true;
}

void lg__context_discard(struct lg_context *prepared)
{
    end_context(prepared, false);
}

/* A guest is not given to the thread's key: there may be no round of destructors left to end it in. */
struct lg_context *lg__guest_begin(void)
{
    if (lg__self)
        return NULL;
    lg__self_set(begin_context(false));
    return lg__self;
}

/* Somebody may have detached it and made it his own, or put another in its place. */
void lg__guest_end(struct lg_context *guest)
{
    if (!guest || lg__self != guest)
        return;
    lg__self_set(NULL);
    end_context(guest, false);
}

struct lg_context *lg__proxy_begin(lg__notify *notify, void *arg)
{
    struct lg_context *proxy = begin_context(true);
    if (!proxy)
        return NULL;
    lg__raw_lock(&proxy->wait.pin);
    lg__copy_name(proxy->name, sizeof proxy->name, "request");
    lg__raw_unlock(&proxy->wait.pin);
    proxy->wait.notify = notify;
    proxy->wait.notify_arg = arg;
    if (lg__self)
        lg__cancel_inherit(proxy, lg__self);
    return proxy;
}

void lg__proxy_end(struct lg_context *proxy)
{
    end_context(proxy, false);
}

struct lg_context *lg_context_self(void)
{
    return lg__context_self();
}

static void copy_name(const struct lg_context *context, char *out)
{
    struct lg__wait *wait = (struct lg__wait *)(uintptr_t)&context->wait;
    lg__raw_lock(&wait->pin);
    lg__copy_name(out, LG_NAME_SIZE, context->name);
    int tid = context->tid;
    lg__raw_unlock(&wait->pin);
    if (!out[0])
        snprintf(out, LG_NAME_SIZE, "thread-%d", tid);
}

void lg__context_copy_name(uint64_t id, char *out)
{
    uint32_t slot = (uint32_t)((id >> SLOT_SHIFT) & SLOT_MASK);
    const struct lg_context *context = slot ? context_at(slot - 1) : NULL;
    if (!context) {
        lg__copy_name(out, LG_NAME_SIZE, id ? "(ended)" : "(detached)");
        return;
    }
    copy_name(context, out);
    if (lg__load_relaxed(&context->generation) != id >> GEN_SHIFT)
        lg__copy_name(out, LG_NAME_SIZE, "(ended)"); /* its slot has been used again */
    else if (!lg__context_is_alive(id))
        snprintf(out + strnlen(out, LG_NAME_SIZE - 9), 9, " (ended)");
}

void lg_context_name(const struct lg_context *context, char *out)
{
    if (context)
        copy_name(context, out);
    else
        *out = 0;
}

int lg_context_set_name(const char *name)
{
    struct lg_context *self = lg__context_self();
    if (!self)
        return LG_ENOMEM;
    lg__raw_lock(&self->wait.pin);
    lg__copy_name(self->name, sizeof self->name, name);
    lg__raw_unlock(&self->wait.pin);
    return LG_OK;
}

uint64_t lg_context_id(const struct lg_context *context)
{
    return context ? lg__load_relaxed(&context->id) : 0;
}

struct lg_context *lg__context_set_aside(void)
{
    struct lg_context *self = lg__context_self();
    if (!self)
        return NULL;
    (void)pthread_setspecific(exit_key, NULL); /* cannot fail for a key that has a value */
    lg__self_set(NULL);
    lg__raw_lock(&registry_lock);
    self->is_detached = 1;
    lg__raw_unlock(&registry_lock);
    return self;
}

struct lg_context *lg_context_detach(void)
{
    if (lg__self)
        lg__store_relaxed(&lg__self->has_left, 1u); /* before anybody else can resume it */
    return lg__context_set_aside();
}

static bool claim_detached(struct lg_context *context)
{
    if (!context)
        return false;
    lg__raw_lock(&registry_lock);
    bool is_claimed = context->is_detached && lg__load_relaxed(&context->id) != 0;
    if (is_claimed) {
        context->is_detached = 0;
        context->thread = gettid();
    }
    lg__raw_unlock(&registry_lock);
    return is_claimed;
}

static void unclaim(struct lg_context *context)
{
    lg__raw_lock(&registry_lock);
    context->is_detached = 1;
    lg__raw_unlock(&registry_lock);
}

int32_t lg__context_thread(const struct lg_context *context)
{
    lg__raw_lock(&registry_lock);
    int32_t thread = context->is_detached ? 0 : context->thread;
    lg__raw_unlock(&registry_lock);
    return thread;
}

int lg_context_resume(struct lg_context *context)
{
    struct lg_context *own = lg__self;
    if (own && lg__held_count(own) > 0)
        return LG_EBUSY;
    if (!claim_detached(context))
        return LG_EINVAL;
    if (lg__seam_fails(LG__SEAM_KEY) || pthread_setspecific(exit_key, context) != 0) {
        unclaim(context);
        return LG_ENOMEM;
    }
    lg__self_set(context);
    if (own)
        end_context(own, true);
    return LG_OK;
}

int lg_context_end(struct lg_context *context)
{
    if (!claim_detached(context))
        return LG_EINVAL;
    end_context(context, true);
    return LG_OK;
}

void lg__fork_add(const struct lg__fork_hooks *hooks)
{
    lg__raw_lock(&registry_lock);
    if (fork_hook_count < HOOKS_MAX)
        fork_hooks[fork_hook_count++] = *hooks;
    lg__raw_unlock(&registry_lock);
}

void lg__bury_add(lg__bury_hook *hook)
{
    lg__raw_lock(&registry_lock);
    if (bury_hook_count < HOOKS_MAX)
        bury_hooks[bury_hook_count++] = hook;
    lg__raw_unlock(&registry_lock);
}

static void add_end_hook(struct end_hooks *list, lg__end_hook *hook)
{
    lg__raw_lock(&registry_lock);
    if (list->count < HOOKS_MAX) {
        list->hooks[list->count] = hook;
        lg__store_release(&list->count, list->count + 1);
    }
    lg__raw_unlock(&registry_lock);
}

void lg__end_add(lg__end_hook *hook)
{
    add_end_hook(&end_hooks, hook);
}

void lg__end_any_add(lg__end_hook *hook)
{
    add_end_hook(&end_any_hooks, hook);
}

/* Fork.  In prepare all locks of the library are taken, so that in the child every structure is
 * between two steps; there, all contexts but the forking thread's are dead.  The detector's lock comes
 * before those of the floors above, as everywhere; of these no two are ever held together, so the
 * order of the hooks does not matter. */
static void fork_prepare(void)
{
    lg__observe_fork_prepare();
    lg__detector_fork_prepare();
    for (uint32_t i = 0; i < fork_hook_count; i++)
        fork_hooks[i].prepare();
    lg__raw_lock(&registry_lock);
    lg__raw_lock(&lg__leaf_lock);
}

static void fork_parent(void)
{
    lg__raw_unlock(&lg__leaf_lock);
    lg__raw_unlock(&registry_lock);
    for (uint32_t i = fork_hook_count; i > 0; i--)
        fork_hooks[i - 1].parent();
    lg__detector_fork_parent();
    lg__observe_fork_parent();
}

static void bury_in_child(struct lg_context *context)
{
    for (uint32_t i = 0; i < bury_hook_count; i++)
        bury_hooks[i](context);
    lg__store_relaxed(&context->id, (uint64_t)0);
    lg__store_relaxed(&context->held_end, (uint64_t)0);
    /* Idle, in no queue: the floors above empty theirs.  The epoch stays, so it never repeats. */
    context->wait.word &= ~(LG__WAIT_EPOCH_ONE - 1);
    context->wait.queue = NULL;
    context->wait.group = NULL;
    context->wait.cancel = NULL; /* not forgotten: its thread may have been between two counts */
    context->scope_depth = 0;
    give_slot_locked(context);
}

static void fork_child(void)
{
    forks++;
    for (uint32_t slot = 0; slot < slots_used; slot++) {
        struct lg_context *context = context_at(slot);
        context->wait.pin = (struct lg__raw_lock){0}; /* its holder may be a thread left behind */
        if (context != lg__self && context->id != 0)
            bury_in_child(context);
    }
    if (lg__self)
        lg__self->tid = lg__self->thread = gettid();
    lg__leaf_lock = (struct lg__raw_lock){0};
    registry_lock = (struct lg__raw_lock){0};
    lg__detector_fork_child();
    lg__observe_fork_child();
    for (uint32_t i = fork_hook_count; i > 0; i--)
        fork_hooks[i - 1].child();
}

uint64_t lg__fork_count(void)
{
    return forks;
}
