/* A lock that is biased: two read it without being counted, while a third writes, and so has to take the bias back. */
#include "sync/rwlock_bias.h"
#include "core.h"

static struct lg_rwlock lock = LG_RWLOCK_INIT("lock");
static uint32_t first, second;

/* Told of the bias before, as a reader is that was counted beside it. */
static void *read_by_bias(void *arg)
{
    struct lg_context *self = lg__context_self();
    lg__reading_learn(self, &lock, LG__RWLOCK_BIASED);
    for (int i = 0; i < 2; i++) {
        OK(lg_rwlock_read(&lock, LG_FOREVER));
        assert(first == second);
        lg_rwlock_unlock(&lock);
    }
    return arg;
}

static void *write_both(void *arg)
{
    OK(lg_rwlock_write(&lock, LG_FOREVER));
    first++;
    second++;
    lg_rwlock_unlock(&lock);
    return arg;
}

int main(void)
{
    OK(lg_rwlock_read(&lock, LG_FOREVER));
    lg__rwlock_bias(&lock);
    lg_rwlock_unlock(&lock);
    assert(lock.word == LG__RWLOCK_BIASED);
    run_three(read_by_bias, read_by_bias, write_both);
    assert(first == 1 && second == 1 && lock.word == 0);
    lg_rwlock_destroy(&lock);
    return 0;
}
