/* Threads that talk through datagrams, several at once, a message queue, epoll_pwait2 and a connection; all ordered. */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int ends[2], listener, text, answer;
static mqd_t queue;
static struct sockaddr_in address = {.sin_family = AF_INET};

static struct mmsghdr *lay_out(struct mmsghdr messages[2], struct iovec parts[2], char bytes[2])
{
    for (int i = 0; i < 2; i++) {
        parts[i] = (struct iovec){&bytes[i], 1};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    }
    return messages;
}

static void *tell(void *unused)
{
    struct mmsghdr messages[2];
    struct iovec parts[2];
    char bytes[2] = "ab";
    text = 1;
    assert(sendmmsg(ends[1], lay_out(messages, parts, bytes), 2, 0) == 2);
    int other = socket(AF_INET, SOCK_STREAM, 0);
    assert(!connect(other, (struct sockaddr *)&address, sizeof address));
    assert(send(other, "x", 1, 0) == 1);
    close(other);
    if (queue != (mqd_t)-1) {
        answer = 2;
        assert(!mq_send(queue, "one", 3, 0));
        assert(!mq_send(queue, "two", 3, 0)); /* there is room for one */
    }
    return unused;
}

static void *listen_to_all(void *unused)
{
    struct mmsghdr messages[2];
    struct iovec parts[2];
    char bytes[2], byte;
    struct epoll_event event = {.events = EPOLLIN}, came;
    int set = epoll_create1(0);
    assert(recv(ends[0], &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1 || errno == EAGAIN);
    assert(!epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
    assert(epoll_pwait2(set, &came, 1, NULL, NULL) == 1);
    assert(recvmmsg(ends[0], lay_out(messages, parts, bytes), 2, 0, NULL) == 2);
    assert(bytes[0] == 'a' && bytes[1] == 'b' && text == 1);
    struct timespec moment = {0, 1000000};
    assert(epoll_pwait2(set, &came, 1, &moment, NULL) == 0);
    assert(recvmmsg(ends[0], lay_out(messages, parts, bytes), 2, MSG_DONTWAIT, NULL) == -1);
    close(set);
    return unused;
}

static void receive(void)
{
    char words[8];
    struct timespec time;
    assert(mq_receive(queue, words, sizeof words, NULL) == 3 && !memcmp(words, "one", 3));
    assert(answer == 2);
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec += 3600;
    ssize_t size = mq_timedreceive(queue, words, sizeof words, NULL, &time);
    assert(size == 3 || errno == ETIMEDOUT); /* deadlines come early in some schedules */
    if (size != 3)
        assert(mq_receive(queue, words, sizeof words, NULL) == 3);
    assert(!memcmp(words, "two", 3));
    assert(mq_timedreceive(queue, words, sizeof words, NULL, &time) == -1 && errno == ETIMEDOUT);
}

/* Where there are no message queues the rest is tried. */
static void open_queue(void)
{
    char name[64];
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
    snprintf(name, sizeof name, "/lifeguard-explore-%d", (int)getppid());
    mq_unlink(name);
    queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    assert(queue != (mqd_t)-1 || errno == ENOSYS || errno == EACCES || errno == EMFILE);
    mq_unlink(name);
}

int main(void)
{
    pthread_t threads[2];
    char byte;
    socklen_t size = sizeof address;
    open_queue();
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert(!socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
    listener = socket(AF_INET, SOCK_STREAM, 0);
    assert(!bind(listener, (struct sockaddr *)&address, sizeof address) && !listen(listener, 1));
    assert(!getsockname(listener, (struct sockaddr *)&address, &size));
    pthread_create(&threads[0], NULL, listen_to_all, NULL);
    pthread_create(&threads[1], NULL, tell, NULL);
    int one = accept(listener, NULL, NULL);
    assert(recv(one, &byte, 1, 0) == 1 && byte == 'x');
    if (queue != (mqd_t)-1)
        receive();
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
