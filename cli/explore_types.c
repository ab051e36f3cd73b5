/* What debugging information says of variables, blocks and values. */
#include "explore_debug.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16

/* ---- Names ------------------------------------------------------------------------------------------- */

static const char *line_of(uint64_t site)
{
    const char *file, *function;
    unsigned line;
    return explore_place_parts(site, &file, &line, &function) ? explore_source_line(file, line)
                                                              : "";
}

static bool resolve_variable(const struct explore_result *result, uint64_t address,
                             struct debug_part *part, char *whole, size_t whole_size, char *path,
                             size_t path_size)
{
    const struct explore_module *module = explore_module_of(result, address);
    uint64_t begin;
    if (!module ||
        !explore_debug_variable(explore_debug_open(module->path), address - module->begin,
                                &part->type, &begin, whole, whole_size))
        return false;
    part->offset = address - module->begin - begin;
    explore_debug_walk(part, path, path_size);
    return true;
}

static bool resolve_block(const struct explore_result *result, const struct explore_step *step,
                          struct debug_part *part, char *whole, size_t whole_size, char *path,
                          size_t path_size)
{
    if (!explore_debug_block_type(result, step, &part->type))
        return false;
    const char *name = dwarf_diename(&part->type);
    uint64_t size = explore_debug_size(&part->type), offset = step->address - step->block;
    bool is_array = step->block_size >= 2 * size && !(part->size == DEBUG_WHOLE && !offset);
    size_t used = 0;
    snprintf(whole, whole_size, "%s", name ? name : "");
    if (is_array)
        used = (size_t)snprintf(path, path_size, "[%lu]", (unsigned long)(offset / size));
    part->offset = offset % size;
    if (used < path_size)
        explore_debug_walk(part, path + used, path_size - used);
    return true;
}

bool explore_debug_resolve(const struct explore_result *result, const struct explore_step *step,
                           struct debug_part *part, char *whole, size_t whole_size, char *path,
                           size_t path_size)
{
    char line[160];
    snprintf(line, sizeof line, "%s", line_of(step->site));
    *part = (struct debug_part){.size = step->size, .line = line};
    bool is_found =
        step->block
            ? resolve_block(result, step, part, whole, whole_size, path, path_size)
            : resolve_variable(result, step->address, part, whole, whole_size, path, path_size);
    part->line = ""; /* it ends here */
    return is_found;
}

bool explore_debug_datum(const struct explore_result *result, uint64_t site, uint64_t address,
                         uint64_t size, char *out, size_t room)
{
    const struct explore_step step = {.site = site, .address = address, .size = size};
    char path[DEBUG_PATH_MAX];
    struct debug_part part;
    if (!explore_debug_resolve(result, &step, &part, out, room, path, sizeof path))
        return false;
    size_t length = strlen(out);
    snprintf(out + length, room - length, "%s", path);
    return true;
}

bool explore_debug_block(const struct explore_result *result, const struct explore_step *step,
                         char *type, size_t type_size, char *path, size_t path_size)
{
    struct debug_part part;
    return explore_debug_resolve(result, step, &part, type, type_size, path, path_size);
}

/* ---- Values ------------------------------------------------------------------------------------------ */

static void write_float(const unsigned char *bytes, uint64_t size, char *out, size_t room)
{
    float single;
    double number;
    if (size == sizeof single) {
        memcpy(&single, bytes, sizeof single);
        for (int digits = 6; digits <= 9; digits++) {
            snprintf(out, room, "%.*g", digits, (double)single);
            if (strtof(out, NULL) == single)
                return;
        }
        return;
    }
    memcpy(&number, bytes, sizeof number);
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(out, room, "%.*g", digits, number);
        if (strtod(out, NULL) == number)
            return;
    }
}

static void write_integer(uint64_t number, uint64_t size, bool is_signed, char *out, size_t room)
{
    unsigned unused = 64 - 8 * (unsigned)size;
    if (is_signed)
        snprintf(out, room, "%ld", (long)((int64_t)(number << unused) >> unused));
    else
        snprintf(out, room, "%lu", (unsigned long)number);
}

static bool write_base(Dwarf_Die *type, const unsigned char *bytes, uint64_t number, uint64_t size,
                       char *out, size_t room)
{
    Dwarf_Attribute attribute;
    Dwarf_Word encoding = 0;
    const char *name = dwarf_diename(type);
    if (!dwarf_attr_integrate(type, DW_AT_encoding, &attribute) ||
        dwarf_formudata(&attribute, &encoding))
        return false;
    bool is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
    if (encoding == DW_ATE_float) {
        write_float(bytes, size, out, room);
        return size == 4 || size == 8;
    }
    if (encoding == DW_ATE_boolean && number < 2) {
        snprintf(out, room, number ? "true" : "false");
        return true;
    }
    write_integer(number, size, is_signed, out, room);
    size_t length = strlen(out);
    if (name && !strcmp(name, "char") && number >= ' ' && number < 127)
        snprintf(out + length, room - length, " '%c'", (int)number);
    return true;
}

static bool write_enum(Dwarf_Die *type, uint64_t number, uint64_t size, char *out, size_t room)
{
    uint64_t mask = UINT64_MAX >> (64 - 8 * size);
    Dwarf_Die die;
    if (dwarf_child(type, &die))
        return false;
    do {
        Dwarf_Attribute attribute;
        Dwarf_Sword value;
        const char *name = dwarf_diename(&die);
        if (!name || !dwarf_attr(&die, DW_AT_const_value, &attribute) ||
            dwarf_formsdata(&attribute, &value) || ((uint64_t)value & mask) != number)
            continue;
        snprintf(out, room, "%s", name);
        return true;
    } while (!dwarf_siblingof(&die, &die));
    write_integer(number, size, false, out, room);
    return true;
}

/* The name of the function that begins at an address. */
static bool write_function(const struct explore_result *result, uint64_t address, char *out,
                           size_t room)
{
    const struct explore_module *module = explore_module_of(result, address);
    Dwarf *dwarf = module ? explore_debug_open(module->path) : NULL;
    Dwarf_Die unit, *scopes = NULL;
    bool is_found = false;
    if (!dwarf || !explore_debug_unit(dwarf, address - module->begin, &unit))
        return false;
    int count = dwarf_getscopes(&unit, address - module->begin, &scopes);
    for (int i = 0; i < count && !is_found; i++) {
        Dwarf_Addr entry;
        const char *name = dwarf_diename(&scopes[i]);
        is_found = dwarf_tag(&scopes[i]) == DW_TAG_subprogram && name &&
                   !dwarf_entrypc(&scopes[i], &entry) && entry == address - module->begin;
        if (is_found)
            snprintf(out, room, "%s", name);
    }
    free(scopes);
    return is_found;
}

static bool write_pointer(const struct explore_result *result, Dwarf_Die *type, uint64_t number,
                          char *out, size_t room)
{
    Dwarf_Die target;
    if (!number) {
        snprintf(out, room, "NULL");
        return true;
    }
    bool has_target = explore_debug_target(type, &target);
    if (has_target && dwarf_tag(&target) == DW_TAG_subroutine_type)
        return write_function(result, number, out, room);
    uint64_t size = has_target ? explore_debug_size(&target) : DEBUG_WHOLE;
    out[0] = '&';
    return explore_debug_datum(result, 0, number, size ? size : DEBUG_WHOLE, out + 1, room - 1);
}

static bool type_of_value(const struct explore_result *result, const struct explore_step *step,
                          Dwarf_Die *type)
{
    char whole[DEBUG_PATH_MAX], path[DEBUG_PATH_MAX];
    struct debug_part part;
    bool is_known =
        explore_debug_resolve(result, step, &part, whole, sizeof whole, path, sizeof path) &&
        !part.offset && !part.is_bits && explore_debug_size(&part.type) == step->size;
    if (is_known)
        *type = part.type;
    return is_known || explore_debug_line_type(result, step, type);
}

bool explore_debug_value(const struct explore_result *result, const struct explore_step *step,
                         const unsigned char *bytes, char *out, size_t room)
{
    Dwarf_Die type;
    uint64_t number = 0;
    if (!step->size || step->size > sizeof number || !type_of_value(result, step, &type) ||
        !explore_debug_strip(&type))
        return false;
    memcpy(&number, bytes, step->size);
    for (int depth = 0; depth < DEPTH_MAX && explore_debug_enter_first(&type); depth++)
        if (!explore_debug_strip(&type))
            return false;
    switch (dwarf_tag(&type)) {
    case DW_TAG_base_type:
        return write_base(&type, bytes, number, step->size, out, room);
    case DW_TAG_enumeration_type:
        return write_enum(&type, number, step->size, out, room);
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        return write_pointer(result, &type, number, out, room);
    default:
        return false;
    }
}
