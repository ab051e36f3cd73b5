/* Contexts: names, ids that never return, detach and resume, ends, and the table of what is
 * held. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* gettid */
#endif
#include "support/locks.h"
#include "support/thing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- Names ----------------------------------------------------------------------------------- */

static int get_own_tid(void *arg)
{
    *(int *)arg = gettid();
    return 0;
}

static int drop_name(void *arg)
{
    return lg_context_set_name(arg);
}

static void test_the_default_name_is_the_thread(void **state)
{
    (void)state;
    char name[LG_NAME_SIZE], expected[LG_NAME_SIZE];
    int tid = 0;
    struct crew_worker *a = crew_hire(NULL);
    (void)crew_do(a, get_own_tid, &tid);
    snprintf(expected, sizeof expected, "thread-%d", tid);
    lg_context_name(crew_context(a), name);
    assert_string_equal(name, expected);
    struct crew_worker *b = crew_hire("B");
    (void)crew_do(b, get_own_tid, &tid);
    lg_context_name(crew_context(b), name);
    assert_string_equal(name, "B");
    assert_int_equal(crew_do(b, drop_name, NULL), LG_OK); /* NULL restores the default */
    snprintf(expected, sizeof expected, "thread-%d", tid);
    lg_context_name(crew_context(b), name);
    assert_string_equal(name, expected);
}

static void test_a_name_is_copied_and_cut(void **state)
{
    (void)state;
    char name[LG_NAME_SIZE];
    char given[] = "0123456789012345678901234567890123456789";
    assert_int_equal(lg_context_set_name(given), LG_OK);
    given[0] = 'x';
    lg_context_name(lg_context_self(), name);
    assert_string_equal(name, "0123456789012345678901234567890");
    assert_int_equal(strlen(name), LG_NAME_SIZE - 1);
    assert_int_equal(lg_context_set_name("main"), LG_OK);
}

static void test_the_ended_are_named_as_such(void **state)
{
    (void)state;
    char name[LG_NAME_SIZE];
    struct lg_context *ghost = thing_ghost("worker-17");
    uint64_t id = ghost->id;
    lg__context_copy_name(id, name);
    assert_string_equal(name, "worker-17");
    thing_bury(ghost);
    lg__context_copy_name(id, name);
    assert_string_equal(name, "worker-17 (ended)");
    ghost = thing_ghost("0123456789012345678901234567890");
    id = ghost->id;
    thing_bury(ghost);
    lg__context_copy_name(id, name);
    assert_string_equal(name, "01234567890123456789012 (ended)");
    lg__context_copy_name(0, name);
    assert_string_equal(name, "(detached)");
    lg__context_copy_name(((uint64_t)7 << 18) | ((uint64_t)50000 << 2), name);
    assert_string_equal(name, "(ended)");
}

/* ---- Ids ------------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Slots are used again, ids are not: that of an ended context never names a living one. */
static void test_an_id_never_returns(void **state)
{
    (void)state;
    enum { LIVES = 3000 };
    static uint64_t ids[LIVES], slots[LIVES];
    for (int i = 0; i < LIVES; i++) {
        struct lg_context *ghost = thing_ghost("ghost");
        ids[i] = ghost->id;
        slots[i] = ghost->slot;
        assert_true((ids[i] & 3) == 0 && ids[i] != 0); /* room for a lock word's flags */
        assert_ptr_equal(lg__context_find(ids[i]), ghost);
        thing_bury(ghost);
        assert_null(lg__context_find(ids[i]));
        if (i > 0)
            assert_null(lg__context_find(ids[i - 1]));
    }
    qsort(ids, LIVES, sizeof ids[0], compare_ids);
    qsort(slots, LIVES, sizeof slots[0], compare_ids);
    unsigned reused = 0;
    for (int i = 1; i < LIVES; i++) {
        assert_true(ids[i] != ids[i - 1]);
        reused += slots[i] == slots[i - 1];
    }
    assert_true(reused > LIVES / 2); /* or the test would prove nothing */
}

static void test_what_is_no_id_finds_nobody(void **state)
{
    (void)state;
    uint64_t mine = lg_context_self()->id;
    assert_null(lg__context_find(0));
    assert_null(lg__context_find(UINT64_MAX));
    assert_null(lg__context_find(mine ^ ((uint64_t)1 << 18)));
    assert_null(lg__context_find(mine & ~(uint64_t)0x3ffff)); /* slot 0 */
    assert_null(lg__context_find((mine & ~(uint64_t)0x3ffff) | ((uint64_t)60000 << 2)));
}

static int exchange_context(void *arg)
{
    *(uint64_t *)arg = lg_context_self()->id;
    return 0;
}

static void test_a_context_ends_with_its_thread(void **state)
{
    (void)state;
    uint64_t id = 0;
    unsigned before = support_count_contexts();
    struct crew_worker *a = crew_hire("A");
    (void)crew_do(a, exchange_context, &id);
    assert_int_equal(support_count_contexts(), before + 1);
    assert_true(lg__context_is_alive(id));
    crew_leave(a);
    assert_false(lg__context_is_alive(id));
    assert_int_equal(support_count_contexts(), before);
}

/* ---- Detach, resume, end --------------------------------------------------------------------- */

struct parcel {
    struct lg_context *context;
    struct lg_mutex *mutex;
};

static int detach_into(void *arg)
{
    struct parcel *parcel = arg;
    parcel->context = lg_context_detach();
    return parcel->context && lg_context_self() != parcel->context ? LG_OK : LG_EINVAL;
}

static int resume_from(void *arg)
{
    struct parcel *parcel = arg;
    int status = lg_context_resume(parcel->context);
    return status != LG_OK || lg_context_self() == parcel->context ? status : 100;
}

static int end_it(void *arg)
{
    return lg_context_end(((struct parcel *)arg)->context);
}

/* A coroutine takes m on A, leaves A, and goes on on B: what it holds goes with it.  A's own fresh
 * context does not hold m: it waits for it like anybody. */
static void test_what_is_held_moves_with_the_context(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct parcel parcel = {NULL, &m};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(a, detach_into, &parcel), LG_OK);
    assert_int_equal(crew_do(a, step_is_held, &m), 0);
    assert_int_equal(crew_do(a, step_try, &m), LG_EBUSY);
    crew_run(a, step_lock, &m);
    crew_wait_blocked_on(a, &m);
    assert_int_equal(crew_do(b, resume_from, &parcel), LG_OK);
    assert_int_equal(crew_do(b, step_is_held, &m), 1);
    (void)crew_do(b, step_unlock, &m);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &m);
}

static void test_resume_refuses_what_is_not_detached(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct crew_worker *a = crew_hire("A");
    struct lg_context *mine = lg_context_self();
    assert_int_equal(lg_context_resume(NULL), LG_EINVAL);
    assert_int_equal(lg_context_resume(mine), LG_EINVAL);
    assert_int_equal(lg_context_resume(crew_context(a)), LG_EINVAL);
    assert_int_equal(lg_context_end(NULL), LG_EINVAL);
    char name[LG_NAME_SIZE] = "before";
    lg_context_name(NULL, name);
    assert_string_equal(name, "");
    assert_int_equal(lg_context_end(mine), LG_EINVAL);
    struct lg_context *ghost = thing_ghost("ghost");
    assert_int_equal(step_lock(&m), LG_OK);
    assert_int_equal(lg_context_resume(ghost), LG_EBUSY); /* mine holds m: nothing has changed */
    assert_ptr_equal(lg_context_self(), mine);
    assert_int_equal(lg_mutex_is_held(&m), 1);
    step_unlock(&m);
    assert_int_equal(lg_context_end(ghost), LG_OK);
    assert_int_equal(lg_context_end(ghost), LG_EINVAL);
    assert_int_equal(lg_context_resume(ghost), LG_EINVAL);
    assert_ptr_equal(lg_context_self(), mine);
}

static void test_resume_ends_the_context_that_was_there(void **state)
{
    (void)state;
    unsigned before = support_count_contexts();
    struct lg_context *mine = lg_context_detach();
    assert_null(lg__self);
    assert_int_equal(support_count_contexts(), before); /* none is made before it is needed */
    uint64_t id = lg_context_self()->id;
    assert_int_equal(support_count_contexts(), before + 1);
    assert_int_equal(lg_context_resume(mine), LG_OK);
    assert_false(lg__context_is_alive(id));
    assert_int_equal(support_count_contexts(), before);
    assert_ptr_equal(lg_context_self(), mine);
}

static void test_a_detached_context_outlives_its_thread(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct parcel parcel = {NULL, &m};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(a, detach_into, &parcel), LG_OK);
    crew_leave(a);
    assert_int_equal(crew_do(b, step_try, &m), LG_EBUSY); /* not LG_EOWNERDEAD */
    assert_int_equal(crew_do(b, resume_from, &parcel), LG_OK);
    (void)crew_do(b, step_unlock, &m);
    assert_int_equal(step_try(&m), LG_OK);
    step_unlock(&m);
}

static void test_an_end_while_holding_is_as_at_thread_exit(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct parcel parcel = {NULL, &m};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(a, detach_into, &parcel), LG_OK);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    assert_int_equal(end_it(&parcel), LG_OK);
    assert_int_equal(crew_wait(b), LG_EOWNERDEAD);
    assert_int_equal(support_log_count("ended-holding"), 1);
    assert_non_null(strstr(support_log_text("ended-holding"), "A ended holding 1 lock"));
    assert_non_null(strstr(support_log_text("ended-holding"), "locks.c:"));
    assert_int_equal(crew_do(b, step_recover, &m), LG_OK);
    (void)crew_do(b, step_unlock, &m);
}

/* A ring that closes through contexts that are on no thread: each still counts as what it is.  Two
 * threads wait; the detached holder runs (it may be resumed), so nobody is deadlocked. */
static void test_a_detached_holder_is_no_deadlock(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m"), n = LG_MUTEX_INIT("n");
    struct parcel parcel = {NULL, &m};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    assert_int_equal(crew_do(a, detach_into, &parcel), LG_OK);
    assert_int_equal(crew_do(b, step_lock, &n), LG_OK);
    crew_run(b, step_lock, &m);
    crew_wait_blocked_on(b, &m);
    crew_run(a, step_lock, &n);
    crew_wait_blocked_on(a, &n); /* with A's old context, this would have closed a ring */
    assert_int_equal(resume_from(&parcel), LG_OK);
    step_unlock(&m);
    assert_int_equal(crew_wait(b), LG_OK);
    (void)crew_do(b, step_unlock, &m);
    (void)crew_do(b, step_unlock, &n);
    assert_int_equal(crew_wait(a), LG_OK);
    (void)crew_do(a, step_unlock, &n);
}

/* ---- The end of a thread --------------------------------------------------------------------- */

static pthread_key_t late_key;
static struct lg_mutex late_mutex = LG_MUTEX_INIT("late");
static unsigned late_rounds;

/* A value of the program's that locks when it is destroyed, and comes back once. */
static void destroy_late(void *value)
{
    unsigned *rounds = value;
    LG_WITH_MUTEX(&late_mutex, LG_FOREVER, status) {
        late_rounds++;
    }
    if (status == LG_OK && --*rounds > 0)
        pthread_setspecific(late_key, rounds);
}

static int set_late_value(void *arg)
{
    return pthread_setspecific(late_key, arg);
}

static void test_destructors_may_lock(void **state)
{
    (void)state;
    unsigned rounds = 2;
    unsigned before = support_count_contexts();
    assert_int_equal(pthread_key_create(&late_key, destroy_late), 0);
    struct crew_worker *a = crew_hire("A");
    assert_int_equal(crew_do(a, set_late_value, &rounds), 0);
    support_log_begin(LG_LOG_DEBUG);
    crew_leave(a);
    pthread_key_delete(late_key);
    assert_int_equal(late_rounds, 2);
    assert_int_equal(support_count_contexts(), before);
    assert_int_equal(support_log_count(NULL), 0);
    assert_int_equal(step_try(&late_mutex), LG_OK);
    step_unlock(&late_mutex);
}

static struct lg_mutex log_mutex = LG_MUTEX_INIT("log");
static unsigned log_lines;

static void lock_and_count(void *arg, const struct lg_log_event *event)
{
    (void)arg, (void)event;
    LG_WITH_MUTEX(&log_mutex, LG_FOREVER, status) {
        log_lines++;
    }
    if (status != LG_OK)
        log_lines += 1000;
}

/* The callback that hears of the end uses the library, which gives the ending thread a context once
 * more.  That one has to end too. */
static void test_a_callback_at_the_end_leaves_no_context(void **state)
{
    (void)state;
    unsigned before = support_count_contexts();
    lg_log_set(LG_LOG_WARN, lock_and_count, NULL);
    for (int i = 0; i < 5; i++) {
        struct lg_mutex m = LG_MUTEX_INIT("m");
        struct crew_worker *a = crew_hire("A");
        assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
        crew_leave(a);
    }
    lg_log_set(LG_LOG_WARN, NULL, NULL);
    assert_int_equal(log_lines, 5);
    assert_int_equal(support_count_contexts(), before);
}

/* ---- Hooks ----------------------------------------------------------------------------------- */

struct heard {
    uint64_t id;
    const struct lg_context *context;
    const struct lg_context *self; /* of the thread that ran the hook */
    uint32_t locks;                /* that the ended one still held */
    char name[LG_NAME_SIZE];
    bool was_found;
    bool was_guest_alive;
    bool had_guest;
};

static struct heard heard[8];
static unsigned heard_count; /* only one context ends at a time here */
static struct lg_mutex heard_mutex = LG_MUTEX_INIT("heard");

/* As a driver would: the lock needs a context. */
static void hear(struct lg_context *context, uint64_t id)
{
    struct heard *one = &heard[heard_count++ % 8];
    one->id = id;
    one->context = context;
    one->self = lg__self;
    one->locks = lg__held_count(context);
    one->was_found = lg__context_is_alive(id);
    lg__context_copy_name(id, one->name);
    struct lg_context *guest = lg__guest_begin();
    LG_WITH_MUTEX(&heard_mutex, LG_FOREVER, status) {
        one->was_guest_alive = lg__self != NULL && lg__context_is_alive(lg__self->id);
    }
    one->had_guest = guest != NULL && status == LG_OK;
    lg__guest_end(guest);
}

static void add_hook(void)
{
    static bool has_hook;
    if (!has_hook)
        lg__end_add(hear);
    has_hook = true;
    heard_count = 0;
}

/* A thread's end: its context is gone, and so is the guest afterwards, though no round of
 * destructors comes that could end what the hook had made by itself. */
static void test_a_hook_hears_of_a_thread_s_end(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    unsigned before = support_count_contexts();
    struct crew_worker *a = crew_hire("A");
    struct lg_context *context = crew_context(a);
    uint64_t id = context->id;
    add_hook();
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(a, step_lock, &m), LG_OK);
    crew_leave(a);
    assert_int_equal(heard_count, 1); /* none for the guest */
    assert_true(heard[0].id == id);
    assert_ptr_equal(heard[0].context, context);
    assert_null(heard[0].self);
    assert_int_equal(heard[0].locks, 1);
    assert_false(heard[0].was_found);
    assert_string_equal(heard[0].name, "A (ended)");
    assert_true(heard[0].had_guest && heard[0].was_guest_alive);
    assert_int_equal(support_count_contexts(), before);
}

/* Another ends it, and has a context of its own: it needs no guest. */
static void test_a_hook_hears_of_an_end_by_another(void **state)
{
    (void)state;
    struct lg_context *ghost = thing_ghost("ghost");
    uint64_t id = ghost->id;
    add_hook();
    thing_bury(ghost);
    assert_int_equal(heard_count, 1);
    assert_true(heard[0].id == id);
    assert_ptr_equal(heard[0].self, lg_context_self());
    assert_string_equal(heard[0].name, "ghost (ended)");
    assert_true(heard[0].was_guest_alive && !heard[0].had_guest);
}

/* While the hooks run the struct is nobody else's, also not the guest's. */
static void test_an_ending_context_is_not_used_again_yet(void **state)
{
    (void)state;
    struct lg_context *mine = lg_context_detach();
    struct lg_context *own = lg_context_self();
    uint64_t id = own->id;
    add_hook();
    assert_int_equal(lg_context_resume(mine), LG_OK); /* ends own */
    assert_int_equal(heard_count, 1);
    assert_true(heard[0].id == id);
    assert_ptr_equal(heard[0].self, mine);
    mine = lg_context_detach();
    assert_int_equal(lg_context_end(mine), LG_OK); /* by a thread that has none */
    assert_int_equal(heard_count, 2);
    assert_null(heard[1].self);
    assert_true(heard[1].had_guest && heard[1].was_guest_alive);
    assert_null(lg__self);
    assert_int_equal(lg_context_set_name("main"), LG_OK);
}

/* A guest that somebody detaches is a context like any other. */
static void test_a_guest_may_be_taken_away(void **state)
{
    (void)state;
    unsigned before = support_count_contexts();
    struct lg_context *mine = lg_context_detach();
    struct lg_context *guest = lg__guest_begin();
    assert_non_null(guest);
    assert_ptr_equal(lg_context_self(), guest);
    assert_null(lg__guest_begin());
    assert_ptr_equal(lg_context_detach(), guest);
    add_hook();
    lg__guest_end(guest);
    assert_true(lg__context_is_alive(guest->id));
    assert_int_equal(lg_context_end(guest), LG_OK);
    assert_int_equal(heard_count, 1);
    assert_int_equal(lg_context_resume(mine), LG_OK);
    assert_int_equal(support_count_contexts(), before);
}

/* ---- What is held ---------------------------------------------------------------------------- */

static uint32_t known_entries(const struct lg_context *self, const void *object)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < lg__held_known(self); i++)
        count += self->held[i].object == object;
    return count;
}

/* Locks are taken and let go in any order, more than the table has room for: the count stays exact,
 * and the table names exactly those held locks that found room when they were taken. */
static void take_and_let_go(uint32_t lock_count, unsigned rounds, uint64_t stream)
{
    struct lg_mutex locks[LG__HELD_MAX + 8] = {0};
    bool found_room[LG__HELD_MAX + 8] = {0};
    struct lg_context *self = lg_context_self();
    struct support_random random;
    uint32_t held = 0;
    support_random_begin(&random, stream);
    for (unsigned round = 0; round < rounds || held > 0; round++) {
        uint32_t which = support_below(&random, lock_count);
        bool is_held = lg_mutex_is_held(&locks[which]);
        bool lets_go = round >= rounds || support_below(&random, 3) == 0;
        if (is_held && lets_go) {
            step_unlock(&locks[which]);
            found_room[which] = false;
            held--;
        } else if (!is_held && round < rounds) {
            found_room[which] = held < LG__HELD_MAX;
            assert_int_equal(step_try(&locks[which]), LG_OK);
            held++;
        }
        assert_int_equal(lg__held_count(self), held);
        for (uint32_t i = 0; i < lock_count; i++)
            assert_int_equal(known_entries(self, &locks[i]), found_room[i]);
    }
}

static void test_the_table_is_what_is_held(void **state)
{
    (void)state;
    take_and_let_go(LG__HELD_MAX, 4000, 1);
    take_and_let_go(5, 500, 2);
}

static void test_more_locks_than_the_table(void **state)
{
    (void)state;
    take_and_let_go(LG__HELD_MAX + 8, 8000, 3);
    take_and_let_go(LG__HELD_MAX + 1, 2000, 4);
}

/* ---- The table of contexts ------------------------------------------------------------------- */

static size_t resident_bytes(void)
{
    unsigned long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%lu %lu", &all, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* 60,000 contexts, made and detached by one thread.  One more is refused, and so is what needs one;
 * once some have ended, there is room again.  A context that never failed costs no report's
 * pages. */
static int fill_the_table(void)
{
    static struct lg_context *all[LG_CONTEXTS_MAX];
    struct lg_mutex m = LG_MUTEX_INIT("m");
    unsigned count = 0;
    size_t before = resident_bytes();
    while (count < LG_CONTEXTS_MAX && (all[count] = lg_context_detach()))
        count++;
    SUPPORT_CHECK(count == LG_CONTEXTS_MAX);
    SUPPORT_CHECK((resident_bytes() - before) / LG_CONTEXTS_MAX < 3000);
    SUPPORT_CHECK(lg_context_self() == NULL);
    SUPPORT_CHECK(lg_context_detach() == NULL);
    SUPPORT_CHECK(lg_context_set_name("x") == LG_ENOMEM);
    SUPPORT_CHECK(step_lock(&m) == LG_ENOMEM);
    SUPPORT_CHECK(step_try(&m) == LG_ENOMEM);
    SUPPORT_CHECK(step_recover(&m) == LG_ENOMEM);
    SUPPORT_CHECK(lg_mutex_is_held(&m) == 0);
    SUPPORT_CHECK(lg_report_last()->kind == LG_REPORT_NONE);
    SUPPORT_CHECK(m.word == 0);
    SUPPORT_CHECK(lg_context_end(all[17]) == LG_OK);
    SUPPORT_CHECK(step_lock(&m) == LG_OK);
    step_unlock(&m);
    for (unsigned i = 0; i < count; i++)
        SUPPORT_CHECK(i == 17 || lg_context_end(all[i]) == LG_OK);
    return 0;
}

static void test_sixty_thousand_and_no_more(void **state)
{
    (void)state;
    char output[1024];
    if (SUPPORT_TSAN || SUPPORT_ASAN)
        SUPPORT_SKIP("sanitizers multiply the memory of 60,000 contexts");
    int status = support_spawn("fill", NULL, output, sizeof output);
    print_message("%s", output);
    assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
    static const struct support_case cases[] = {{"fill", fill_the_table}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_the_default_name_is_the_thread),
        SUPPORT_TEST(test_a_name_is_copied_and_cut),
        SUPPORT_TEST(test_the_ended_are_named_as_such),
        SUPPORT_TEST(test_an_id_never_returns),
        SUPPORT_TEST(test_what_is_no_id_finds_nobody),
        SUPPORT_TEST(test_a_context_ends_with_its_thread),
        SUPPORT_TEST(test_what_is_held_moves_with_the_context),
        SUPPORT_TEST(test_resume_refuses_what_is_not_detached),
        SUPPORT_TEST(test_resume_ends_the_context_that_was_there),
        SUPPORT_TEST(test_a_detached_context_outlives_its_thread),
        SUPPORT_TEST(test_an_end_while_holding_is_as_at_thread_exit),
        SUPPORT_TEST(test_a_detached_holder_is_no_deadlock),
        SUPPORT_TEST(test_destructors_may_lock),
        SUPPORT_TEST(test_a_callback_at_the_end_leaves_no_context),
        SUPPORT_TEST(test_a_hook_hears_of_a_thread_s_end),
        SUPPORT_TEST(test_a_hook_hears_of_an_end_by_another),
        SUPPORT_TEST(test_an_ending_context_is_not_used_again_yet),
        SUPPORT_TEST(test_a_guest_may_be_taken_away),
        SUPPORT_TEST(test_more_locks_than_the_table),
        SUPPORT_TEST(test_the_table_is_what_is_held),
        SUPPORT_TEST(test_sixty_thousand_and_no_more),
    };
    return SUPPORT_RUN(argc, argv, tests, cases);
}
