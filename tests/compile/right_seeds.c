/* The mended twins of wrong_pool_get, wrong_counter, wrong_map and wrong_log. */
#include "seeds.h"

int ready_count_of(struct connection_pool *pool);

int get(struct connection_pool *pool)
{
    int connection = -1;
    LG_WITH_MUTEX(&pool->mutex, lg_after_ms(1000), status) {
        if (*connection_pool_ready_count(pool) > 0) {
            connection = (*connection_pool_ready(pool))[--*connection_pool_ready_count(pool)];
            (*connection_pool_leased(pool))[(*connection_pool_leased_count(pool))++] = connection;
        }
    }
    return status == LG_OK ? connection : -1;
}

int ready_count_of(struct connection_pool *pool)
{
    int count = 0;
    LG_WITH_MUTEX(&pool->mutex, LG_FOREVER, status) {
        count = *connection_pool_ready_count_read(pool);
    }
    return status == LG_OK ? count : -1;
}

static struct lg_mutex lock = LG_MUTEX_INIT("counter");
static int counter LG_GUARDED_BY(lock);

void increment_counter(void)
{
    if (lg_mutex_lock(&lock, LG_FOREVER) == LG_OK) {
        counter++;
        lg_mutex_unlock(&lock);
    }
}

void update_shared_data(struct shared_map *map, int key, int value)
{
    if (lg_mutex_lock(&map->lock, LG_FOREVER) != LG_OK)
        return;
    (*shared_map_values(map))[key] = value;
    lg_mutex_unlock(&map->lock);
}

struct log_file {
    char lines[1000];
    size_t length;
};

static struct lg_mutex log_lock = LG_MUTEX_INIT("log");
static struct log_file the_log;
static struct log_file *log_file LG_POINTS_TO_GUARDED(log_lock) = &the_log;

void write_to_log(const char *message)
{
    LG_WITH_MUTEX(&log_lock, LG_FOREVER, status) {
        while (*message && log_file->length < sizeof log_file->lines)
            log_file->lines[log_file->length++] = *message++;
    }
    (void)status;
}
