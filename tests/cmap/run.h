/* Run: one scenario against one pool, from its creation to its end. */
#ifndef LG_CMAP_RUN_H
#define LG_CMAP_RUN_H

#include "scenario.h"

#define RUN_TIMEOUT_MS 60000 /* for the operations of one scenario */

/* Returns whether all came as expected; otherwise the complaint says what did not.  *events becomes
 * the array of all that the pool has reported during the operations (NULL if nothing was run). */
bool run_scenario(const struct scenario *scenario, struct complaint *complaint, json_t **events);

#endif
