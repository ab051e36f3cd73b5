/* Places: addresses become file:line in function by addr2line(1), one process for each file that they are in.
 * Without it, or without debugging information, they stay file+offset. */
#include "explore.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACES_MAX 4096

struct place {
    uint64_t address;
    char text[256];
    char file[512]; /* as the compiler was told */
    unsigned line;
    char function[128];
};

static struct place places[PLACES_MAX];
static size_t place_count;

void explore_places_want(uint64_t address)
{
    for (size_t i = 0; i < place_count; i++)
        if (places[i].address == address)
            return;
    if (address && place_count < PLACES_MAX)
        places[place_count++] = (struct place){.address = address};
}

const struct explore_module *explore_module_of(const struct explore_result *result,
                                               uint64_t address)
{
    for (size_t i = 0; i < result->module_count; i++)
        if (address >= result->modules[i].begin && address < result->modules[i].end)
            return &result->modules[i];
    return NULL;
}

/* Paths below the current folder are shown from there. */
static const char *shorten(const char *path)
{
    static char folder[4096];
    if (!*folder && !getcwd(folder, sizeof folder - 1))
        folder[0] = 0;
    size_t length = strlen(folder);
    return length && !strncmp(path, folder, length) && path[length] == '/' ? path + length + 1
                                                                           : path;
}

/* Runs addr2line on the addresses of one module; its answers are two lines each. */
static FILE *ask(const struct explore_result *result, const struct explore_module *module,
                 pid_t *process)
{
    static char texts[PLACES_MAX][24];
    char *arguments[PLACES_MAX + 8] = {(char *)(uintptr_t) "addr2line", (char *)(uintptr_t) "-f",
                                       (char *)(uintptr_t) "-C", (char *)(uintptr_t) "-e",
                                       module->path};
    int count = 5, ends[2];
    for (size_t i = 0; i < place_count; i++) {
        if (explore_module_of(result, places[i].address) != module)
            continue;
        /* A return address belongs to the call before it. */
        snprintf(texts[i], sizeof *texts, "%lx",
                 (unsigned long)(places[i].address - 1 - module->begin));
        arguments[count++] = texts[i];
    }
    if (count == 5 || pipe(ends))
        return NULL;
    *process = fork();
    if (!*process) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        fclose(stderr);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    close(ends[1]);
    return fdopen(ends[0], "r");
}

static void set_place(struct place *place, char *function, char *location)
{
    function[strcspn(function, "\n")] = 0;
    location[strcspn(location, "\n")] = 0;
    char *detail = strstr(location, " (discriminator");
    if (detail)
        *detail = 0;
    bool has_function = strcmp(function, "??") != 0;
    bool has_location = *location != '?' && !strstr(location, ":?") && !strstr(location, ":0");
    const char *colon = strrchr(location, ':');
    if (has_location && colon && (size_t)(colon - location) < sizeof place->file) {
        snprintf(place->file, sizeof place->file, "%.*s", (int)(colon - location), location);
        place->line = (unsigned)strtoul(colon + 1, NULL, 10);
    }
    if (has_function)
        snprintf(place->function, sizeof place->function, "%.127s", function);
    if (has_location && has_function)
        snprintf(place->text, sizeof place->text, "%.160s in %.80s", shorten(location), function);
    else if (has_function)
        snprintf(place->text, sizeof place->text, "%.200s", function);
}

static void look_up_in(const struct explore_result *result, const struct explore_module *module)
{
    pid_t process = -1;
    FILE *answers = ask(result, module, &process);
    char *function = NULL, *location = NULL;
    size_t function_room = 0, location_room = 0;
    if (!answers)
        return;
    for (size_t i = 0; i < place_count; i++) {
        if (explore_module_of(result, places[i].address) != module)
            continue;
        if (getline(&function, &function_room, answers) <= 0 ||
            getline(&location, &location_room, answers) <= 0)
            break;
        set_place(&places[i], function, location);
    }
    free(function);
    free(location);
    fclose(answers);
    if (process > 0)
        waitpid(process, NULL, 0);
}

void explore_places_look_up(const struct explore_result *result)
{
    for (size_t i = 0; i < result->module_count; i++)
        look_up_in(result, &result->modules[i]);
}

const char *explore_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool explore_is_runtime(const struct explore_result *result, uint64_t address)
{
    const struct explore_module *module = explore_module_of(result, address);
    return module && strstr(explore_base_name(module->path), "lifeguard_explore");
}

const char *explore_place(const struct explore_result *result, uint64_t address)
{
    static char text[300];
    for (size_t i = 0; i < place_count; i++)
        if (places[i].address == address && *places[i].text)
            return places[i].text;
    const struct explore_module *module = explore_module_of(result, address);
    if (!address)
        return "an unknown place";
    if (module)
        snprintf(text, sizeof text, "%.200s+0x%lx", explore_base_name(module->path),
                 (unsigned long)(address - module->begin));
    else
        snprintf(text, sizeof text, "0x%lx", (unsigned long)address);
    return text;
}

bool explore_place_parts(uint64_t address, const char **file, unsigned *line, const char **function)
{
    *file = "";
    *function = "";
    *line = 0;
    for (size_t i = 0; i < place_count; i++) {
        if (places[i].address != address)
            continue;
        *file = places[i].file;
        *line = places[i].line;
        *function = places[i].function;
        return *places[i].file != 0;
    }
    return false;
}

const char *explore_datum(const struct explore_result *result, uint64_t site, uint64_t address,
                          uint64_t size)
{
    static char text[300];
    if (explore_debug_datum(result, site, address, size, text, sizeof text))
        return text;
    const struct explore_module *module = explore_module_of(result, address);
    if (!module || !explore_find_variable(module->path, address - module->begin, text, sizeof text))
        snprintf(text, sizeof text, "0x%lx", (unsigned long)address);
    return text;
}

/* A place in a line: byte 1, c or d, the address in hexadecimal, byte 2. */
void explore_places_expand(const struct explore_result *result, const char *line, char *out,
                           size_t size)
{
    size_t used = 0;
    while (*line && used + 1 < size) {
        char *end = NULL;
        uint64_t address = 0;
        bool is_place = line[0] == 1 && (line[1] == 'c' || line[1] == 'd');
        if (is_place)
            address = strtoull(line + 2, &end, 16);
        /* One that was cut off, or that the program has said. */
        if (!is_place || *end != 2) {
            out[used++] = *line++;
            continue;
        }
        const char *text =
            line[1] == 'd' ? explore_name(result, address, 0) : explore_place(result, address);
        used += (size_t)snprintf(out + used, size - used, "%s", text);
        line = end + 1;
    }
    out[used < size ? used : size - 1] = 0;
}
