/* finds: abort */
#include <stdlib.h>
#include <threads.h>

static int balance;
static mtx_t first, second;

static int deposit(void *mutex)
{
    mtx_lock(mutex);
    balance++;
    mtx_unlock(mutex);
    return 0;
}

int main(void)
{
    thrd_t threads[2];
    mtx_init(&first, mtx_plain);
    mtx_init(&second, mtx_plain);
    thrd_create(&threads[0], deposit, &first);
    thrd_create(&threads[1], deposit, &second);
    thrd_join(threads[0], NULL);
    thrd_join(threads[1], NULL);
    if (balance != 2)
        abort();
    return 0;
}
