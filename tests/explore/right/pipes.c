/* Threads that talk through a pipe, an eventfd, poll, epoll and a raw futex; all ordered. */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ends[2], event, message;
static _Atomic uint32_t word;

static void *tell(void *unused)
{
    message = 42;
    assert(write(ends[1], "x", 1) == 1);
    uint64_t one = 1;
    assert(write(event, &one, sizeof one) == sizeof one);
    atomic_store(&word, 1);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    return unused;
}

static void *listen_to_pipe(void *unused)
{
    char byte;
    struct pollfd both = {.fd = ends[0], .events = POLLIN};
    assert(poll(&both, 1, -1) == 1 && both.revents == POLLIN);
    assert(read(ends[0], &byte, 1) == 1 && byte == 'x');
    assert(message == 42);
    assert(poll(&both, 1, 50) == 0);
    return unused;
}

static void *listen_to_event(void *unused)
{
    uint64_t value;
    struct epoll_event wanted = {.events = EPOLLIN}, got;
    int many = epoll_create1(0);
    assert(!epoll_ctl(many, EPOLL_CTL_ADD, event, &wanted));
    assert(epoll_wait(many, &got, 1, -1) == 1);
    assert(read(event, &value, sizeof value) == sizeof value && value == 1);
    while (!atomic_load(&word))
        if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0))
            assert(errno == EAGAIN);
    assert(message == 42);
    close(many);
    return unused;
}

int main(void)
{
    pthread_t threads[3];
    assert(!pipe(ends));
    event = eventfd(0, 0);
    pthread_create(&threads[0], NULL, listen_to_pipe, NULL);
    pthread_create(&threads[1], NULL, listen_to_event, NULL);
    pthread_create(&threads[2], NULL, tell, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
