/* One way out does not unlock.
// clang: mutex 'lock' is not held on every path through here
*/
#include <lifeguard/mutex.h>

int wrong(int is_early);

static struct lg_mutex lock = LG_MUTEX_INIT("lock");

int wrong(int is_early)
{
    if (lg_mutex_lock(&lock, LG_FOREVER) != LG_OK)
        return 1;
    if (!is_early)
        lg_mutex_unlock(&lock);
    return 0;
}
