/* The heavy barrier, with membarrier and where a sandbox has come that refuses it: of two threads that each store and
 * then look, one sees the other's store, although one of them has but a light barrier. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "support/crew.h"

#include "plat/atomic.h"
#include "plat/barrier.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SKIPPED 77
#define LINES   16

/* Both by their own writer alone; on lines of their own. */
static struct {
    uint64_t turn __attribute__((aligned(64))); /* atomic: of the rare one */
    uint64_t often __attribute__((aligned(64)));
    uint64_t rare __attribute__((aligned(64)));
    uint64_t seen __attribute__((aligned(64))); /* atomic: what the often one saw; 0: nothing yet */
    uint64_t is_over __attribute__((aligned(64)));
    struct {
        uint64_t word __attribute__((aligned(64))); /* atomic, of no meaning */
    } slow[LINES];
} dekker;

/* Lines that the other has just written too: what is stored after them stays in the processor a while. */
static void write_slow_lines(uint64_t turn)
{
    for (unsigned i = 0; i < LINES; i++)
        lg__store_relaxed(&dekker.slow[i].word, turn);
}

/* Again and again: say that this turn is mine, and look whether the other has said so. */
static int come_often(void *arg)
{
    (void)arg;
    uint64_t turn = 0;
    unsigned idle = 0;
    while (!lg__load_acquire(&dekker.is_over)) {
        uint64_t next = lg__load_acquire(&dekker.turn);
        if (next == turn && ++idle % 256 == 0)
            sched_yield();
        if (next == turn)
            continue;
        turn = next;
        write_slow_lines(turn);
        lg__store_relaxed(&dekker.often, turn);
        lg__barrier_light();
        lg__store_release(&dekker.seen, turn << 1 | (lg__load_acquire(&dekker.rare) == turn));
    }
    return LG_OK;
}

static int come_rarely(void *rounds)
{
    int missed = 0;
    for (uint64_t turn = 1; turn <= *(unsigned *)rounds; turn++) {
        write_slow_lines(0);
        lg__store_release(&dekker.turn, turn);
        for (uint64_t i = 0; i < turn % 64; i++) /* meet it at another moment each time */
            lg__cpu_relax();
        lg__store_relaxed(&dekker.rare, turn);
        lg__barrier_heavy();
        bool has_seen = lg__load_acquire(&dekker.often) == turn;
        uint64_t seen;
        while ((seen = lg__load_acquire(&dekker.seen)) >> 1 != turn)
            sched_yield();
        missed += !has_seen && !(seen & 1);
    }
    lg__store_release(&dekker.is_over, (uint64_t)1);
    return missed;
}

static int meet(void *rounds)
{
    dekker.turn = dekker.often = dekker.rare = dekker.seen = dekker.is_over = 0;
    struct crew_worker *often = crew_hire("often");
    crew_run(often, come_often, NULL);
    int missed = come_rarely(rounds);
    int status = crew_wait(often);
    crew_leave(often);
    return missed != 0 || status != LG_OK;
}

static void skip_without_barrier(void)
{
    if (!lg__barrier_is_there())
        SUPPORT_SKIP("membarrier is refused here");
}

static void test_one_of_two_sees_the_other(void **state)
{
    (void)state;
    skip_without_barrier();
    unsigned rounds = SUPPORT_ROUNDS(3000u);
    assert_int_equal(meet(&rounds), 0);
}

/* The number alone decides: one of another architecture is at worst refused too. */
static bool refuse_membarrier(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int meet_in_a_sandbox(void *rounds)
{
    cpu_set_t before, after;
    if (!refuse_membarrier())
        return SKIPPED;
    SUPPORT_CHECK(!lg__barrier_try());
    SUPPORT_CHECK(sched_getaffinity(0, sizeof before, &before) == 0);
    SUPPORT_CHECK(meet(rounds) == 0);
    SUPPORT_CHECK(sched_getaffinity(0, sizeof after, &after) == 0);
    SUPPORT_CHECK(CPU_EQUAL(&before, &after));
    return 0;
}

static void test_a_sandbox_comes_later(void **state)
{
    (void)state;
    skip_without_barrier();
    if (SUPPORT_TSAN)
        SUPPORT_SKIP("no threads after a fork");
    unsigned rounds = SUPPORT_ROUNDS(500u);
    int status = support_fork(meet_in_a_sandbox, &rounds);
    if (status == SKIPPED)
        SUPPORT_SKIP("no filter can be installed");
    assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_one_of_two_sees_the_other),
        SUPPORT_TEST(test_a_sandbox_comes_later),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
