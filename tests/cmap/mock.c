#include "mock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DEFAULT_OPENING_MAX 2
#define SLICE_NS            1000000

static void sleep_slice(void)
{
    struct timespec slice = {0, SLICE_NS};
    nanosleep(&slice, NULL);
}

/* One more is being opened.  Whether the fail point hits it. */
static bool enter(struct mock *mock)
{
    pthread_mutex_lock(&mock->lock);
    bool is_hit = mock->hits > 0;
    if (is_hit && mock->hits != UINT64_MAX)
        mock->hits--;
    mock->opening++;
    mock->alive++;
    if (mock->opening > mock->opening_most)
        mock->opening_most = mock->opening;
    if (mock->alive > mock->alive_most)
        mock->alive_most = mock->alive;
    pthread_mutex_unlock(&mock->lock);
    return is_hit;
}

static void leave(struct mock *mock, int status)
{
    pthread_mutex_lock(&mock->lock);
    mock->opening--;
    if (status != LG_OK)
        mock->alive--;
    pthread_mutex_unlock(&mock->lock);
}

static int fail(const struct lg_open *open, int status, const char *words)
{
    snprintf(open->error, open->error_size, "%s", words);
    return status;
}

uint32_t mock_opening(struct mock *mock)
{
    pthread_mutex_lock(&mock->lock);
    uint32_t opening = mock->opening;
    pthread_mutex_unlock(&mock->lock);
    return opening;
}

/* Whether an open that is held up until then is so still: see pace.h. */
static bool is_held_up(struct mock *mock, lg_deadline until)
{
    lg_deadline now = lg_after_ms(0);
    if (now < until)
        return true;
    return now - until < PACE_PATIENCE_MS * 1000000ull &&
           !pace_is_settled(mock->pace, mock_opening(mock));
}

/* What a command meets at a fail point: first it is held up, then it fails, or goes through. */
static int meet(struct mock *mock, const struct lg_open *open)
{
    const struct fail_point *fail_point = &mock->fail_point;
    lg_deadline until = lg_after_ms(fail_point->block_ms);
    while (fail_point->block_ms > 0 && is_held_up(mock, until)) {
        if (lg_cancel_is_requested(open->cancel))
            return fail(open, LG_ECANCELED, "the open was cancelled");
        if (lg_after_ms(0) >= open->deadline)
            return fail(open, LG_ETIMEDOUT, "the open took too long");
        sleep_slice();
    }
    if (fail_point->is_closing)
        return fail(open, LG_EDRIVER, "the fail point closed the connection");
    if (fail_point->error_code != 0)
        return fail(open, LG_EDRIVER, "the fail point returned an error");
    return LG_OK;
}

static int open_mock(void *arg, const struct lg_open *open, void **resource)
{
    struct mock *mock = arg;
    int status = enter(mock) ? meet(mock, open) : LG_OK;
    if (status == LG_OK) {
        *resource = malloc(1);
        status = *resource ? LG_OK : LG_ENOMEM;
    }
    leave(mock, status);
    return status;
}

static void close_mock(void *arg, void *resource)
{
    struct mock *mock = arg;
    free(resource);
    pthread_mutex_lock(&mock->lock);
    mock->alive--;
    pthread_mutex_unlock(&mock->lock);
}

static void destroy_mock(void *arg)
{
    struct mock *mock = arg;
    pthread_mutex_lock(&mock->lock);
    mock->is_destroyed = true;
    pthread_cond_signal(&mock->destroyed);
    pthread_mutex_unlock(&mock->lock);
}

void mock_begin(struct mock *mock, const struct fail_point *fail_point, struct pace *pace)
{
    *mock = (struct mock){
        .driver = LG_DRIVER_INIT("mock", open_mock, close_mock),
        .pace = pace,
        .fail_point = *fail_point,
        .hits = fail_point->hits,
    };
    mock->driver.destroy = destroy_mock;
    pthread_mutex_init(&mock->lock, NULL);
    pthread_cond_init(&mock->destroyed, NULL);
}

void mock_end(struct mock *mock, const struct settings *settings, struct complaint *complaint)
{
    uint32_t opening_max = settings->opening_max ? settings->opening_max : DEFAULT_OPENING_MAX;
    pthread_mutex_lock(&mock->lock);
    while (!mock->is_destroyed)
        pthread_cond_wait(&mock->destroyed, &mock->lock);
    if (mock->opening_most > opening_max)
        complain(complaint, "%u opens at a time, with maxConnecting %u", mock->opening_most,
                 opening_max);
    if (mock->alive_most > settings->max_size)
        complain(complaint, "%u resources at a time, with maxPoolSize %u", mock->alive_most,
                 settings->max_size);
    if (mock->alive > 0)
        complain(complaint, "%u resources were never closed", mock->alive);
    pthread_mutex_unlock(&mock->lock);
    pthread_cond_destroy(&mock->destroyed);
    pthread_mutex_destroy(&mock->lock);
}
