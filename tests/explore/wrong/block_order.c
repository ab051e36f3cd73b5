/* finds: deadlock */
/* Locks in blocks of the heap, taken in two orders: reports call them by where the blocks come from. */
#include <pthread.h>
#include <stdlib.h>

struct account {
    long balance;
    pthread_mutex_t mutex;
};

static struct account *open_account(void)
{
    struct account *account = calloc(1, sizeof *account);
    pthread_mutex_init(&account->mutex, NULL);
    return account;
}

static struct account *accounts[2];

static void *move_from(void *from)
{
    struct account *giver = from;
    struct account *taker = giver == accounts[0] ? accounts[1] : accounts[0];
    pthread_mutex_lock(&giver->mutex);
    pthread_mutex_lock(&taker->mutex);
    giver->balance--;
    taker->balance++;
    pthread_mutex_unlock(&taker->mutex);
    pthread_mutex_unlock(&giver->mutex);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        accounts[i] = open_account();
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, move_from, accounts[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
