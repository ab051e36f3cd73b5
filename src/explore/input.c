#include "explore/input.h"

#include "explore/alarm.h"
#include "explore/kernel.h"
#include "explore/signal_file.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DESCRIPTORS_MAX 1024
#define MOMENT_MS       2

static int poll_really(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    struct timespec time = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    return (int)lg__kernel_call(SYS_ppoll, (long)descriptors, (long)count,
                                timeout_ms < 0 ? 0 : (long)&time, 0);
}

bool lg__input_is_ready(const struct lg__wait *wait)
{
    struct pollfd copies[64];
    const struct pollfd *descriptors = wait->input;
    for (uint32_t i = 0; i < wait->inputs; i += 64) {
        uint32_t count = wait->inputs - i < 64 ? wait->inputs - i : 64;
        memcpy(copies, descriptors + i, count * sizeof *copies);
        if (poll_really(copies, count, 0) > 0)
            return true;
    }
    return false;
}

bool lg__input_await(bool has_deadline)
{
    static struct pollfd all[DESCRIPTORS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < lg__run.live_count; i++) {
        const struct lg__wait *wait = &lg__run.live[i]->wait;
        if (wait->kind != LG__WAIT_INPUT || !wait->inputs)
            continue;
        const struct pollfd *inputs = wait->input;
        for (uint32_t k = 0; k < wait->inputs && count < DESCRIPTORS_MAX; k++)
            if (!lg__alarm_is_file(inputs[k].fd) && !lg__signal_file_bits(inputs[k].fd))
                all[count++] = inputs[k];
    }
    if (!count)
        return false;
    if (poll_really(all, count, 0) > 0)
        return true;
    lg__campaign->outcome.is_unrepeatable = true;
    return poll_really(all, count, has_deadline ? MOMENT_MS : -1) != 0;
}
