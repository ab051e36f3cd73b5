#include "explore/signal_file.h"

#include "explore/access.h"
#include "explore/intercept.h"
#include "explore/kernel.h"
#include "explore/signal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#define FILES_MAX 64

static struct {
    int file; /* the descriptor + 1; 0: none */
    uint64_t bits;
    bool is_set;
} files[FILES_MAX];

static uint32_t count; /* of those that were ever made */

static uint32_t find(int descriptor)
{
    uint32_t i = 0;
    while (i < count && files[i].file != descriptor + 1)
        i++;
    return i;
}

uint64_t lg__signal_file_bits(int descriptor)
{
    uint32_t i = find(descriptor);
    return i < count ? files[i].bits : 0;
}

bool lg__signal_file_is_any(void)
{
    return count > 0;
}

void lg__signal_file_update(void)
{
    uint64_t pending = count ? lg__signal_pending() : 0, value = 1;
    for (uint32_t i = 0; i < count; i++) {
        bool must_be_set = (files[i].bits & pending) != 0;
        if (!files[i].file || files[i].is_set == must_be_set)
            continue;
        lg__kernel_call(must_be_set ? SYS_write : SYS_read, files[i].file - 1,
                        (long)(uintptr_t)&value, sizeof value, 0);
        files[i].is_set = must_be_set;
    }
}

static struct signalfd_siginfo convert(const siginfo_t *info)
{
    struct signalfd_siginfo out = {.ssi_signo = (uint32_t)info->si_signo,
                                   .ssi_errno = info->si_errno,
                                   .ssi_code = info->si_code};
    if (info->si_code <= 0) {
        out.ssi_pid = (uint32_t)info->si_pid;
        out.ssi_uid = info->si_uid;
        out.ssi_int = info->si_value.sival_int;
        out.ssi_ptr = (uint64_t)(uintptr_t)info->si_value.sival_ptr;
    }
    return out;
}

/* As many as there are and fit; the first is waited for. */
ssize_t lg__signal_file_read(int descriptor, void *buffer, size_t size, uint64_t site)
{
    struct lg__thread *self = lg__self;
    uint64_t bits = lg__signal_file_bits(descriptor);
    size_t room = size / sizeof(struct signalfd_siginfo), used = 0;
    siginfo_t info;
    sigset_t set;
    lg__signal_set_of(bits, &set);
    if (!room) {
        errno = EINVAL;
        return -1;
    }
    if (fcntl(descriptor, F_GETFL) & O_NONBLOCK)
        lg__baton_point(self, LG__EVENT_INPUT, 0, 0, site);
    else if (lg__signal_wait(self, &set, &info, LG__NEVER, site) < 0)
        return -1;
    else
        ((struct signalfd_siginfo *)buffer)[used++] = convert(&info);
    while (used < room && lg__signal_take(self, bits, &info))
        ((struct signalfd_siginfo *)buffer)[used++] = convert(&info);
    if (!used) {
        errno = EAGAIN;
        return -1;
    }
    lg__access_range((uintptr_t)buffer, used * sizeof(struct signalfd_siginfo), true, site);
    return (ssize_t)(used * sizeof(struct signalfd_siginfo));
}

void lg__signal_file_close(int descriptor)
{
    uint32_t i = find(descriptor);
    if (i < count) {
        files[i].file = 0;
        files[i].bits = 0;
    }
}

/* The flags have the same bits. */
LG__EXPORT int signalfd(int descriptor, const sigset_t *set, int flags)
{
    if (!lg__self)
        return lg__real()->signalfd(descriptor, set, flags);
    uint32_t i = descriptor < 0 ? find(-1) : find(descriptor);
    if (descriptor >= 0 && i == count) {
        errno = EINVAL;
        return -1;
    }
    if (descriptor < 0) {
        if (i == FILES_MAX) {
            errno = EMFILE;
            return -1;
        }
        int made = eventfd(0, flags);
        if (made < 0)
            return -1;
        count += i == count;
        files[i].file = made + 1;
        files[i].is_set = false;
        descriptor = made;
    }
    files[i].bits = lg__signal_bits(set);
    lg__signal_file_update();
    return descriptor;
}
