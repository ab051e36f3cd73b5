/* What a mutex guards is read and written without it.
// clang: reading variable 'balance' requires holding mutex 'lock'
// clang: writing variable 'balance' requires holding mutex 'lock' exclusively
*/
#include <lifeguard/mutex.h>

int wrong(void);

struct lg_mutex lock = LG_MUTEX_INIT("lock");
static int balance LG_GUARDED_BY(lock);

int wrong(void)
{
    balance = 1;
    return balance;
}
