/* Start: what was seen before main. */
#ifndef LG_EXPLORE_START_H
#define LG_EXPLORE_START_H

#include <stdbool.h>

/* Whether any part of the program was compiled with -fsanitize=thread. */
bool lg__start_is_instrumented(void);

#endif
