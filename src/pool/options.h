/* Options: what a pool and its driver are asked to be. */
#ifndef LG_POOL_OPTIONS_H
#define LG_POOL_OPTIONS_H

#include "pool/pool.h"

/* Copy what lg_pool_create is given, with defaults for what an older caller does not know.  LG_OK; LG_EINVAL,
 * LG_EVERSION: the log says which option or function is wrong, and what would be right. */
int lg__options_read(const struct lg_pool_options *from, struct lg_pool_options *options);
int lg__options_read_driver(const struct lg_driver *from, struct lg_driver *driver);

/* Set up a new pool by them, whose driver and arg are set. */
void lg__options_apply(struct lg_pool *pool, const struct lg_pool_options *options);

#endif
