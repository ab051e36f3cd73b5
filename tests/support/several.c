/* Waits for several things. */
#include "support/several.h"

const struct lg_waitable several_none;

struct several_step several_of(struct lg_waitable first, struct lg_waitable second,
                               struct lg_waitable third)
{
    struct several_step several = {.things = {first, second, third}, .deadline = LG_FOREVER};
    while (several.count < SEVERAL_MAX && several.things[several.count].kind != LG_WAITABLE_NONE)
        several.count++;
    return several;
}

static void note(struct several_step *several)
{
    several->report = *lg_report_last();
}

int step_wait_any(void *several)
{
    struct several_step *step = several;
    int status = lg_wait_any_at(step->things, step->count, step->deadline, "any.c:1", &step->index);
    note(step);
    return status;
}

int step_wait_all(void *several)
{
    struct several_step *step = several;
    int status = lg_wait_all_at(step->things, step->count, step->deadline, "all.c:1", &step->index);
    note(step);
    return status;
}
