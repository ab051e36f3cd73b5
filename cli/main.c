/* lifeguard, the program: finds the verb and runs it.  All it knows about verbs is their table. */
#include "verb.h"

#include <lifeguard/lifeguard.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct verb *const verbs[] = {&bank_verb, &cc_verb, &explore_verb};

#define VERB_COUNT (sizeof verbs / sizeof *verbs)

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (!strcmp(verbs[i]->name, name))
            return verbs[i];
    return NULL;
}

static void print_help(FILE *out)
{
    fputs("usage: lifeguard VERB [OPTIONS]\n\n", out);
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs("\n  lifeguard help VERB    all about a verb\n"
          "  lifeguard --version    version\n",
          out);
}

static int complain_about(const char *name)
{
    fprintf(stderr, "lifeguard: unknown verb %s; lifeguard --help lists them\n", name);
    return EXIT_USAGE;
}

/* lifeguard help, lifeguard --help, lifeguard help VERB, lifeguard VERB --help */
static int help(const char *name)
{
    const struct verb *verb = name ? find_verb(name) : NULL;
    if (name && !verb)
        return complain_about(name);
    if (verb)
        fputs(verb->help, stdout);
    else
        print_help(stdout);
    return EXIT_GOOD;
}

static int run_verb(int argc, char **argv)
{
    const struct verb *verb = find_verb(argv[1]);
    if (verb && argc > 2 && !strcmp(argv[2], "--help"))
        return help(argv[1]);
    return verb ? verb->run(argc - 1, argv + 1) : complain_about(argv[1]);
}

int main(int argc, char **argv)
{
    /* A file-size limit must be an error to report, as a full disk is. */
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("lifeguard %d.%d.%d\n", LG_VERSION_MAJOR, LG_VERSION_MINOR, LG_VERSION_PATCH);
        return EXIT_GOOD;
    }
    if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return help(argv[2]);
    int code = run_verb(argc, argv);
    /* A result that nobody got is no result. */
    if (fflush(stdout) || ferror(stdout)) {
        fputs("lifeguard: standard output cannot be written\n", stderr);
        return EXIT_UNREACHABLE;
    }
    return code;
}
