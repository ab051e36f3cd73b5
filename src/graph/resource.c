/* What many classes of resources have in common. */
#include "graph/resource.h"

uint32_t lg__capacity_of_one(const void *object)
{
    (void)object;
    return 1;
}

void lg__survey_nobody(const void *object, lg__visit *visit, void *arg)
{
    (void)object, (void)visit, (void)arg;
}
