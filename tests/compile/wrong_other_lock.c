/* The lock of something else is held.
// clang: writing variable 'balance' requires holding mutex 'lock' exclusively
*/
#include <lifeguard/mutex.h>

int wrong(void);

struct lg_mutex lock = LG_MUTEX_INIT("lock");
static struct lg_mutex other = LG_MUTEX_INIT("other");
static int balance LG_GUARDED_BY(lock);

int wrong(void)
{
    LG_WITH_MUTEX(&other, LG_FOREVER, status) {
        balance++;
    }
    return status;
}
