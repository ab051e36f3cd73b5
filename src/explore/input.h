/* Input: waits for file descriptors.  A call that would block becomes a wait until poll(2) says that it
 * would not; so what threads of the program tell each other through pipes is decided like all else, and
 * only what comes from outside the process is not repeatable. */
#ifndef LG_EXPLORE_INPUT_H
#define LG_EXPLORE_INPUT_H

#include "explore/run.h"

bool lg__input_is_ready(const struct lg__wait *wait);

/* Nobody can run: wait for the outside world, for a moment only if a deadline is there to be leapt to.
 * True: something came. */
bool lg__input_await(bool has_deadline);

#endif
