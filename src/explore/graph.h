/* Graph: the library's search for deadlocks (src/graph), seen from the runtime.
 *
 * The runtime has a copy of its own of search.c and reduce.c.  Nothing that they define is seen outside of
 * the runtime, so the explored program may have the library too.  Inside, the graph and the runtime give
 * the same names to different things; here the graph's get another prefix.  Include it first. */
#ifndef LG_EXPLORE_GRAPH_H
#define LG_EXPLORE_GRAPH_H

#define lg__self lg__graph_self
#define lg__wait lg__graph_wait
#define lg__held lg__graph_held

#include "graph/search.h"

#undef lg__self
#undef lg__wait
#undef lg__held

#endif
