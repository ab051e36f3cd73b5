/* Finding: what comes of a run that has found something, and the replay of one. */
#ifndef LG_EXPLORE_FINDING_H
#define LG_EXPLORE_FINDING_H

#include <stdbool.h>

/* These return true in a forked run only, which goes on into the program. */

/* Look at the outcome of a run: go on, or say what was found and end the campaign. */
bool lg__finding_judge(void);

/* Follow the recording that the options name, and end the campaign. */
bool lg__follow(void);

#endif
