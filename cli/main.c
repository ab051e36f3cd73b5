/* lifeguard, the program: finds the verb and runs it.  All it knows about verbs is their table. */
#include "options.h"
#include "terminal.h"
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
    char text[256];
    snprintf(text, sizeof text, "lifeguard: unknown verb %.200s; lifeguard --help lists them",
             options_shown(name));
    terminal_print_line(stderr, text);
    return EXIT_USAGE;
}

static bool asks_for_help(const char *word)
{
    return !strcmp(word, "--help") || !strcmp(word, "-h");
}

/* lifeguard help, lifeguard --help, lifeguard help VERB, lifeguard VERB --help */
static int help(const char *name)
{
    const struct verb *verb = name ? find_verb(name) : NULL;
    if (name && !verb && strcmp(name, "help") != 0 && !asks_for_help(name))
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
    if (verb && argc > 2 && asks_for_help(argv[2]))
        return help(argv[1]);
    return verb ? verb->run(argc - 1, argv + 1) : complain_about(argv[1]);
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("lifeguard %d.%d.%d\n", LG_VERSION_MAJOR, LG_VERSION_MINOR, LG_VERSION_PATCH);
        return EXIT_GOOD;
    }
    if (!strcmp(argv[1], "help") || asks_for_help(argv[1]))
        return help(argv[2]);
    return run_verb(argc, argv);
}

int main(int argc, char **argv)
{
    /* A file-size limit must be an error to report, as a full disk is. */
    signal(SIGXFSZ, SIG_IGN);
    int code = run(argc, argv);
    /* A result that nobody got is no result. */
    if (fflush(stdout) || ferror(stdout)) {
        fputs("lifeguard: standard output cannot be written\n", stderr);
        return EXIT_UNREACHABLE;
    }
    return code;
}
