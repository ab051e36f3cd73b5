/* lifeguard cc: a compiler, with the instrumentation that `lifeguard explore` needs.
 *
 * Both compilers are made to call -fsanitize=thread's functions.  gcc links -ltsan by itself, and finds ours
 * in the folder that it is told; clang would link its own runtime statically, so only its front end is
 * told, and the library is named. */
#include "explore.h"
#include "options.h"
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 4096
#define WORDS_MAX     16
#define BLANKS        " \t\n"

static const char help_text[] = "usage: lifeguard cc [COMPILER] ARGS...\n"
                                "\n"
                                "Runs gcc or clang (for C or C++) with ARGS so that the program "
                                "can be explored: compiling, linking,\n"
                                "or both.  COMPILER is taken if the first argument is the name of "
                                "one (gcc, g++, clang, clang++, cc,\n"
                                "c++, also with a version or a path); else it is $CC, or cc, and "
                                "for C++ sources $CXX, or c++.\n"
                                "$CC may be several words, as in CC='ccache gcc -m64'; where it is "
                                "this program, it does not count.\n"
                                "Such a program runs by itself as well, unexplored.\n"
                                "\n"
                                "    lifeguard cc -g -O0 -o prog prog.c\n"
                                "    make CC='lifeguard cc gcc' CFLAGS='-g -O0'\n"
                                "\n"
                                "exit code: the compiler's; 2 if it cannot be run\n";

static bool is_compiler(const char *name)
{
    static const char *const names[] = {"gcc", "g++", "clang++", "clang", "cc", "c++"};
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (strlen(base) >= length && !strncmp(base, names[i], length) &&
            strspn(base + length, "-.0123456789") == strlen(base + length))
            return true;
    }
    /* A cross compiler: TARGET-gcc. */
    const char *dash = strrchr(base, '-');
    return dash && (!strcmp(dash, "-gcc") || !strcmp(dash, "-g++"));
}

static bool is_cxx_source(const char *name)
{
    static const char *const endings[] = {".cc", ".cpp", ".cxx", ".C", ".c++"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && !strcmp(name + length - ending, endings[i]))
            return true;
    }
    return false;
}

/* make CC='lifeguard cc' puts that into the environment too: there it names nobody who compiles. */
static bool names_us(const char *words)
{
    size_t length = strcspn(words, BLANKS);
    static const char name[] = "lifeguard";
    size_t own = sizeof name - 1;
    return length >= own && !strncmp(words + length - own, name, own) &&
           (length == own || words[length - own - 1] == '/');
}

static const char *default_compiler(char **arguments)
{
    bool is_cxx = false;
    for (; *arguments; arguments++)
        is_cxx = is_cxx || (**arguments != '-' && is_cxx_source(*arguments));
    const char *named = getenv(is_cxx ? "CXX" : "CC");
    if (named && named[strspn(named, BLANKS)] && !names_us(named + strspn(named, BLANKS)))
        return named;
    return is_cxx ? "c++" : "cc";
}

/* The words of a compiler's name: it, what it is launched by, and flags.  How many; 0: too many, or no memory. */
static int split_words(const char *words, char **out)
{
    char *text = strdup(words), *rest = NULL;
    int count = 0;
    for (char *word = text ? strtok_r(text, BLANKS, &rest) : NULL; word;
         word = strtok_r(NULL, BLANKS, &rest)) {
        if (count == WORDS_MAX)
            return 0;
        out[count++] = word;
    }
    return count;
}

/* Whatever it is called: ask its preprocessor. */
static int is_clang(char *const *compiler, int word_count)
{
    static const char *const question[] = {"-dM", "-E", "-x", "c", "/dev/null", NULL};
    char *command[WORDS_MAX + sizeof question / sizeof *question];
    int ends[2];
    memcpy(command, compiler, (size_t)word_count * sizeof *command);
    memcpy(command + word_count, question, sizeof question);
    if (pipe(ends))
        return -1;
    pid_t process = fork();
    if (!process) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(command[0], command);
        _exit(127);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    char line[512];
    bool has_clang = false, has_gnu = false;
    while (in && fgets(line, sizeof line, in)) {
        has_clang = has_clang || !strncmp(line, "#define __clang__ ", 18);
        has_gnu = has_gnu || !strncmp(line, "#define __GNUC__ ", 17);
    }
    if (in)
        fclose(in);
    if (process > 0)
        waitpid(process, NULL, 0);
    return has_clang ? 1 : has_gnu ? 0 : -1;
}

static bool is_given(char **arguments, const char *wanted)
{
    for (; *arguments; arguments++)
        if (!strcmp(*arguments, wanted))
            return true;
    return false;
}

/* The flags before the caller's, and those behind; the last ones are for linking. */
static int add_flags(char **command, int count, const char *folder, bool has_clang, bool must_link)
{
    static char search[4200], path[4200];
    static const char *const gcc_flags[] = {"-fsanitize=thread", "-Wno-tsan"};
    static const char *const clang_flags[] = {"-Xclang", "-fsanitize=thread",
                                              "-fno-omit-frame-pointer"};
    /* What the compiler would do itself, it would do without the instrumentation. */
    static const char *const call_flags[] = {"-fno-builtin-memcpy", "-fno-builtin-memmove",
                                             "-fno-builtin-memset", "-fno-builtin-memcmp",
                                             "-fno-builtin-strlen", "-fno-builtin-strcpy",
                                             "-fno-builtin-strcmp", "-fno-builtin-strncmp"};
    const char *const *flags = has_clang ? clang_flags : gcc_flags;
    int flag_count = has_clang ? 3 : 2;
    for (int i = 0; i < flag_count; i++)
        command[count++] = (char *)(uintptr_t)flags[i];
    for (size_t i = 0; i < sizeof call_flags / sizeof *call_flags; i++)
        command[count++] = (char *)(uintptr_t)call_flags[i];
    if (!must_link)
        return count;
    snprintf(search, sizeof search, "-L%s", folder);
    snprintf(path, sizeof path, "-Wl,-rpath,%s", folder);
    command[count++] = search;
    command[count++] = path;
    command[count++] = (char *)(uintptr_t) "-pthread";
    return count;
}

static int run(int argc, char **argv)
{
    char *command[ARGUMENTS_MAX + WORDS_MAX + 32], runtime[4096];
    int first = argc > 1 && is_compiler(argv[1]) ? 2 : 1;
    if (argc <= first)
        return options_refuse("cc", "arguments for the compiler are missing");
    if (argc > ARGUMENTS_MAX)
        return options_refuse("cc", "there are too many arguments: at most 4,096");
    const char *compiler = first == 2 ? argv[1] : default_compiler(argv + first);
    if (!explore_find_runtime(runtime, sizeof runtime))
        return EXIT_USAGE;
    *strrchr(runtime, '/') = 0;
    int count = first == 2 ? 1 : split_words(compiler, command);
    if (first == 2)
        command[0] = argv[1];
    int has_clang = count ? is_clang(command, count) : -1;
    if (has_clang < 0)
        return options_refuse("cc", "%s: it cannot be run, or is neither gcc nor clang", compiler);
    bool must_link = !is_given(argv, "-c") && !is_given(argv, "-S") && !is_given(argv, "-E");
    count = add_flags(command, count, runtime, has_clang == 1, must_link);
    for (int i = first; i < argc; i++)
        command[count++] = argv[i];
    /* Ours after all that needs it, and kept although nothing may need it yet. */
    if (must_link && has_clang) {
        command[count++] = (char *)(uintptr_t) "-Wl,--no-as-needed";
        command[count++] = (char *)(uintptr_t) "-ltsan";
    }
    command[count] = NULL;
    execvp(command[0], command);
    return options_refuse("cc", "%s: %s", command[0], strerror(errno));
}

const struct verb cc_verb = {
    .name = "cc",
    .summary = "compile and link a program for `lifeguard explore`",
    .help = help_text,
    .run = run,
};
