/* A reader writes.
// clang: writing variable 'books' requires holding rwlock 'shelf' exclusively
*/
#include <lifeguard/rwlock.h>

int wrong(void);

static struct lg_rwlock shelf = LG_RWLOCK_INIT("shelf");
static int books LG_GUARDED_BY(shelf);

int wrong(void)
{
    if (lg_rwlock_read(&shelf, LG_FOREVER) != LG_OK)
        return 1;
    books++;
    lg_rwlock_unlock(&shelf);
    return 0;
}
