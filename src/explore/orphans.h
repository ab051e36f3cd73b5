/* Orphans: processes that a run has forked and left.  They end with it: nobody else would end them, and the next run
 * would meet them. */
#ifndef LG_EXPLORE_ORPHANS_H
#define LG_EXPLORE_ORPHANS_H

/* In the campaign, before the first run: whom a run leaves, it gets. */
void lg__orphans_begin(void);

/* After each run. */
void lg__orphans_end(void);

#endif
