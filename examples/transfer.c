/* Two mutexes taken in opposite orders by two threads.  One of them is told, gives way and tries
 * again; the money is all there. */
#include <lifeguard/lifeguard.h>

#include <pthread.h>
#include <stdio.h>

#define ROUNDS 20000

struct account {
    struct lg_mutex mutex; /* protects balance; over all accounts the sum is constant */
    long balance;
};

static struct account alice = {LG_MUTEX_INIT("alice"), 1000};
static struct account bob = {LG_MUTEX_INIT("bob"), 1000};

static int move(struct account *from, struct account *to, long amount)
{
    lg_deadline deadline = lg_after_ms(5000);
    int inner = LG_OK;
    LG_WITH_MUTEX(&from->mutex, deadline, outer) {
        inner = lg_mutex_lock(&to->mutex, deadline);
        if (inner == LG_OK) {
            from->balance -= amount;
            to->balance += amount;
            lg_mutex_unlock(&to->mutex);
        }
    }
    return outer != LG_OK ? outer : inner;
}

static void *run(void *arg)
{
    struct account *from = arg;
    struct account *to = from == &alice ? &bob : &alice;
    for (int i = 0; i < ROUNDS; i++)
        for (unsigned attempt = 0; move(from, to, 1) == LG_EDEADLK; attempt++)
            if (!lg_retry(attempt, LG_FOREVER))
                break;
    return NULL;
}

int main(void)
{
    pthread_t one, two;
    if (pthread_create(&one, NULL, run, &alice) != 0 || pthread_create(&two, NULL, run, &bob) != 0)
        return 1;
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    long sum = 0;
    LG_WITH_MUTEX(&alice.mutex, LG_FOREVER, a)
        sum += alice.balance;
    LG_WITH_MUTEX(&bob.mutex, LG_FOREVER, b)
        sum += bob.balance;
    printf("%ld\n", sum);
    return a == LG_OK && b == LG_OK && sum == 2000 ? 0 : 1;
}
