/* The bench's pool of helpers, with what a helper looks for changed under his own lock too. */
#define RIGHT
#include "../../../bench/explore/programs/sort_pool.c"
