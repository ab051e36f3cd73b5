/* The gate at which threads are held up. */
#include "support/hold.h"

#ifdef LG_FAULTS

#include "plat/atomic.h"
#include "support/null_driver.h"

static struct {
    uint32_t at;      /* atomic; an lg__stop: the next thread there is held */
    uint32_t is_held; /* atomic */
} gate;

#define NOWHERE UINT32_MAX

static void hold_there(enum lg__stop at)
{
    uint32_t here = at;
    if (!__atomic_compare_exchange_n(&gate.at, &here, NOWHERE, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return;
    __atomic_store_n(&gate.is_held, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&gate.is_held, __ATOMIC_SEQ_CST))
        null_yield();
}

void hold_next_at(enum lg__stop at)
{
    __atomic_store_n(&gate.at, (uint32_t)at, __ATOMIC_SEQ_CST);
    lg__store_release(&lg__seam_stop, hold_there);
}

bool is_held(void)
{
    return __atomic_load_n(&gate.is_held, __ATOMIC_SEQ_CST) != 0;
}

void wait_held(void)
{
    NULL_WAIT_UNTIL(is_held());
}

void let_go(void)
{
    __atomic_store_n(&gate.is_held, 0, __ATOMIC_SEQ_CST);
}

#endif
