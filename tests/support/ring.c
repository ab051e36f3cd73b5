/* The ring. */
#include "support/ring.h"

struct lg_mutex ring_locks[RING_MAX];
struct lock_until ring_waits[RING_MAX];
struct crew_worker *ring[RING_MAX];

void ring_open(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        ring_locks[i] = (struct lg_mutex)LG_MUTEX_INIT("m");
        ring[i] = crew_hire_numbered("T", i);
        ring_waits[i] = (struct lock_until){&ring_locks[(i + 1) % n], LG_FOREVER, "ring.c:1"};
        assert_int_equal(crew_do(ring[i], step_lock, &ring_locks[i]), LG_OK);
    }
}

void ring_let_wait(unsigned i)
{
    crew_run(ring[i], step_lock_until, &ring_waits[i]);
    crew_wait_blocked_on(ring[i], ring_waits[i].mutex);
}

void ring_unwind(unsigned n, unsigned victim)
{
    for (unsigned i = 0; i < n; i++)
        if (i != victim)
            assert_true(crew_is_blocked(ring[i]));
    (void)crew_do(ring[victim], step_unlock, &ring_locks[victim]);
    for (unsigned k = 1; k < n; k++) {
        unsigned i = (victim + n - k) % n;
        assert_int_equal(crew_wait(ring[i]), LG_OK);
        (void)crew_do(ring[i], step_unlock, ring_waits[i].mutex);
        (void)crew_do(ring[i], step_unlock, &ring_locks[i]);
    }
}

void ring_try(unsigned n)
{
    ring_open(n);
    for (unsigned i = 0; i + 1 < n; i++)
        ring_let_wait(i);
    assert_int_equal(crew_do(ring[n - 1], step_lock_until, &ring_waits[n - 1]), LG_EDEADLK);
    static struct lg_report report;
    (void)crew_do(ring[n - 1], step_copy_report, &report);
    assert_int_equal(report.kind, LG_REPORT_DEADLOCK);
    assert_int_equal(report.member_count, n);
    assert_string_equal(report.members[0].context, report.closer);
    assert_string_equal(report.victim, report.closer);
    ring_unwind(n, n - 1);
}

unsigned ring_close(unsigned n)
{
    for (unsigned i = 0; i + 1 < n; i++)
        ring_let_wait(i);
    crew_run(ring[n - 1], step_lock_until, &ring_waits[n - 1]);
    for (;;)
        for (unsigned i = 0; i < n; i++)
            if (crew_is_idle(ring[i])) {
                assert_int_equal(crew_wait(ring[i]), LG_EDEADLK);
                return i;
            }
}
