/* finds: lost-wakeup */
/* The alarm may ring before pause is called, and then nothing ends that. */
#include <signal.h>
#include <unistd.h>
static volatile sig_atomic_t rang;
static void ring(int number)
{
    rang = number;
}
int main(void)
{
    signal(SIGALRM, ring);
    alarm(1);
    if (!rang)
        pause();
    return 0;
}
