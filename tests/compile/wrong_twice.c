/* Locked by its holder.
// clang: acquiring mutex 'lock' that is already held
*/
#include <lifeguard/mutex.h>

int wrong(void);

static struct lg_mutex lock = LG_MUTEX_INIT("lock");

int wrong(void)
{
    if (lg_mutex_lock(&lock, LG_FOREVER) != LG_OK)
        return 1;
    if (lg_mutex_lock(&lock, LG_FOREVER) == LG_OK)
        lg_mutex_unlock(&lock);
    lg_mutex_unlock(&lock);
    return 0;
}
