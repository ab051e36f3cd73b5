#include "explore/share.h"

static struct lg__share *find(const struct lg__object *object, const struct lg__thread *thread)
{
    struct lg__share *share = object->shares;
    while (share && share->thread != thread)
        share = share->next;
    return share;
}

void lg__share_add(struct lg__object *object, struct lg__thread *thread, uint64_t site)
{
    struct lg__share *share = find(object, thread);
    if (!share) {
        share = lg__run_allocate(sizeof *share);
        *share = (struct lg__share){.thread = thread, .next = object->shares};
        object->shares = share;
    }
    share->units++;
    share->site = site;
}

bool lg__share_drop(struct lg__object *object, const struct lg__thread *thread)
{
    struct lg__share *share = find(object, thread);
    if (!share || !share->units)
        return false;
    share->units--;
    return true;
}

const struct lg__share *lg__share_find(const struct lg__object *object,
                                       const struct lg__thread *thread)
{
    const struct lg__share *share = find(object, thread);
    return share && share->units ? share : NULL;
}

uint32_t lg__share_sum(const struct lg__object *object)
{
    uint32_t sum = 0;
    for (const struct lg__share *share = object->shares; share; share = share->next)
        sum += share->units;
    return sum;
}
