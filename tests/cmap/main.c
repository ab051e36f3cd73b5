/* cmap: runs scenarios of the CMAP format against the pool. */
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { EXIT_PASSED, EXIT_FAILED, EXIT_WRONG_USE };

static const char usage[] =
    "usage: cmap [--verbose] DIR\n"
    "\n"
    "Runs each file DIR/*.json, a scenario of the CMAP format (MongoDB, \"Connection Monitoring\n"
    "and Pooling\"), against a pool of mock resources and says a line for each.  DIR may also be\n"
    "one such file.\n"
    "\n"
    "  --verbose  print what the pool reported, a line an event\n"
    "  --help     print this\n"
    "\n"
    "exit status: 0 all passed; 1 some failed; 2 wrong use, or no scenario to run\n";

struct command {
    const char *path;
    bool is_verbose;
    bool is_help;
};

static bool read_command(struct command *command, int argc, char **argv)
{
    *command = (struct command){0};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help"))
            command->is_help = true;
        else if (!strcmp(argv[i], "--verbose"))
            command->is_verbose = true;
        else if (argv[i][0] == '-' || command->path)
            return false;
        else
            command->path = argv[i];
    }
    return command->path || command->is_help;
}

static void print_events(json_t *events)
{
    size_t index;
    json_t *event;
    json_array_foreach(events, index, event)
    {
        char *text = json_dumps(event, JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
        printf("        %3zu %s\n", index, text ? text : "?");
        free(text);
    }
}

static void print_name(const char *name)
{
    for (; *name; name++)
        putchar((unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
}

/* Run one file and say its line. */
static bool run_file(const char *path, const char *name, bool is_verbose)
{
    struct complaint complaint = {""};
    struct scenario scenario;
    json_t *events = NULL;
    if (scenario_read(&scenario, path, &complaint)) {
        run_scenario(&scenario, &complaint, &events);
        scenario_free(&scenario);
    }
    bool is_passed = is_content(&complaint);
    fputs(is_passed ? "ok      " : "FAILED  ", stdout);
    print_name(name);
    printf(is_passed ? "\n" : ": %s\n", complaint.text);
    if (is_verbose)
        print_events(events);
    fflush(stdout);
    json_decref(events);
    return is_passed;
}

static int is_scenario(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && !strcmp(dot, ".json");
}

static int sum_up(unsigned passed, unsigned failed)
{
    printf("%u passed, %u failed\n", passed, failed);
    return failed ? EXIT_FAILED : EXIT_PASSED;
}

static int run_folder(const struct command *command)
{
    struct dirent **entries;
    unsigned passed = 0, failed = 0;
    int count = scandir(command->path, &entries, is_scenario, alphasort);
    if (count < 0) {
        fprintf(stderr, "cmap: %s: %s\n", command->path, strerror(errno));
        return EXIT_WRONG_USE;
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        const char *name = entries[i]->d_name;
        int length = snprintf(path, sizeof path, "%s/%s", command->path, name);
        bool fits = length > 0 && (size_t)length < sizeof path;
        if (fits && run_file(path, name, command->is_verbose))
            passed++;
        else
            failed++;
        if (!fits)
            printf("FAILED  %s: its path is too long\n", name);
        free(entries[i]);
    }
    free(entries);
    if (count > 0)
        return sum_up(passed, failed);
    fprintf(stderr, "cmap: %s: has no file *.json\n", command->path);
    return EXIT_WRONG_USE;
}

int main(int argc, char **argv)
{
    struct command command;
    struct stat about;
    if (!read_command(&command, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_WRONG_USE;
    }
    if (command.is_help) {
        fputs(usage, stdout);
        return EXIT_PASSED;
    }
    if (stat(command.path, &about) != 0) {
        fprintf(stderr, "cmap: %s: %s\n", command.path, strerror(errno));
        return EXIT_WRONG_USE;
    }
    if (S_ISDIR(about.st_mode))
        return run_folder(&command);
    bool is_passed = run_file(command.path, command.path, command.is_verbose);
    return sum_up(is_passed, !is_passed);
}
