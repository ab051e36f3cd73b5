/* Pages: what a run has written to, and how it becomes again what it was when the run's process began.
 *
 * All runs write to about the same pages: the campaign keeps a list of them, which grows.  A process that is to be
 * used for several runs copies the listed pages before its first.  When a run is over the kernel says which pages
 * are the process's own, no longer shared with the campaign: if all are listed, copying them back undoes all that
 * the run has done to its memory. */
#ifndef LG_EXPLORE_PAGES_H
#define LG_EXPLORE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* In the campaign.  False: there is no room. */
bool lg__pages_reserve(void);

/* Memory that is not restored, zeroed; in the campaign, a few times.  NULL: there is no more. */
void *lg__pages_spare(size_t size);

/* In a new process, before a run: copy what is listed.  False: the kernel does not let it be read. */
bool lg__pages_keep(void);

/* After a run: whether all that the process has written to was kept.  What was not is listed. */
bool lg__pages_are_kept(void);

/* Nobody but the caller, on a stack that is spared, may be at work in the process. */
void lg__pages_restore(void);

#endif
