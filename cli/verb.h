/* The program's verbs: each is one table row here and one file (or family of files) of its own. */
#ifndef LG_CLI_VERB_H
#define LG_CLI_VERB_H

/* What the program's end says to scripts; each verb's help says what they mean for it. */
enum exit_code { EXIT_GOOD = 0, EXIT_BAD = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

struct verb {
    const char *name;
    const char *summary; /* one line */
    const char *help;    /* all of it */
    int (*run)(int argc, char **argv);
};

extern const struct verb bank_verb;
extern const struct verb cc_verb;
extern const struct verb explore_verb;

#endif
