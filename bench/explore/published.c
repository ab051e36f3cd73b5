/* What was published of programs, and what is asked of ours. */
#include "explore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PUBLISHED_MAX 128

static struct published known[PUBLISHED_MAX];
static uint32_t known_count;

static struct published *find(const char *name)
{
    for (uint32_t i = 0; i < known_count; i++)
        if (!strcmp(known[i].name, name))
            return &known[i];
    return NULL;
}

/* "95", "95(9)", "never" or "-". */
static struct figure figure_of(const char *text)
{
    struct figure figure = {-1, 0};
    unsigned found = 20;
    if (!strcmp(text, "never"))
        figure.median = 0;
    else if (sscanf(text, "%lf(%u)", &figure.median, &found) >= 1)
        figure.found = found;
    return figure;
}

static void read_figures(const char *line, const char *path)
{
    struct published read = {0};
    char surw[16], rff[16], lowest[16];
    if (known_count == PUBLISHED_MAX ||
        sscanf(line, "%63s %15s %15s %15s %15s", read.name, surw, rff, lowest, read.of) != 5)
        give_up("%s: a line is not NAME SURW RFF LOWEST OF", path);
    read.surw = figure_of(surw);
    read.rff = figure_of(rff);
    read.lowest = figure_of(lowest);
    known[known_count++] = read;
}

static struct published *find_or_add(const char *name)
{
    struct published *found = find(name);
    if (found || known_count == PUBLISHED_MAX)
        return found;
    struct figure none = {-1, 0};
    known[known_count] = (struct published){.surw = none, .rff = none, .lowest = none};
    snprintf(known[known_count].name, NAME_SIZE, "%s", name);
    return &known[known_count++];
}

static void read_goal(const char *line, const char *path)
{
    char name[NAME_SIZE];
    unsigned found;
    double seconds;
    struct published *of = NULL;
    if (sscanf(line, "%63s %u %lf", name, &found, &seconds) == 3)
        of = find_or_add(name);
    if (!of)
        give_up("%s: a line is not NAME FOUND SECONDS", path);
    of->goal_found = found;
    of->goal_seconds = seconds;
}

static void read_file(const char *folder, const char *name,
                      void (*read)(const char *, const char *))
{
    char path[4096], line[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file)
        give_up("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file))
        if (line[0] != '#' && line[0] != '\n')
            read(line, path);
    fclose(file);
}

void published_read(const char *folder)
{
    read_file(folder, "published.txt", read_figures);
    read_file(folder, "goals.txt", read_goal);
}

struct published published_of(const char *name)
{
    const struct published *found = find(name);
    struct figure none = {-1, 0};
    return found ? *found : (struct published){.surw = none, .rff = none, .lowest = none};
}
