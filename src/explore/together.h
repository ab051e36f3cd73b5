/* Together: what is written in each run, or between two, is on one page.  After a fork the first write to a page
 * copies it, in the run and in the campaign. */
#ifndef LG_EXPLORE_TOGETHER_H
#define LG_EXPLORE_TOGETHER_H

#define LG__TOGETHER __attribute__((section("lifeguard_run")))

#endif
