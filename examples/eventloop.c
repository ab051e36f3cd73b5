/* Eight jobs in one thread, over a pool of two: an event loop that never waits for a connection. */
#include <lifeguard/lifeguard.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define JOBS 8

static int open_connection(void *arg, const struct lg_open *open, void **resource)
{
    (void)arg, (void)open;
    *resource = malloc(1);
    return *resource ? LG_OK : LG_ENOMEM;
}

static void close_connection(void *arg, void *resource)
{
    (void)arg;
    free(resource);
}

static const struct lg_driver driver =
    LG_DRIVER_INIT("connection", open_connection, close_connection);

/* Look at a job that still waits.  Returns whether it is over. */
static int look_at(struct lg_pool *pool, struct lg_request **job, int number)
{
    struct lg_lease lease;
    int status = lg_request_poll(*job, &lease);
    if (status == LG_EBUSY)
        return 0;
    printf("job %d: %s\n", number, status == LG_OK ? "has a connection" : lg_status_text(status));
    if (status == LG_OK) /* here it would begin to use it */
        (void)!lg_pool_checkin(pool, &lease);
    lg_request_end(*job);
    *job = NULL;
    return 1;
}

int main(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_request *jobs[JOBS] = {NULL};
    struct lg_pool *pool;
    int done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), loop = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = done};
    options.capacity = 2;
    if (epoll_ctl(loop, EPOLL_CTL_ADD, done, &event) != 0 ||
        lg_pool_create(&driver, NULL, &options, &pool) != LG_OK)
        return 1;
    for (int i = 0; i < JOBS; i++)
        if (lg_pool_request(pool, lg_after_ms(5000), NULL, NULL, done, &jobs[i]) != LG_OK)
            return 1;
    for (int left = JOBS; left > 0 && epoll_wait(loop, &event, 1, 10000) == 1;) {
        eventfd_t count;
        (void)!eventfd_read(done, &count); /* before the look: nothing is missed */
        for (int i = 0; i < JOBS; i++)
            if (jobs[i])
                left -= look_at(pool, &jobs[i], i);
    }
    for (int i = 0; i < JOBS; i++)
        lg_request_end(jobs[i]); /* none is left, unless the loop has failed */
    lg_pool_destroy(pool);
    close(loop);
    close(done);
    return 0;
}
