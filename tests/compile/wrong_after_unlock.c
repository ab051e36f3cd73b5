/* Used once more after the unlock.
// clang: reading variable 'balance' requires holding mutex 'lock'
*/
#include <lifeguard/mutex.h>

int wrong(void);

static struct lg_mutex lock = LG_MUTEX_INIT("lock");
static int balance LG_GUARDED_BY(lock);

int wrong(void)
{
    if (lg_mutex_lock(&lock, LG_FOREVER) != LG_OK)
        return 1;
    balance++;
    lg_mutex_unlock(&lock);
    return balance;
}
