/* Two threads read 5 and both write 6.
// clang: reading variable 'counter' requires holding mutex 'lock'
// clang: writing variable 'counter' requires holding mutex 'lock' exclusively
*/
#include "seeds.h"

struct lg_mutex lock = LG_MUTEX_INIT("counter");
static int counter LG_GUARDED_BY(lock);

void increment_counter(void)
{
    int current_value = counter;
    counter = current_value + 1;
}
