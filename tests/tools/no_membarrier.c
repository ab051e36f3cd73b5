/* no_membarrier PROGRAM ARGUMENT...: run a program for which the kernel has no membarrier, as in a
 * sandbox, or before Linux 4.14.  Exits 77 (skipped) where no filter can be installed. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SKIPPED 77

/* The number alone decides: one of another architecture is at worst refused too. */
static int refuse_membarrier(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: no_membarrier PROGRAM ARGUMENT...\n", stderr);
        return 2;
    }
    if (refuse_membarrier()) {
        perror("no_membarrier: skipped, no filter can be installed");
        return SKIPPED;
    }
    if (syscall(SYS_membarrier, 0, 0, 0) == 0 || errno != ENOSYS) {
        fputs("no_membarrier: the filter does not work\n", stderr);
        return 2;
    }
    execv(argv[1], argv + 1);
    perror(argv[1]);
    return 2;
}
