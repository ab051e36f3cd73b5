/* The runner of schedule specs.
 *
 *     spec FILE.spec...            check them
 *     spec --print FILE.spec...    print what comes, to be read and then pasted
 *
 * Exit status: 0 all is as expected, 1 something is not, 2 wrong use. */
#include "spec/spec.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_S 120 /* for one file: a thread that neither ends its step nor sleeps */

static const char *path_now;

static void give_up(int signal_number)
{
    static const char words[] = ": a thread neither ends its step nor sleeps\n";
    (void)signal_number;
    (void)!write(STDOUT_FILENO, path_now, strlen(path_now));
    (void)!write(STDOUT_FILENO, words, sizeof words - 1);
    _exit(1);
}

/* That threads end holding locks is what some files are about. */
static void hear_nothing(void *arg, const struct lg_log_event *event)
{
    (void)arg, (void)event;
}

/* How many expectations were not met, or 1 for a bad file. */
static unsigned try_file(struct spec *spec, const char *path, bool must_print)
{
    path_now = path;
    alarm(LIMIT_S);
    if (!spec_parse(spec, path)) {
        printf("FAILED  %s:%u: %s\n", path, spec->error_line, spec->error);
        return 1;
    }
    unsigned failed = spec_check(spec, must_print);
    if (failed == 0 && !must_print)
        printf("ok      %s\n", path);
    return failed;
}

int main(int argc, char **argv)
{
    bool must_print = argc > 1 && !strcmp(argv[1], "--print");
    int first = must_print ? 2 : 1;
    unsigned failed = 0;
    struct spec *spec = calloc(1, sizeof *spec);
    if (first >= argc || argv[first][0] == '-' || !spec) {
        fprintf(stderr, "usage: spec [--print] FILE.spec...\n");
        free(spec);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGALRM, give_up);
    lg_log_set(LG_LOG_ERROR, hear_nothing, NULL);
    for (int i = first; i < argc; i++)
        failed += try_file(spec, argv[i], must_print);
    free(spec);
    return failed == 0 ? 0 : 1;
}
