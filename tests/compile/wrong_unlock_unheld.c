/* Unlocked without having been locked.
// clang: releasing mutex 'lock' that was not held
*/
#include <lifeguard/mutex.h>

int wrong(void);

static struct lg_mutex lock = LG_MUTEX_INIT("lock");

int wrong(void)
{
    lg_mutex_unlock(&lock);
    return 0;
}
