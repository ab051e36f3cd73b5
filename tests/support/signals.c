/* Steps on events, latches and barriers. */
#include "support/signals.h"

#include <string.h>

int step_event_wait(void *event)
{
    return lg_event_wait(event, LG_FOREVER);
}

int step_event_try(void *event)
{
    return lg_event_wait(event, LG_TRY);
}

int step_event_set(void *event)
{
    lg_event_set(event);
    return LG_OK;
}

int step_event_add_self(void *event)
{
    return lg_event_add_setter((struct lg_event *)event, NULL);
}

int step_event_withdraw_self(void *event)
{
    return lg_event_withdraw_setter(event, NULL);
}

int step_latch_wait(void *latch)
{
    return lg_latch_wait(latch, LG_FOREVER);
}

int step_latch_count_down(void *latch)
{
    return lg_latch_count_down(latch, 1);
}

int step_arrive(void *arrival_at)
{
    struct arrival_at *arrival = arrival_at;
    return lg_barrier_wait(arrival->barrier, arrival->deadline, &arrival->index);
}

int step_barrier_wait(void *barrier)
{
    return lg_barrier_wait(barrier, LG_FOREVER, NULL);
}

int step_barrier_register_self(void *barrier)
{
    return lg_barrier_register((struct lg_barrier *)barrier, NULL);
}

int step_barrier_unregister_self(void *barrier)
{
    return lg_barrier_unregister(barrier, NULL);
}

int step_copy_detail(void *detail)
{
    const struct lg_report *report = lg_report_last();
    memcpy(detail, report->detail, sizeof report->detail);
    return report->kind;
}

void expect_detail(struct crew_worker *worker, enum lg_report_kind kind, const char *part)
{
    char detail[sizeof lg_report_last()->detail];
    assert_int_equal(crew_do(worker, step_copy_detail, detail), kind);
    if (!strstr(detail, part))
        fail_msg("\"%s\" is not in \"%s\"", part, detail);
}
