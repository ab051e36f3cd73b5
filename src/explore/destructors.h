/* Destructors: whether the loader has anything of the program's to run when the process ends. */
#ifndef LG_EXPLORE_DESTRUCTORS_H
#define LG_EXPLORE_DESTRUCTORS_H

#include <stdbool.h>

/* Before the fork.  False only if it is certain that there are none. */
bool lg__destructors_are_any(void);

#endif
