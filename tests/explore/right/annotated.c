/* What orders is said to the tools by name, as for a lock that they cannot see. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);
void AnnotateHappensBefore(const char *file, int line, const volatile void *address);
void AnnotateHappensAfter(const char *file, int line, const volatile void *address);
void AnnotateBenignRaceSized(const char *file, int line, const volatile void *address, long size,
                             const char *why);

static int first, second, told, answered;

/* As with an instruction that the compiler does not know. */
__attribute__((no_sanitize("thread"))) static void set(int *flag)
{
    __asm__ volatile("" ::: "memory");
    *(volatile int *)flag = 1;
}

__attribute__((no_sanitize("thread"))) static int is_set(const int *flag)
{
    return *(const volatile int *)flag;
}

static void *answer(void *unused)
{
    while (!is_set(&told))
        sched_yield();
    __tsan_acquire(&told);
    assert(first == 1);
    second = 2;
    AnnotateHappensBefore(__FILE__, __LINE__, &answered);
    set(&answered);
    return unused;
}

int main(void)
{
    pthread_t thread;
    AnnotateBenignRaceSized(__FILE__, __LINE__, &told, sizeof told, "a flag");
    pthread_create(&thread, NULL, answer, NULL);
    first = 1;
    __tsan_release(&told);
    set(&told);
    while (!is_set(&answered))
        sched_yield();
    AnnotateHappensAfter(__FILE__, __LINE__, &answered);
    assert(second == 2);
    pthread_join(thread, NULL);
    return 0;
}
