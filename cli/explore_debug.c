/* Debugging information: files, and the variables in them.  All variables of a file are listed once, when the first
 * is asked for. */
#include "explore_debug.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX 64
#define DEPTH_MAX 32

struct variable {
    uint64_t begin, size;
    Dwarf_Off die;
};

struct debug_file {
    char *path;
    Dwarf *dwarf; /* NULL: it has none */
    struct variable *variables;
    size_t count, room;
    bool is_listed;
};

static struct debug_file files[FILES_MAX];
static size_t file_count;

Dwarf *explore_debug_open(const char *path)
{
    for (size_t i = 0; i < file_count; i++)
        if (!strcmp(files[i].path, path))
            return files[i].dwarf;
    char *copy = file_count < FILES_MAX ? strdup(path) : NULL;
    if (!copy)
        return NULL;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    Dwarf *dwarf = descriptor < 0 ? NULL : dwarf_begin(descriptor, DWARF_C_READ);
    /* The library reads from the descriptor as long as it goes on. */
    if (descriptor >= 0 && !dwarf)
        close(descriptor);
    files[file_count++] = (struct debug_file){.path = copy, .dwarf = dwarf};
    return dwarf;
}

/* ---- Types ------------------------------------------------------------------------------------------- */

static bool type_of(Dwarf_Die *die, Dwarf_Die *type)
{
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(die, DW_AT_type, &attribute) &&
           dwarf_formref_die(&attribute, type) != NULL;
}

bool explore_debug_strip(Dwarf_Die *type)
{
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        int tag = dwarf_tag(type);
        Dwarf_Die inner;
        if (tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type &&
            tag != DW_TAG_restrict_type && tag != DW_TAG_atomic_type)
            return tag > 0;
        if (!type_of(type, &inner))
            return false;
        *type = inner;
    }
    return false;
}

uint64_t explore_debug_size(Dwarf_Die *type)
{
    Dwarf_Word size;
    return dwarf_aggregate_size(type, &size) ? 0 : size;
}

bool explore_debug_target(Dwarf_Die *type, Dwarf_Die *target)
{
    Dwarf_Die stripped = *type;
    if (!explore_debug_strip(&stripped))
        return false;
    int tag = dwarf_tag(&stripped);
    return (tag == DW_TAG_pointer_type || tag == DW_TAG_reference_type ||
            tag == DW_TAG_rvalue_reference_type) &&
           type_of(&stripped, target) && explore_debug_strip(target);
}

bool explore_debug_is_system(Dwarf_Die *type)
{
    const char *file = dwarf_decl_file(type);
    return file && !strncmp(file, "/usr/", 5) && strncmp(file, "/usr/src/", 9) != 0 &&
           strncmp(file, "/usr/local/", 11) != 0;
}

bool explore_debug_has_word(const char *line, const char *word)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t length = strlen(word);
    for (const char *at = line; length && (at = strstr(at, word)); at++)
        if ((at == line || !strchr(letters, at[-1])) &&
            (!at[length] || !strchr(letters, at[length])))
            return true;
    return false;
}

/* Not every compiler lists which unit has which addresses. */
bool explore_debug_unit(Dwarf *dwarf, uint64_t address, Dwarf_Die *unit)
{
    Dwarf_CU *at = NULL;
    if (dwarf_addrdie(dwarf, address, unit))
        return true;
    while (!dwarf_get_units(dwarf, at, &at, NULL, NULL, unit, NULL))
        if (dwarf_haspc(unit, address) == 1)
            return true;
    return false;
}

/* ---- Variables --------------------------------------------------------------------------------------- */

static bool begin_of(Dwarf_Die *die, Dwarf_Addr *begin)
{
    Dwarf_Attribute location, address;
    Dwarf_Op *operations;
    size_t length;
    if (!dwarf_attr_integrate(die, DW_AT_location, &location) ||
        dwarf_getlocation(&location, &operations, &length) || length != 1)
        return false;
    *begin = operations->number;
    return operations->atom == DW_OP_addr ||
           (!dwarf_getlocation_attr(&location, operations, &address) &&
            !dwarf_formaddr(&address, begin));
}

static void add_variable(struct debug_file *file, Dwarf_Die *die)
{
    Dwarf_Addr begin;
    Dwarf_Die type;
    if (!begin_of(die, &begin) || !type_of(die, &type))
        return;
    if (file->count == file->room) {
        size_t room = file->room ? 2 * file->room : 256;
        struct variable *grown = realloc(file->variables, room * sizeof *grown);
        if (!grown)
            return;
        file->variables = grown;
        file->room = room;
    }
    file->variables[file->count++] =
        (struct variable){begin, explore_debug_size(&type), dwarf_dieoffset(die)};
}

/* The variables below an entry: of a file, a namespace, a class, a function, a block. */
static void list_below(struct debug_file *file, Dwarf_Die *parent, int depth)
{
    Dwarf_Die die;
    if (depth == DEPTH_MAX || dwarf_child(parent, &die))
        return;
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_variable:
            add_variable(file, &die);
            break;
        case DW_TAG_namespace:
        case DW_TAG_subprogram:
        case DW_TAG_lexical_block:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
            list_below(file, &die, depth + 1);
            break;
        default:
            break;
        }
    } while (!dwarf_siblingof(&die, &die));
}

static int compare_variables(const void *a, const void *b)
{
    const struct variable *first = a, *second = b;
    return (first->begin > second->begin) - (first->begin < second->begin);
}

static void list_all(struct debug_file *file)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    file->is_listed = true;
    while (!dwarf_get_units(file->dwarf, unit, &unit, NULL, NULL, &die, NULL))
        list_below(file, &die, 0);
    qsort(file->variables, file->count, sizeof *file->variables, compare_variables);
}

static const struct variable *find_variable(const struct debug_file *file, uint64_t address)
{
    size_t low = 0, high = file->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (file->variables[middle].begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct variable *variable = low ? &file->variables[low - 1] : NULL;
    return variable && address - variable->begin < variable->size ? variable : NULL;
}

/* ---- Names ------------------------------------------------------------------------------------------- */

/* "ns::account"; of a function's own variable the name alone. */
static void write_name(Dwarf_Die *die, char *out, size_t size)
{
    Dwarf_Attribute attribute;
    Dwarf_Die declared = *die, *scopes = NULL;
    const char *name = dwarf_diename(die);
    if (dwarf_attr(die, DW_AT_specification, &attribute))
        dwarf_formref_die(&attribute, &declared);
    int count = dwarf_getscopes_die(&declared, &scopes);
    size_t used = 0;
    *out = 0;
    for (int i = count; i-- > 1 && used < size;) {
        int tag = dwarf_tag(&scopes[i]);
        const char *scope = dwarf_diename(&scopes[i]);
        bool is_named =
            tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type;
        if (tag == DW_TAG_subprogram)
            used = 0;
        else if (is_named && scope)
            used += (size_t)snprintf(out + used, size - used, "%.40s::", scope);
    }
    if (used < size)
        snprintf(out + used, size - used, "%s", name ? name : "");
    free(scopes);
}

bool explore_debug_variable(Dwarf *dwarf, uint64_t address, Dwarf_Die *type, uint64_t *begin,
                            char *out, size_t size)
{
    size_t i = 0;
    while (i < file_count && files[i].dwarf != dwarf)
        i++;
    if (!dwarf || i == file_count)
        return false;
    if (!files[i].is_listed)
        list_all(&files[i]);
    const struct variable *variable = find_variable(&files[i], address);
    Dwarf_Die die;
    if (!variable || !dwarf_offdie(dwarf, variable->die, &die) || !type_of(&die, type))
        return false;
    *begin = variable->begin;
    write_name(&die, out, size);
    return *out != 0;
}
