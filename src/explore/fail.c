/* Fail: the ways in which a program ends. */
#include "explore/fail.h"

#include "explore/heap.h"
#include "explore/intercept.h"
#include "explore/together.h"
#include "explore/verdict.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

/* ---- Assertions -------------------------------------------------------------------------------------- */

static void fail_assertion(const char *text, const char *file, unsigned line, const char *function,
                           uint64_t site)
{
    struct lg__thread *self = lg__self;
    lg__verdict_add("assertion \"%.200s\" failed, %.200s:%u%s%.80s\n", text, file, line,
                    function ? " in " : "", function ? function : "");
    lg__verdict_found_by(self, LG__FINDING_ASSERT, site);
}

static void die(const char *text, const char *file, unsigned line) __attribute__((noreturn));

static void die(const char *text, const char *file, unsigned line)
{
    fprintf(stderr, "%s:%u: assertion \"%s\" failed\n", file, line, text);
    lg__real()->abort();
    __builtin_unreachable();
}

LG__EXPORT void __assert_fail(const char *text, const char *file, unsigned line,
                              const char *function);
LG__EXPORT void __assert_perror_fail(int error, const char *file, unsigned line,
                                     const char *function);
LG__EXPORT void __assert(const char *text, const char *file, int line);

void __assert_fail(const char *text, const char *file, unsigned line, const char *function)
{
    if (lg__self)
        fail_assertion(text, file, line, function, LG__SITE);
    die(text, file, line);
}

void __assert_perror_fail(int error, const char *file, unsigned line, const char *function)
{
    if (lg__self)
        fail_assertion(strerror(error), file, line, function, LG__SITE);
    die(strerror(error), file, line);
}

void __assert(const char *text, const char *file, int line)
{
    if (lg__self)
        fail_assertion(text, file, (unsigned)line, NULL, LG__SITE);
    die(text, file, (unsigned)line);
}

LG__EXPORT void abort(void)
{
    struct lg__thread *self = lg__self;
    if (self) {
        lg__verdict_add("abort() was called\n");
        lg__verdict_found_by(self, LG__FINDING_ABORT, LG__SITE);
    }
    lg__real()->abort();
    __builtin_unreachable();
}

/* ---- Signals that end it ----------------------------------------------------------------------------- */

static uint64_t place_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uint64_t)context->uc_mcontext.gregs[REG_RIP] + 1;
#elif defined(__aarch64__)
    return context->uc_mcontext.pc + 1;
#else
    (void)context;
    return 0;
#endif
}

void lg__fail_die_of_signal(int signal_number, siginfo_t *info, void *context)
{
    struct lg__thread *self = lg__self;
    if (!self) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
        return;
    }
    lg__campaign->outcome.code = signal_number;
    if (signal_number == SIGSEGV && lg__heap_is_gone((uintptr_t)info->si_addr)) {
        lg__verdict_add("access to %p, in a large block that was freed\n", info->si_addr);
        lg__verdict_found_by(self, LG__FINDING_USE_AFTER_FREE, place_of(context));
    }
    lg__verdict_add("signal %d (%s)", signal_number, strsignal(signal_number));
    if (signal_number == SIGSEGV || signal_number == SIGBUS)
        lg__verdict_add(", address %p", info->si_addr);
    lg__verdict_add("\n");
    lg__verdict_found_by(self, signal_number == SIGABRT ? LG__FINDING_ABORT : LG__FINDING_CRASH,
                         place_of(context));
}

/* The campaign asks a run that makes no progress where it is. */
static void say_where(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    (void)info;
    lg__campaign->stuck_site = place_of(context);
}

void lg__fail_begin(void)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
    struct sigaction action = {.sa_sigaction = lg__fail_die_of_signal,
                               .sa_flags = SA_SIGINFO | SA_NODEFER};
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        sigaction(deadly[i], &action, NULL);
    struct sigaction asked = {.sa_sigaction = say_where, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(LG__FAIL_ASK, &asked, NULL);
}

/* ---- Exit -------------------------------------------------------------------------------------------- */

/* Runs after the program's own handlers, which were registered later. */
static void end_process(int status, void *argument)
{
    (void)argument;
    if (lg__campaign && lg__run.threads)
        lg__verdict_exited(status);
}

void lg__fail_watch_exit(void)
{
    on_exit(end_process, NULL);
}

static LG__TOGETHER int exit_status;

static void point_at_exit(int status, uint64_t site)
{
    struct lg__thread *self = lg__self;
    exit_status = status;
    if (self && !lg__run.is_exiting)
        lg__baton_point(self, LG__EVENT_EXIT, 0, 0, site);
    lg__run.is_exiting = true;
}

void lg__fail_point_at_exit(int status)
{
    point_at_exit(status, 0);
}

/* To walk through the modules for nothing touches pages that a run would not have to copy. */
void lg__fail_pass_destructors(void)
{
    if (lg__campaign && lg__run.threads && !lg__campaign->has_destructors)
        lg__verdict_exited(exit_status & 255);
}

LG__EXPORT void exit(int status)
{
    point_at_exit(status, LG__SITE);
    lg__real()->exit(status);
    __builtin_unreachable();
}

static void exit_at_once(int status, uint64_t site) __attribute__((noreturn));

static void exit_at_once(int status, uint64_t site)
{
    point_at_exit(status, site);
    if (lg__self)
        lg__verdict_exited(status & 255);
    lg__real()->_exit(status);
    __builtin_unreachable();
}

LG__EXPORT void _exit(int status)
{
    exit_at_once(status, LG__SITE);
}

LG__EXPORT void _Exit(int status)
{
    exit_at_once(status, LG__SITE);
}
