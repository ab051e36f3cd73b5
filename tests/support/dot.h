/* A checker for the part of Graphviz's language that the library writes: one directed graph of
 * nodes, edges and attributes, every statement ended, every string closed and in valid UTF-8. */
#ifndef LG_TEST_DOT_H
#define LG_TEST_DOT_H

#include <stdbool.h>

bool dot_is_valid(const char *text);

/* How many edges it has. */
unsigned dot_count_edges(const char *text);

#endif
