/* lifeguard bank --lock none: finding the interleaving that lost money, from what was really read
 * and written.
 *
 * An update P is lost when another transfer Q read the account before P wrote it, and wrote it after
 * P had: Q's value was computed without P's.  The marks are drawn outside the statements, so they
 * only ever make an overlap look like no proof, never the other way round.
 *
 * Recording happens after the transfer, so that it does not change what it watches. */
#include "bank.h"

/* seq_cst: the marks of all threads are one order, in which the statements are enclosed. */
uint64_t bank_trace_mark(struct bank_trace *trace)
{
    return atomic_fetch_add(&trace->marks, 1);
}

static bool is_lost(const struct bank_touch *lost, const struct bank_touch *over)
{
    return over->read_end < lost->write_start && lost->write_end < over->write_start;
}

/* Under trace->mutex.  Only a lost deposit is money lost; a lost withdrawal makes some.  And only a
 * pair that read the same balance is kept: its values alone prove it. */
static void compare(struct bank_trace *trace, const struct bank_touch *lost,
                    const struct bank_touch *over)
{
    if (lost->account != over->account || lost->thread == over->thread ||
        lost->seen != over->seen || lost->written < lost->seen || !is_lost(lost, over))
        return;
    trace->lost = *lost;
    trace->over = *over;
    trace->is_found = true;
}

bool bank_trace_add(struct bank_trace *trace, const struct bank_touch *touch)
{
    if (lg_mutex_lock(&trace->mutex, LG_FOREVER) != LG_OK)
        return false;
    uint32_t bucket = touch->account % TRACE_BUCKETS;
    struct bank_touch *recent = trace->recent[bucket];
    for (uint32_t i = 0; i < TRACE_DEPTH && !trace->is_found; i++)
        if (recent[i].thread) {
            compare(trace, &recent[i], touch);
            compare(trace, touch, &recent[i]);
        }
    recent[trace->next[bucket]++ % TRACE_DEPTH] = *touch;
    bool is_found = trace->is_found;
    lg_mutex_unlock(&trace->mutex);
    return is_found;
}
