/* Programs: the sources in a folder, or the lines of its manifest. */
#include "explore.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void add(struct programs *programs, const struct program *program)
{
    programs->all = realloc(programs->all, (programs->count + 1) * sizeof *programs->all);
    if (!programs->all)
        give_up("out of memory");
    programs->all[programs->count++] = *program;
}

/* Words of a line: NAME SOURCE FLAGS. */
static void read_line(struct programs *programs, char *line, const char *path, uint32_t number)
{
    struct program program = {0};
    int flags = 0;
    if (sscanf(line, "%63s %255s %n", program.name, program.source, &flags) != 2)
        give_up("%s: line %u is not NAME SOURCE FLAGS", path, number);
    for (uint32_t i = 0; i < programs->count; i++)
        if (!strcmp(programs->all[i].name, program.name))
            give_up("%s: line %u has a name that another line has", path, number);
    if (snprintf(program.flags, sizeof program.flags, "%s", line + flags) >=
        (int)sizeof program.flags)
        give_up("%s: the flags in line %u are too long", path, number);
    add(programs, &program);
}

static void read_manifest(struct programs *programs, const char *folder)
{
    char path[4096], line[2048];
    snprintf(path, sizeof path, "%s/manifest", folder);
    FILE *file = fopen(path, "r");
    if (!file && errno == ENOENT)
        return;
    if (!file)
        give_up("%s: %s", path, strerror(errno));
    for (uint32_t number = 1; fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\n")] = 0;
        if (line[strspn(line, " \t")] && line[0] != '#')
            read_line(programs, line, path, number);
    }
    fclose(file);
}

/* What the programs need, if there is a file that says it: NAME PREEMPTIONS HOW. */
static void read_needs(struct programs *programs, const char *folder)
{
    char path[4096], line[2048], name[NAME_SIZE];
    snprintf(path, sizeof path, "%s/needs", folder);
    FILE *file = fopen(path, "r");
    if (!file && errno == ENOENT)
        return;
    if (!file)
        give_up("%s: %s", path, strerror(errno));
    for (uint32_t number = 1; fgets(line, sizeof line, file); number++) {
        unsigned needs;
        if (line[0] == '#' || !line[strspn(line, " \t\n")])
            continue;
        if (sscanf(line, "%63s %u", name, &needs) != 2)
            give_up("%s: line %u is not NAME PREEMPTIONS HOW", path, number);
        for (uint32_t i = 0; i < programs->count; i++) {
            struct program *program = &programs->all[i];
            bool is_this = !strcmp(program->name, name);
            program->has_needs = program->has_needs || is_this;
            program->needs = is_this ? needs : program->needs;
        }
    }
    fclose(file);
}

static bool is_source(const char *name)
{
    static const char *const endings[] = {".c", ".cc", ".cpp", ".C"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcmp(dot, endings[i]))
            return true;
    return false;
}

/* As a source, or among the flags: a program may have several. */
static bool is_named(const struct programs *programs, const char *source)
{
    for (uint32_t i = 0; i < programs->count; i++)
        if (!strcmp(programs->all[i].source, source) || strstr(programs->all[i].flags, source))
            return true;
    return false;
}

struct programs programs_read(const char *folder)
{
    struct programs programs = {0};
    struct dirent **entries;
    read_manifest(&programs, folder);
    int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0)
        give_up("%s: %s", folder, strerror(errno));
    uint32_t named = programs.count;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        struct programs manifest = {programs.all, named};
        if (!is_source(name) || is_named(&manifest, name))
            continue;
        struct program program = {0};
        snprintf(program.name, sizeof program.name, "%.*s", (int)(strrchr(name, '.') - name), name);
        snprintf(program.source, sizeof program.source, "%s", name);
        add(&programs, &program);
    }
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    if (!programs.count)
        give_up("%s: there is no C or C++ source in it, and no manifest", folder);
    read_needs(&programs, folder);
    return programs;
}
