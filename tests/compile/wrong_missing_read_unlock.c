/* A read lock is kept.
// clang: 'shelf' is not held on every path through here
*/
#include <lifeguard/rwlock.h>

int wrong(void);

static struct lg_rwlock shelf = LG_RWLOCK_INIT("shelf");
static int books LG_GUARDED_BY(shelf);

int wrong(void)
{
    int seen = 0;
    if (lg_rwlock_read(&shelf, LG_FOREVER) == LG_OK)
        seen = books;
    return seen;
}
