/* Real: what the functions that the runtime stands in front of do in libc. */
#ifndef LG_EXPLORE_REAL_H
#define LG_EXPLORE_REAL_H

#include <malloc.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

/* What fortified programs call; no header has them. */
void *__memcpy_chk(void *to, const void *from, size_t size, size_t room);
void *__memmove_chk(void *to, const void *from, size_t size, size_t room);
void *__memset_chk(void *to, int byte, size_t size, size_t room);
char *__strcpy_chk(char *to, const char *from, size_t room);
char *__strncpy_chk(char *to, const char *from, size_t size, size_t room);
char *__strcat_chk(char *to, const char *from, size_t room);
char *__strncat_chk(char *to, const char *from, size_t limit, size_t room);
void *__mempcpy_chk(void *to, const void *from, size_t size, size_t room);
char *__stpcpy_chk(char *to, const char *from, size_t room);
char *__stpncpy_chk(char *to, const char *from, size_t size, size_t room);
int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments);
int __vprintf_chk(int flag, const char *format, va_list arguments);
int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
int __printf_chk(int flag, const char *format, ...);
int __vsprintf_chk(char *to, int flag, size_t size, const char *format, va_list arguments);
int __vsnprintf_chk(char *to, size_t room, int flag, size_t size, const char *format,
                    va_list arguments);
int __sprintf_chk(char *to, int flag, size_t size, const char *format, ...);
int __snprintf_chk(char *to, size_t room, int flag, size_t size, const char *format, ...);
char *__fgets_chk(char *to, size_t size, int room, FILE *stream);
size_t __fread_chk(void *to, size_t room, size_t size, size_t count, FILE *stream);
ssize_t __read_chk(int descriptor, void *buffer, size_t count, size_t room);
ssize_t __recv_chk(int descriptor, void *buffer, size_t count, size_t room, int flags);
int __poll_chk(struct pollfd *descriptors, nfds_t count, int timeout_ms, size_t room);
void __chk_fail(void) __attribute__((noreturn));
/* The C99 and C23 forms of scanf. */
int __isoc99_vfscanf(FILE *stream, const char *format, va_list arguments);
int __isoc99_vsscanf(const char *text, const char *format, va_list arguments);
int __isoc23_vfscanf(FILE *stream, const char *format, va_list arguments);
int __isoc23_vsscanf(const char *text, const char *format, va_list arguments);

#define LG__REAL_FUNCTIONS(X)                                                                      \
    X(mmap)                                                                                        \
    X(memcpy)                                                                                      \
    X(memmove)                                                                                     \
    X(mempcpy)                                                                                     \
    X(memset)                                                                                      \
    X(memcmp)                                                                                      \
    X(bcmp)                                                                                        \
    X(memchr)                                                                                      \
    X(memrchr)                                                                                     \
    X(strlen)                                                                                      \
    X(strnlen)                                                                                     \
    X(strcmp)                                                                                      \
    X(strncmp)                                                                                     \
    X(strcasecmp)                                                                                  \
    X(strncasecmp)                                                                                 \
    X(strchr)                                                                                      \
    X(strchrnul)                                                                                   \
    X(strrchr)                                                                                     \
    X(strstr)                                                                                      \
    X(strcasestr)                                                                                  \
    X(strspn)                                                                                      \
    X(strcspn)                                                                                     \
    X(strpbrk)                                                                                     \
    X(strcpy)                                                                                      \
    X(stpcpy)                                                                                      \
    X(strncpy)                                                                                     \
    X(stpncpy)                                                                                     \
    X(strcat)                                                                                      \
    X(strncat)                                                                                     \
    X(strdup)                                                                                      \
    X(strndup)                                                                                     \
    X(__memcpy_chk)                                                                                \
    X(__memmove_chk)                                                                               \
    X(__memset_chk)                                                                                \
    X(__strcpy_chk)                                                                                \
    X(__strncpy_chk)                                                                               \
    X(__strcat_chk)                                                                                \
    X(__strncat_chk)                                                                               \
    X(wmemcpy)                                                                                     \
    X(wmemmove)                                                                                    \
    X(wmemset)                                                                                     \
    X(vfwprintf)                                                                                   \
    X(vswprintf)                                                                                   \
    X(fputwc)                                                                                      \
    X(fputws)                                                                                      \
    X(fgetwc)                                                                                      \
    X(fgetws)                                                                                      \
    X(ungetwc)                                                                                     \
    X(wcslen)                                                                                      \
    X(wcsnlen)                                                                                     \
    X(wcschr)                                                                                      \
    X(wcscmp)                                                                                      \
    X(wcsncmp)                                                                                     \
    X(wcscpy)                                                                                      \
    X(wcsncpy)                                                                                     \
    X(wcscat)                                                                                      \
    X(wcsdup)                                                                                      \
    X(__isoc99_vfscanf)                                                                            \
    X(__isoc99_vsscanf)                                                                            \
    X(__isoc23_vfscanf)                                                                            \
    X(__isoc23_vsscanf)                                                                            \
    X(__vfprintf_chk)                                                                              \
    X(__vsprintf_chk)                                                                              \
    X(__vsnprintf_chk)                                                                             \
    X(__fgets_chk)                                                                                 \
    X(__fread_chk)                                                                                 \
    X(__chk_fail)                                                                                  \
    X(__mempcpy_chk)                                                                               \
    X(__stpcpy_chk)                                                                                \
    X(__stpncpy_chk)                                                                               \
    X(fwrite)                                                                                      \
    X(fread)                                                                                       \
    X(fputs)                                                                                       \
    X(puts)                                                                                        \
    X(fputc)                                                                                       \
    X(fgets)                                                                                       \
    X(fgetc)                                                                                       \
    X(ungetc)                                                                                      \
    X(getdelim)                                                                                    \
    X(fflush)                                                                                      \
    X(fclose)                                                                                      \
    X(fseek)                                                                                       \
    X(fseeko)                                                                                      \
    X(ftell)                                                                                       \
    X(ftello)                                                                                      \
    X(rewind)                                                                                      \
    X(vfprintf)                                                                                    \
    X(vsnprintf)                                                                                   \
    X(vsprintf)                                                                                    \
    X(flockfile)                                                                                   \
    X(ftrylockfile)                                                                                \
    X(funlockfile)                                                                                 \
    X(pthread_create)                                                                              \
    X(pthread_join)                                                                                \
    X(pthread_tryjoin_np)                                                                          \
    X(pthread_timedjoin_np)                                                                        \
    X(pthread_clockjoin_np)                                                                        \
    X(pthread_detach)                                                                              \
    X(pthread_setname_np)                                                                          \
    X(pthread_cancel)                                                                              \
    X(pthread_kill)                                                                                \
    X(sigaction)                                                                                   \
    X(signal)                                                                                      \
    X(pthread_sigmask)                                                                             \
    X(sigprocmask)                                                                                 \
    X(sigpending)                                                                                  \
    X(pthread_sigqueue)                                                                            \
    X(raise)                                                                                       \
    X(kill)                                                                                        \
    X(sigqueue)                                                                                    \
    X(sigwait)                                                                                     \
    X(sigwaitinfo)                                                                                 \
    X(sigtimedwait)                                                                                \
    X(sigsuspend)                                                                                  \
    X(pause)                                                                                       \
    X(signalfd)                                                                                    \
    X(siglongjmp)                                                                                  \
    X(longjmp)                                                                                     \
    X(alarm)                                                                                       \
    X(setitimer)                                                                                   \
    X(getitimer)                                                                                   \
    X(timerfd_create)                                                                              \
    X(timerfd_settime)                                                                             \
    X(timerfd_gettime)                                                                             \
    X(timer_create)                                                                                \
    X(timer_gettime)                                                                               \
    X(timer_settime)                                                                               \
    X(timer_getoverrun)                                                                            \
    X(timer_delete)                                                                                \
    X(pthread_exit)                                                                                \
    X(pthread_mutex_init)                                                                          \
    X(pthread_mutex_destroy)                                                                       \
    X(pthread_mutex_lock)                                                                          \
    X(pthread_mutex_trylock)                                                                       \
    X(pthread_mutex_timedlock)                                                                     \
    X(pthread_mutex_clocklock)                                                                     \
    X(pthread_mutex_unlock)                                                                        \
    X(pthread_mutex_consistent)                                                                    \
    X(pthread_spin_init)                                                                           \
    X(pthread_spin_destroy)                                                                        \
    X(pthread_spin_lock)                                                                           \
    X(pthread_spin_trylock)                                                                        \
    X(pthread_spin_unlock)                                                                         \
    X(pthread_rwlock_init)                                                                         \
    X(pthread_rwlock_destroy)                                                                      \
    X(pthread_rwlock_rdlock)                                                                       \
    X(pthread_rwlock_tryrdlock)                                                                    \
    X(pthread_rwlock_timedrdlock)                                                                  \
    X(pthread_rwlock_clockrdlock)                                                                  \
    X(pthread_rwlock_wrlock)                                                                       \
    X(pthread_rwlock_trywrlock)                                                                    \
    X(pthread_rwlock_timedwrlock)                                                                  \
    X(pthread_rwlock_clockwrlock)                                                                  \
    X(pthread_rwlock_unlock)                                                                       \
    X(pthread_cond_init)                                                                           \
    X(pthread_cond_destroy)                                                                        \
    X(pthread_cond_wait)                                                                           \
    X(pthread_cond_timedwait)                                                                      \
    X(pthread_cond_clockwait)                                                                      \
    X(pthread_cond_signal)                                                                         \
    X(pthread_cond_broadcast)                                                                      \
    X(pthread_barrier_init)                                                                        \
    X(pthread_barrier_destroy)                                                                     \
    X(pthread_barrier_wait)                                                                        \
    X(pthread_once)                                                                                \
    X(sem_init)                                                                                    \
    X(sem_destroy)                                                                                 \
    X(sem_wait)                                                                                    \
    X(sem_trywait)                                                                                 \
    X(sem_timedwait)                                                                               \
    X(sem_clockwait)                                                                               \
    X(sem_post)                                                                                    \
    X(sem_getvalue)                                                                                \
    X(sched_yield)                                                                                 \
    X(sleep)                                                                                       \
    X(usleep)                                                                                      \
    X(nanosleep)                                                                                   \
    X(clock_nanosleep)                                                                             \
    X(clock_gettime)                                                                               \
    X(gettimeofday)                                                                                \
    X(time)                                                                                        \
    X(exit)                                                                                        \
    X(abort)                                                                                       \
    X(malloc_usable_size)                                                                          \
    X(read)                                                                                        \
    X(readv)                                                                                       \
    X(recv)                                                                                        \
    X(recvfrom)                                                                                    \
    X(recvmsg)                                                                                     \
    X(accept)                                                                                      \
    X(accept4)                                                                                     \
    X(eventfd_read)                                                                                \
    X(eventfd_write)                                                                               \
    X(write)                                                                                       \
    X(writev)                                                                                      \
    X(send)                                                                                        \
    X(sendto)                                                                                      \
    X(sendmsg)                                                                                     \
    X(close)                                                                                       \
    X(poll)                                                                                        \
    X(ppoll)                                                                                       \
    X(select)                                                                                      \
    X(pselect)                                                                                     \
    X(epoll_wait)                                                                                  \
    X(epoll_pwait)                                                                                 \
    X(epoll_pwait2)                                                                                \
    X(recvmmsg)                                                                                    \
    X(sendmmsg)                                                                                    \
    X(mq_send)                                                                                     \
    X(mq_timedsend)                                                                                \
    X(mq_receive)                                                                                  \
    X(mq_timedreceive)                                                                             \
    X(connect)                                                                                     \
    X(syscall)                                                                                     \
    X(get_nprocs)                                                                                  \
    X(get_nprocs_conf)                                                                             \
    X(sysconf)                                                                                     \
    X(_exit)

#define LG__REAL_FIELD(name) __typeof__(name) *name;

struct lg__real {
    LG__REAL_FUNCTIONS(LG__REAL_FIELD)
};

/* Found at the first use, which may come before any constructor. */
const struct lg__real *lg__real(void);

#endif
