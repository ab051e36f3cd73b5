/* A file that is there as a whole or as it was. */
#ifndef LG_OBSERVE_FILE_H
#define LG_OBSERVE_FILE_H

/* Have `write` write it beside, and rename it.  LG_OK; LG_EINVAL (no path, or too long a one); LG_ESYS; or what
 * write returned. */
int lg__file_replace(const char *path, int (*write)(void *arg, int fd), void *arg);

#endif
