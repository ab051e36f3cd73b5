/* How long a mutex and a rwlock are looked at before their waiter sleeps: a few times, but once only where
 * the owner is blocked itself.  The linker puts this file's count before each pause (tests/CMakeLists.txt). */
#include "support/locks.h"
#include "support/rwlocks.h"
#include "support/thing.h"

#include "sync/rwlock.h"
#include "sync/spin.h"

static uint32_t pauses; /* atomic */

bool __real_lg__spin_pause(struct lg__spin *spin);
bool __wrap_lg__spin_pause(struct lg__spin *spin);

bool __wrap_lg__spin_pause(struct lg__spin *spin)
{
    __atomic_add_fetch(&pauses, 1, __ATOMIC_SEQ_CST);
    return __real_lg__spin_pause(spin);
}

/* An owner takes a lock by `own`, and another wants it by `want`, and sleeps. */
struct way {
    support_step *own, *want, *let_go;
    void *lock;
    const void *object; /* what it sleeps for */
};

/* How often the other pauses before it sleeps. */
static uint32_t count_pauses(const struct way *way, bool is_owner_blocked)
{
    struct lg_mutex mine = LG_MUTEX_INIT("mine");
    struct crew_worker *owner = crew_hire("owner"), *other = crew_hire("other");
    assert_int_equal(step_lock(&mine), LG_OK);
    assert_int_equal(crew_do(owner, way->own, way->lock), LG_OK);
    if (is_owner_blocked)
        crew_run_blocked_on(owner, step_lock, &mine, &mine);
    __atomic_store_n(&pauses, 0, __ATOMIC_SEQ_CST);
    crew_run_blocked_on(other, way->want, way->lock, way->object);
    uint32_t count = __atomic_load_n(&pauses, __ATOMIC_SEQ_CST);
    (void)step_unlock(&mine);
    if (is_owner_blocked) {
        assert_int_equal(crew_wait(owner), LG_OK);
        assert_int_equal(crew_do(owner, step_unlock, &mine), LG_OK);
    }
    (void)crew_do(owner, way->let_go, way->lock);
    assert_int_equal(crew_wait(other), LG_OK);
    (void)crew_do(other, way->let_go, way->lock);
    crew_leave(owner);
    crew_leave(other);
    return count;
}

static void expect_one_look_at_the_blocked(const struct way *way)
{
    assert_true(count_pauses(way, false) > 1);
    assert_int_equal(count_pauses(way, true), 1);
}

static void a_mutex_of_a_blocked_owner_is_not_spun_for(void **state)
{
    (void)state;
    struct lg_mutex m = LG_MUTEX_INIT("m");
    expect_one_look_at_the_blocked(&(struct way){step_lock, step_lock, step_unlock, &m, &m});
}

static void a_rwlock_of_a_blocked_writer_is_not_spun_for(void **state)
{
    (void)state;
    struct lg_rwlock r = LG_RWLOCK_INIT("r");
    support_step *const wants[] = {step_read, step_write, step_upgradable};
    for (int i = 0; i < 3; i++)
        expect_one_look_at_the_blocked(
            &(struct way){step_write, wants[i], step_let_go, &r, lg__rwlock_tagged(&r)});
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(a_mutex_of_a_blocked_owner_is_not_spun_for),
        SUPPORT_TEST(a_rwlock_of_a_blocked_writer_is_not_spun_for),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
