/* Used after the block form, whether or not the block ran.
// clang: reading variable 'balance' requires holding mutex 'lock'
*/
#include <lifeguard/mutex.h>

int wrong(void);

static struct lg_mutex lock = LG_MUTEX_INIT("lock");
static int balance LG_GUARDED_BY(lock);

int wrong(void)
{
    LG_WITH_MUTEX(&lock, LG_FOREVER, status) {
        balance++;
    }
    return status == LG_OK ? balance : 0;
}
