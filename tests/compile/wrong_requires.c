/* A function that says it wants the lock is called without it.
// clang: calling function 'read_balance' requires holding mutex 'lock' exclusively
*/
#include <lifeguard/mutex.h>

int wrong(void);

struct lg_mutex lock = LG_MUTEX_INIT("lock");
static int balance LG_GUARDED_BY(lock);

static int read_balance(void) LG_REQUIRES(lock);

static int read_balance(void)
{
    return balance;
}

int wrong(void)
{
    return read_balance();
}
