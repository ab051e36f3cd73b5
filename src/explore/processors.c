/* Processors: a run has one, but a program that asks wants to know how many threads are worth starting.  It is
 * told the same number everywhere, so that a schedule of one machine replays on another. */
#include "explore/intercept.h"

#include <sys/sysinfo.h>

#define PROCESSORS 4

LG__EXPORT int get_nprocs(void)
{
    return lg__self ? PROCESSORS : lg__real()->get_nprocs();
}

LG__EXPORT int get_nprocs_conf(void)
{
    return lg__self ? PROCESSORS : lg__real()->get_nprocs_conf();
}

LG__EXPORT long sysconf(int name)
{
    bool is_count = name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF;
    return lg__self && is_count ? PROCESSORS : lg__real()->sysconf(name);
}
