/* What there is to wait for, a file a few. */
#ifndef LG_TEST_SPEC_KINDS_H
#define LG_TEST_SPEC_KINDS_H

#include "spec/spec.h"

extern const struct kind spec_mutex, spec_condition, spec_rwlock, spec_barrier, spec_permits,
    spec_semaphore, spec_event, spec_latch, spec_once, spec_pool;

#endif
