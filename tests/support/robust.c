/* The steps. */
#include "support/robust.h"

#include "graph/context.h"

#include <sched.h>
#include <sys/mman.h>

int step_robust_lock(void *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    return lg_robust_mutex_lock((struct lg_robust_mutex *)mutex, LG_FOREVER);
}

int step_robust_try(void *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    return lg_robust_mutex_try_lock((struct lg_robust_mutex *)mutex);
}

int step_robust_unlock(void *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    lg_robust_mutex_unlock(mutex);
    return LG_OK;
}

int step_robust_recover(void *mutex) LG_NO_THREAD_SAFETY_ANALYSIS
{
    return lg_robust_mutex_recover((struct lg_robust_mutex *)mutex);
}

int step_robust_is_held(void *mutex)
{
    return lg_robust_mutex_is_held(mutex);
}

int step_robust_until(void *robust_until) LG_NO_THREAD_SAFETY_ANALYSIS
{
    const struct robust_until *until = robust_until;
    return lg_robust_mutex_lock_at(until->mutex, until->deadline, until->place);
}

void *robust_map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    return memory;
}

void robust_unmap(void *memory, size_t size)
{
    munmap(memory, size);
}

struct lg_robust_mutex *robust_make(uint32_t flags, const char *name)
{
    struct lg_robust_mutex *mutex =
        flags & LG_ROBUST_SHARED ? robust_map(sizeof *mutex) : test_calloc(1, sizeof *mutex);
    int status = lg_robust_mutex_init(mutex, name, flags);
    if (status == LG_ESYS && (flags & LG_ROBUST_INHERIT))
        SUPPORT_SKIP("this system has no priority inheritance");
    assert_int_equal(status, LG_OK);
    return mutex;
}

void robust_free(struct lg_robust_mutex *mutex)
{
    bool is_shared = mutex->flags & LG_ROBUST_SHARED;
    lg_robust_mutex_destroy(mutex);
    if (is_shared)
        robust_unmap(mutex, sizeof *mutex);
    else
        test_free(mutex);
}

void robust_wait_blocked(struct crew_worker *worker, const struct lg_robust_mutex *mutex)
{
    for (;;) {
        struct lg_context *context = crew_context(worker);
        uint64_t word = lg__load_acquire(&context->wait.word);
        if (LG__WAIT_STATE(word) == LG__WAIT_WAITING && lg__wait_pin(&context->wait, word)) {
            bool is_it = context->wait.want.object == mutex;
            lg__wait_unpin(&context->wait);
            if (is_it)
                return;
        }
        if (crew_is_idle(worker))
            fail_msg("a worker did not block: its last step returned %s",
                     lg_status_name(crew_wait(worker)));
        sched_yield();
    }
}
