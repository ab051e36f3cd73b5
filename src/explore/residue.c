#include "explore/residue.h"

#include "explore/fail.h"
#include "explore/kernel.h"
#include "explore/pages.h"

#include <asm/termbits.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

/* The kernel looks at one byte before each call that comes from elsewhere. */
enum { LET_PASS, STOP };

/* Not restored with the run's memory; NULL: no process is used twice. */
static struct {
    uint8_t calls;
    bool is_on;
} volatile *state;

#if defined(__x86_64__)

#define STOPPED        2 /* si_code: SYS_USER_DISPATCH */
#define HAS_RESTORER   0x04000000ul
#define SYSCALL_LENGTH 2 /* bytes of the instruction */

/* Where the runtime's own code lies. */
static struct {
    uintptr_t begin;
    size_t size;
} code;

/* Returns from a handler by a call of the runtime's own: libc's would be stopped again. */
void lg__residue_return(void) __attribute__((visibility("hidden")));
__asm__(".text\n"
        ".globl lg__residue_return\n"
        ".hidden lg__residue_return\n"
        ".type lg__residue_return, @function\n"
        "lg__residue_return:\n"
        "    movq $15, %rax\n"
        "    syscall\n"
        ".size lg__residue_return, . - lg__residue_return\n");

/* These read, or write to what is thrown away: the run's output, of which a terminal is asked first. */
static bool is_harmless(long number, const greg_t *registers)
{
    long first = (long)registers[REG_RDI];
    switch (number) {
    case SYS_write:
        return first == STDOUT_FILENO || first == STDERR_FILENO;
    case SYS_ioctl:
        return (unsigned long)registers[REG_RSI] == TCGETS;
    case SYS_fstat:
    case SYS_newfstatat:
    case SYS_getpid:
    case SYS_gettid:
    case SYS_getppid:
    case SYS_getuid:
    case SYS_geteuid:
    case SYS_getgid:
    case SYS_getegid:
    case SYS_getrandom:
    case SYS_uname:
    case SYS_sysinfo:
    case SYS_getcpu:
    case SYS_sched_getaffinity:
    case SYS_sched_yield:
    case SYS_time:
    case SYS_gettimeofday:
    case SYS_clock_gettime:
    case SYS_clock_getres:
        return true;
    default:
        return false;
    }
}

/* Another call is made again, at its own place: what it does may depend on that. */
static void look(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (info->si_code != STOPPED) {
        lg__fail_die_of_signal(number, info, context);
        return;
    }
    if (is_harmless(info->si_syscall, registers)) {
        registers[REG_RAX] =
            lg__kernel_call(info->si_syscall, (long)registers[REG_RDI], (long)registers[REG_RSI],
                            (long)registers[REG_RDX], (long)registers[REG_R10]);
        return;
    }
    state->calls = LET_PASS;
    registers[REG_RIP] -= SYSCALL_LENGTH;
}

static int find_code(struct dl_phdr_info *info, size_t size, void *argument)
{
    (void)size;
    (void)argument;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) ||
            (uintptr_t)find_code - begin >= segment->p_memsz)
            continue;
        code.begin = begin;
        code.size = segment->p_memsz;
        return 1;
    }
    return 0;
}

static bool catch_stopped_calls(void)
{
    struct {
        void (*handler)(int, siginfo_t *, void *);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } action = {look, SA_SIGINFO | SA_NODEFER | HAS_RESTORER, lg__residue_return, 0};
    return !lg__kernel_call(SYS_rt_sigaction, SIGSYS, (long)&action, 0, sizeof action.mask);
}

/* If it is blocked, the kernel ends the process instead. */
static bool can_be_caught(void)
{
    uint64_t blocked = 0;
    lg__kernel_call(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&blocked, sizeof blocked);
    return !(blocked >> (SIGSYS - 1) & 1);
}

bool lg__residue_reserve(void)
{
    if (!can_be_caught() || !dl_iterate_phdr(find_code, NULL))
        return false;
    state = lg__pages_spare(sizeof *state);
    return state && catch_stopped_calls();
}

bool lg__residue_watch(void)
{
    return !lg__kernel_call_with(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, 1, (long)code.begin,
                                 (long)code.size, (long)&state->calls, 0);
}

#else

bool lg__residue_reserve(void)
{
    return false;
}

bool lg__residue_watch(void)
{
    return false;
}

#endif

void lg__residue_begin(void)
{
    state->is_on = true;
    state->calls = STOP;
}

bool lg__residue_is_clean(void)
{
    return state && state->is_on && state->calls == STOP;
}

bool lg__residue_pause(void)
{
    bool was_clean = lg__residue_is_clean();
    if (was_clean)
        state->calls = LET_PASS;
    return was_clean;
}

void lg__residue_go_on(bool was_clean)
{
    if (was_clean)
        state->calls = STOP;
}
