/* Complaint: the first thing that is wrong with a scenario or with what came of it, as one line. */
#ifndef LG_CMAP_COMPLAINT_H
#define LG_CMAP_COMPLAINT_H

#include <stdbool.h>

struct complaint {
    char text[1024]; /* "": nothing is wrong */
};

/* Put a complaint down, unless there is one already.  What a file may have put into the text and a
 * terminal might obey becomes '?'.
 * Returns: false, so that a check can end with it. */
bool complain(struct complaint *complaint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline bool is_content(const struct complaint *complaint)
{
    return complaint->text[0] == 0;
}

#endif
