/* Fail: the ways in which a program ends, seen from the runtime's other parts. */
#ifndef LG_EXPLORE_FAIL_H
#define LG_EXPLORE_FAIL_H

#include <signal.h>

/* The signal by which the campaign asks a run where it is. */
#define LG__FAIL_ASK (SIGRTMIN + 7)

/* Before the fork: handlers for the signals that end a program. */
void lg__fail_begin(void);

/* Their handler: the run ends. */
void lg__fail_die_of_signal(int signal_number, siginfo_t *info, void *context);

/* As early as possible, so that the handler runs late. */
void lg__fail_watch_exit(void);

/* main has returned: others may still do something before the process ends. */
void lg__fail_point_at_exit(int status);

/* The program's handlers have run, and destructors are next: without any, the run is over. */
void lg__fail_pass_destructors(void);

#endif
