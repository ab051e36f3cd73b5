/* Match: does what happened contain what a file expects? */
#ifndef LG_CMAP_MATCH_H
#define LG_CMAP_MATCH_H

#include "complaint.h"

#include <jansson.h>

/* 42 and "42" stand for anything but null; arrays and objects may have more than is expected of
 * them; numbers are compared as numbers; the rest must be equal, but for the case of letters where
 * is_loose.  `where` begins the complaint. */
bool match(json_t *actual, json_t *expected, bool is_loose, const char *where,
           struct complaint *complaint);

#endif
