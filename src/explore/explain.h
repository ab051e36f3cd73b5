/* Explain: a run that has failed, as a story that is short enough to read. */
#ifndef LG_EXPLORE_EXPLAIN_H
#define LG_EXPLORE_EXPLAIN_H

#include <stdbool.h>

/* The last run has found something, and is in the campaign: go through it once more, strictly, and write down
 * what happens; then look for two events of two threads that must come in this order for it to fail, by trying
 * the other order.  The campaign's outcome, plan and switches are left as they were.  Returns true in runs
 * only. */
bool lg__explain(void);

/* Say on the wire what came of it. */
void lg__explain_say(void);

#endif
