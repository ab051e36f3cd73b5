/* LG_EOWNERDEAD is taken for a hold.
// clang: writing variable 'shared' requires holding mutex 'robust' exclusively
// clang: releasing mutex 'robust' that was not held
*/
#include <lifeguard/robust_mutex.h>

void wrong(void);

struct lg_robust_mutex robust;
static int shared LG_GUARDED_BY(robust);

void wrong(void)
{
    int status = lg_robust_mutex_lock(&robust, LG_FOREVER);
    if (status == LG_EOWNERDEAD) {
        shared = 0;
        lg_robust_mutex_unlock(&robust);
    }
}
