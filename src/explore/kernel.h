/* Kernel: system calls of the runtime's own.  syscall(3) is the program's, and stood in front of. */
#ifndef LG_EXPLORE_KERNEL_H
#define LG_EXPLORE_KERNEL_H

#include <sys/mman.h>
#include <sys/syscall.h>

/* What the headers of older systems do not have. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

/* Returns what the kernel does: an error is a negative number. */
static inline long lg__kernel_call_with(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    long result;
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    register long sixth __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
#error "explore knows the system calls of x86-64 and aarch64"
#endif
}

static inline long lg__kernel_call(long number, long a, long b, long c, long d)
{
    return lg__kernel_call_with(number, a, b, c, d, 0, 0);
}

#endif
