/* What a schedule costs at least: a process that is forked, starts three threads that do nothing, joins them and
 * ends, so many times.  Prints the processor time of one, in microseconds. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 3

static void *do_nothing(void *argument)
{
    return argument;
}

static void run(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, do_nothing, NULL))
            _exit(1);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    _exit(0);
}

static double used_us(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int count, char **arguments)
{
    int rounds = count > 1 ? atoi(arguments[1]) : 1000;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    for (int i = 0; i < rounds; i++) {
        pid_t process = fork();
        if (process < 0)
            return 1;
        if (!process)
            run();
        waitpid(process, NULL, 0);
    }
    printf("%.1f\n", (used_us(RUSAGE_SELF) + used_us(RUSAGE_CHILDREN)) / rounds);
    return 0;
}
