/* A condition's wait wants its mutex held.
// clang: calling function 'lg_condition_wait_at' requires holding mutex 'lock' exclusively
*/
#include <lifeguard/condition.h>

int wrong(void);

static struct lg_mutex lock = LG_MUTEX_INIT("lock");
static struct lg_condition changed = LG_CONDITION_INIT("changed");

int wrong(void)
{
    return lg_condition_wait(&changed, &lock, LG_FOREVER);
}
