/* Threads of the library's own: detached, with all signals blocked, because the program's signals
 * belong to the program's threads. */
#ifndef LG_PLAT_THREAD_H
#define LG_PLAT_THREAD_H

#include <stdbool.h>

/* False: no memory, or no more threads allowed. */
bool lg__thread_start(void *(*run)(void *arg), void *arg);

/* Whether there is more than one processor: where there is not, nobody gains by looking instead of
 * sleeping. */
bool lg__thread_has_processors(void);

#endif
