/* A file that is there as a whole or as it was. */
#ifndef LG_OBSERVE_FILE_H
#define LG_OBSERVE_FILE_H

#include <stdbool.h>

/* Have `write` write it beside, and rename it; what is no regular file (a device, a pipe) is written into.  LG_OK;
 * LG_EINVAL (no path, or too long a one); LG_ESYS; or what write returned. */
int lg__file_replace(const char *path, int (*write)(void *arg, int fd), void *arg);

/* Whether there is something that would be written into, and not replaced. */
bool lg__file_is_special(const char *path);

#endif
