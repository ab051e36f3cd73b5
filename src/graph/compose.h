/* Compose: turn a search into a report, copying every name and place. */
#ifndef LG_GRAPH_COMPOSE_H
#define LG_GRAPH_COMPOSE_H

#include "graph/search.h"

/* A deadlock: the members that have not progressed, the root first.  Caller holds the detector
 * lock and has verified. */
void lg__compose_deadlock(struct lg_report *report, const struct lg__search *search,
                          uint32_t victim);

/* A timeout: the root, those who hold what it wanted, and what those wait for. */
void lg__compose_timeout(struct lg_report *report, const struct lg__search *search);

#endif
