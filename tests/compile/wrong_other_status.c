/* Any status but LG_OK means "not held": the branch is the wrong one.
// clang: writing variable 'balance' requires holding mutex 'lock' exclusively
*/
#include <lifeguard/mutex.h>

int wrong(void);

static struct lg_mutex lock = LG_MUTEX_INIT("lock");
static int balance LG_GUARDED_BY(lock);

int wrong(void)
{
    if (lg_mutex_lock(&lock, LG_FOREVER) != LG_OK) {
        balance++;
        return 1;
    }
    lg_mutex_unlock(&lock);
    return 0;
}
