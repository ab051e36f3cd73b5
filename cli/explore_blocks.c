/* The types of heap blocks.  Nothing says them at the allocation, so the story is asked: what a typed pointer points
 * to is what its type says; and a line of source that names a member by a pointer means that pointer's struct. */
#include "explore_debug.h"

#include <stdlib.h>
#include <string.h>

#define TYPES_MAX 64
#define DEPTH_MAX 4
#define KNOWN_MAX 64

/* ---- What a line of source can reach ----------------------------------------------------------------- */

struct reach {
    const struct explore_step *step;
    const char *line;
    Dwarf_Die types[TYPES_MAX]; /* behind pointers */
    size_t count;
    Dwarf_Die values[TYPES_MAX]; /* of the access's size */
    size_t value_count;
};

static bool is_struct(Dwarf_Die *type)
{
    int tag = dwarf_tag(type);
    return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

static void add_type(struct reach *reach, const Dwarf_Die *type)
{
    for (size_t i = 0; i < reach->count; i++)
        if (reach->types[i].addr == type->addr)
            return;
    if (reach->count < TYPES_MAX)
        reach->types[reach->count++] = *type;
}

static void add_value(struct reach *reach, Dwarf_Die *type)
{
    if (!is_struct(type) && dwarf_tag(type) != DW_TAG_array_type &&
        explore_debug_size(type) == reach->step->size && reach->value_count < TYPES_MAX)
        reach->values[reach->value_count++] = *type;
}

static void reach_type(struct reach *reach, const Dwarf_Die *from, int depth);

/* A std::shared_ptr<T> reaches T, and so does a std::vector<T>. */
static void reach_parameters(struct reach *reach, Dwarf_Die *type, int depth)
{
    Dwarf_Attribute attribute;
    Dwarf_Die die, parameter;
    if (dwarf_child(type, &die))
        return;
    do {
        if (dwarf_tag(&die) != DW_TAG_template_type_parameter ||
            !dwarf_attr_integrate(&die, DW_AT_type, &attribute) ||
            !dwarf_formref_die(&attribute, &parameter) || !explore_debug_strip(&parameter))
            continue;
        add_type(reach, &parameter);
        reach_type(reach, &parameter, depth + 1);
    } while (!dwarf_siblingof(&die, &die));
}

static void reach_members(struct reach *reach, Dwarf_Die *type, int depth)
{
    Dwarf_Die at = {.addr = NULL}, member;
    const char *name;
    while (explore_debug_next_member(type, &at, &name, &member))
        if (!*name || explore_debug_has_word(reach->line, name))
            reach_type(reach, &member, depth + 1);
}

static void reach_type(struct reach *reach, const Dwarf_Die *from, int depth)
{
    Dwarf_Die type = *from, inner;
    if (depth == DEPTH_MAX || !explore_debug_strip(&type))
        return;
    if (explore_debug_target(&type, &inner)) {
        add_type(reach, &inner);
        reach_type(reach, &inner, depth + 1);
    } else if (is_struct(&type) && explore_debug_is_system(&type)) {
        reach_parameters(reach, &type, depth);
    } else if (is_struct(&type)) {
        reach_members(reach, &type, depth);
    } else if (dwarf_tag(&type) == DW_TAG_array_type) {
        Dwarf_Attribute attribute;
        if (dwarf_attr_integrate(&type, DW_AT_type, &attribute) &&
            dwarf_formref_die(&attribute, &inner))
            reach_type(reach, &inner, depth + 1);
    }
    add_value(reach, &type);
}

static void reach_scope(struct reach *reach, Dwarf_Die *scope)
{
    Dwarf_Attribute attribute;
    Dwarf_Die die, type;
    if (dwarf_child(scope, &die))
        return;
    do {
        int tag = dwarf_tag(&die);
        const char *name =
            tag == DW_TAG_variable || tag == DW_TAG_formal_parameter ? dwarf_diename(&die) : NULL;
        if (!name || !(explore_debug_has_word(reach->line, name) || !strcmp(name, "this")) ||
            !dwarf_attr_integrate(&die, DW_AT_type, &attribute) ||
            !dwarf_formref_die(&attribute, &type))
            continue;
        reach_type(reach, &type, 0);
    } while (!dwarf_siblingof(&die, &die));
}

/* All variables that are visible at the step and named in its line. */
static bool reach_all(const struct explore_result *result, const struct explore_step *step,
                      struct reach *reach)
{
    const struct explore_module *module = explore_module_of(result, step->site);
    Dwarf *dwarf = module ? explore_debug_open(module->path) : NULL;
    static char line[160];
    const char *file, *function;
    unsigned number;
    Dwarf_Die unit, *scopes = NULL;
    if (!dwarf || !explore_place_parts(step->site, &file, &number, &function))
        return false;
    snprintf(line, sizeof line, "%s", explore_source_line(file, number));
    *reach = (struct reach){.step = step, .line = line};
    /* A return address belongs to the call before it. */
    Dwarf_Addr at = step->site - 1 - module->begin;
    if (!*line || !explore_debug_unit(dwarf, at, &unit))
        return false;
    int count = dwarf_getscopes(&unit, at, &scopes);
    for (int i = 0; i < count; i++)
        reach_scope(reach, &scopes[i]);
    free(scopes);
    return count > 0;
}

/* ---- Which of them it is ----------------------------------------------------------------------------- */

/* The same type may be told by several files. */
static bool is_same(Dwarf_Die *first, Dwarf_Die *second)
{
    const char *name = dwarf_diename(first), *other = dwarf_diename(second);
    if (first->addr == second->addr)
        return true;
    return dwarf_tag(first) == dwarf_tag(second) && name && other && !strcmp(name, other) &&
           explore_debug_size(first) == explore_debug_size(second);
}

/* Whether the access is one of a member that the line names, if the block is of this type. */
static bool is_likely(const struct explore_step *step, const char *line, Dwarf_Die *type)
{
    uint64_t size = explore_debug_size(type);
    char path[DEBUG_PATH_MAX];
    if (!is_struct(type) || !size || (step->block_size && size > step->block_size))
        return false;
    struct debug_part part = {.offset = (step->address - step->block) % size,
                              .size = step->size,
                              .line = line,
                              .type = *type};
    explore_debug_walk(&part, path, sizeof path);
    return !part.offset && part.member && explore_debug_has_word(line, part.member) &&
           (!step->size || explore_debug_size(&part.type) == step->size);
}

static bool ask_line(const struct explore_result *result, const struct explore_step *step,
                     Dwarf_Die *type)
{
    static struct reach reach;
    bool is_found = false;
    if (!reach_all(result, step, &reach))
        return false;
    for (size_t i = 0; i < reach.count; i++) {
        if (!is_likely(step, reach.line, &reach.types[i]))
            continue;
        if (is_found && !is_same(type, &reach.types[i]))
            return false;
        *type = reach.types[i];
        is_found = true;
    }
    return is_found;
}

bool explore_debug_line_type(const struct explore_result *result, const struct explore_step *step,
                             Dwarf_Die *type)
{
    static struct reach reach;
    if (!step->size || !reach_all(result, step, &reach) || !reach.value_count)
        return false;
    for (size_t i = 1; i < reach.value_count; i++)
        if (!is_same(&reach.values[0], &reach.values[i]))
            return false;
    *type = reach.values[0];
    return true;
}

/* ---- Pointers in the story --------------------------------------------------------------------------- */

static bool is_pointer_to(const struct explore_step *step, uint64_t block)
{
    uint64_t before = 0, after = 0;
    if (step->size != sizeof before)
        return false;
    memcpy(&before, step->before, sizeof before);
    memcpy(&after, step->after, sizeof after);
    return (step->has_before && before == block) || (step->has_after && after == block);
}

static bool ask_pointer(const struct explore_result *result, const struct explore_step *step,
                        const struct explore_step *about, Dwarf_Die *type)
{
    char whole[DEBUG_PATH_MAX], path[DEBUG_PATH_MAX];
    struct debug_part part;
    if (!is_pointer_to(step, about->block) ||
        !explore_debug_resolve(result, step, &part, whole, sizeof whole, path, sizeof path) ||
        !explore_debug_target(&part.type, type) || !is_struct(type))
        return false;
    uint64_t size = explore_debug_size(type);
    return size && (!about->block_size || size <= about->block_size);
}

static bool ask_story(const struct explore_result *result, const struct explore_step *about,
                      Dwarf_Die *type)
{
    const struct explore_story *story = &result->story;
    for (size_t i = 0; i < story->step_count; i++)
        if (ask_pointer(result, &story->steps[i], about, type))
            return true;
    for (size_t i = 0; i < story->step_count; i++)
        if (story->steps[i].block == about->block && ask_line(result, &story->steps[i], type))
            return true;
    return false;
}

bool explore_debug_block_type(const struct explore_result *result, const struct explore_step *step,
                              Dwarf_Die *type)
{
    static struct known {
        uint64_t block, site;
        bool is_known;
        Dwarf_Die type;
    } known[KNOWN_MAX];
    static size_t count;
    size_t i = 0;
    while (i < count && (known[i].block != step->block || known[i].site != step->block_site))
        i++;
    /* While it is asked for, it is unknown: pointers in a block may point to the block. */
    if (i == count && count < KNOWN_MAX) {
        known[count++] = (struct known){.block = step->block, .site = step->block_site};
        known[i].is_known = ask_story(result, step, &known[i].type);
    }
    if (i == count || !known[i].is_known)
        return false;
    *type = known[i].type;
    return true;
}
