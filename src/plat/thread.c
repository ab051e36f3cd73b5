/* Starting a thread; processors. */
#include "plat/thread.h"

#include "plat/atomic.h"
#include "plat/seam.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

bool lg__thread_start(void *(*run)(void *arg), void *arg)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    if (lg__seam_fails(LG__SEAM_THREAD) || pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a new thread inherits the mask */
    int error = pthread_create(&thread, &attributes, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

bool lg__thread_has_processors(void)
{
    static uint32_t count; /* atomic relaxed; the same for whoever asks; 0: not asked yet */
    uint32_t known = lg__load_relaxed(&count);
    if (known == 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        known = online > 1 ? (uint32_t)online : 1;
        lg__store_relaxed(&count, known);
    }
    return known > 1;
}
