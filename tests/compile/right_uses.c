/* All that is right: no compiler may complain. */
#include <lifeguard/lifeguard.h>

int right_if(void);
int right_not_ok(void);
int right_try(void);
int right_block(void);
int right_wait(void);
int right_recover(void);
int right_requires(void);
int right_read(void);
int right_write(void);
int right_upgrade(void);
int right_downgrade(void);
int right_share(void);
int right_robust(void);

static struct lg_mutex lock = LG_MUTEX_INIT("lock");
static struct lg_condition changed = LG_CONDITION_INIT("changed");
static int balance LG_GUARDED_BY(lock);
static struct lg_robust_mutex robust;
static int shared LG_GUARDED_BY(robust);

int right_if(void)
{
    if (lg_mutex_lock(&lock, lg_after_ms(1)) == LG_OK) {
        balance++;
        lg_mutex_unlock(&lock);
    }
    return 0;
}

int right_not_ok(void)
{
    if (lg_mutex_lock(&lock, LG_FOREVER) != LG_OK)
        return 1;
    balance++;
    lg_mutex_unlock(&lock);
    return 0;
}

int right_try(void)
{
    if (lg_mutex_try_lock(&lock))
        return 1;
    balance++;
    lg_mutex_unlock(&lock);
    return 0;
}

int right_block(void)
{
    LG_WITH_MUTEX(&lock, LG_FOREVER, status) {
        balance++;
    }
    LG_WITH_MUTEX(&lock, LG_TRY, again) {
        balance--;
    }
    return status + again;
}

int right_wait(void)
{
    int status = LG_OK;
    if (lg_mutex_lock(&lock, LG_FOREVER) != LG_OK)
        return 1;
    while (balance == 0 && status == LG_OK)
        status = lg_condition_wait(&changed, &lock, LG_FOREVER);
    lg_mutex_unlock(&lock);
    return status;
}

int right_recover(void)
{
    if (lg_mutex_recover(&lock) != LG_OK)
        return 1;
    balance = 0;
    lg_mutex_unlock(&lock);
    return 0;
}

static int read_balance(void) LG_REQUIRES(lock);

static int read_balance(void)
{
    return balance;
}

int right_robust(void)
{
    LG_WITH_ROBUST_MUTEX(&robust, LG_FOREVER, status) {
        shared++;
    }
    if (status == LG_EOWNERDEAD && lg_robust_mutex_recover(&robust) == LG_OK) {
        shared = 0;
        lg_robust_mutex_unlock(&robust);
    }
    if (lg_robust_mutex_try_lock(&robust) == LG_OK) {
        shared--;
        lg_robust_mutex_unlock(&robust);
    }
    return 0;
}

int right_requires(void)
{
    int value = 0;
    LG_WITH_MUTEX(&lock, LG_FOREVER, status) {
        value = read_balance();
    }
    return status == LG_OK ? value : 0;
}

static struct lg_rwlock shelf = LG_RWLOCK_INIT("shelf");
static int books LG_GUARDED_BY(shelf);

int right_read(void)
{
    int seen = 0;
    LG_WITH_READ(&shelf, LG_FOREVER, status)
    {
        seen = books;
    }
    if (lg_rwlock_try_read(&shelf) != LG_OK)
        return status;
    seen += books;
    lg_rwlock_unlock(&shelf);
    return seen;
}

int right_write(void)
{
    LG_WITH_WRITE(&shelf, LG_FOREVER, status)
    {
        books++;
    }
    if (lg_rwlock_write(&shelf, lg_after_ms(1)) == LG_OK) {
        books--;
        lg_rwlock_unlock(&shelf);
    }
    return status;
}

int right_upgrade(void)
{
    if (lg_rwlock_upgradable(&shelf, LG_FOREVER) != LG_OK)
        return 1;
    if (books == 0 && lg_rwlock_upgrade(&shelf, LG_FOREVER) == LG_OK) {
        books = 1;
        lg_rwlock_downgrade_to_upgradable(&shelf);
    }
    lg_rwlock_unlock(&shelf);
    return 0;
}

int right_downgrade(void)
{
    if (lg_rwlock_recover(&shelf) != LG_OK)
        return 1;
    books = 0;
    lg_rwlock_downgrade(&shelf);
    int seen = books;
    lg_rwlock_unlock(&shelf);
    return seen;
}

static int read_books(void) LG_REQUIRES_SHARED(shelf);

static int read_books(void)
{
    return books;
}

int right_share(void)
{
    int seen = 0;
    LG_WITH_READ(&shelf, LG_FOREVER, status)
    {
        seen = read_books();
    }
    return seen + status;
}
