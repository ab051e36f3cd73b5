#include "explore/orphans.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void lg__orphans_begin(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static void kill_all(void)
{
    char path[64];
    int child;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)gettid());
    FILE *in = fopen(path, "r");
    while (in && fscanf(in, "%d", &child) == 1)
        kill(child, SIGKILL);
    if (in)
        fclose(in);
}

/* Those who are killed leave theirs in turn. */
void lg__orphans_end(void)
{
    for (pid_t ended; (ended = waitpid(-1, NULL, WNOHANG)) >= 0;) {
        if (ended)
            continue;
        kill_all();
        if (waitpid(-1, NULL, 0) < 0)
            return;
    }
}
