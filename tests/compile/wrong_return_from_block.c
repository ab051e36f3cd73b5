/* The block form is left by a return: the mutex would stay locked.
// clang: mutex 'lock' is not held on every path through here
*/
#include <lifeguard/mutex.h>

int wrong(int is_early);

static struct lg_mutex lock = LG_MUTEX_INIT("lock");

int wrong(int is_early)
{
    LG_WITH_MUTEX(&lock, LG_FOREVER, status) {
        if (is_early)
            return 0;
    }
    return status;
}
