/* All kinds: a new one needs its file, a line in kinds.h and one here. */
#include "spec/kinds.h"

#include <stddef.h>

const struct kind *const spec_kinds[] = {
    &spec_mutex, &spec_condition, &spec_rwlock, &spec_barrier, &spec_permits, &spec_semaphore,
    &spec_event, &spec_latch,     &spec_once,   &spec_pool,    NULL,
};
