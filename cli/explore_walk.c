/* Parts of variables: members and elements, by what debugging information says of the type. */
#include "explore_debug.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX      32
#define DIMENSIONS_MAX 4

struct walk {
    struct debug_part *part;
    char *out;
    size_t size, used;
};

static void write_text(struct walk *walk, const char *before, const char *name)
{
    size_t room = walk->size - walk->used;
    int length = snprintf(walk->out + walk->used, room, "%s%s", before, name);
    walk->used += (size_t)length < room ? (size_t)length : room - 1;
}

static void write_index(struct walk *walk, uint64_t index, uint64_t last)
{
    char text[64];
    if (last > index)
        snprintf(text, sizeof text, "[%lu..%lu]", (unsigned long)index, (unsigned long)last);
    else
        snprintf(text, sizeof text, "[%lu]", (unsigned long)index);
    write_text(walk, text, "");
}

/* ---- Arrays ------------------------------------------------------------------------------------------ */

/* Counts of the dimensions behind the first; 0: they are not known. */
static size_t read_dimensions(Dwarf_Die *array, uint64_t *counts)
{
    Dwarf_Die die;
    size_t dimensions = 0;
    if (dwarf_child(array, &die))
        return 0;
    do {
        Dwarf_Attribute attribute;
        Dwarf_Word count = 0;
        if (dwarf_tag(&die) != DW_TAG_subrange_type)
            continue;
        if (dimensions == DIMENSIONS_MAX)
            return 0;
        if (dwarf_attr_integrate(&die, DW_AT_count, &attribute))
            dwarf_formudata(&attribute, &count);
        else if (dwarf_attr_integrate(&die, DW_AT_upper_bound, &attribute) &&
                 !dwarf_formudata(&attribute, &count))
            count++;
        counts[dimensions++] = count;
    } while (!dwarf_siblingof(&die, &die));
    return dimensions;
}

/* False: the walk ends here. */
static bool enter_array(struct walk *walk)
{
    struct debug_part *part = walk->part;
    Dwarf_Attribute attribute;
    Dwarf_Die element;
    uint64_t counts[DIMENSIONS_MAX] = {0}, size;
    size_t dimensions = read_dimensions(&part->type, counts);
    if (!dimensions || !dwarf_attr_integrate(&part->type, DW_AT_type, &attribute) ||
        !dwarf_formref_die(&attribute, &element) || !(size = explore_debug_size(&element)))
        return false;
    /* Text is no elements. */
    if (size == 1 && part->size > 1)
        return false;
    uint64_t index = part->offset / size, within = part->offset % size;
    bool is_several = part->size != DEBUG_WHOLE && within + part->size > size;
    uint64_t below = 1;
    for (size_t i = 1; i < dimensions; i++)
        below *= counts[i];
    for (size_t i = 0; i < dimensions && below; i++) {
        uint64_t last =
            is_several && dimensions == 1 ? index + (within + part->size + size - 1) / size - 1 : 0;
        write_index(walk, index / below, last);
        index %= below;
        below = i + 1 < dimensions && counts[i + 1] ? below / counts[i + 1] : 1;
    }
    part->offset = within;
    part->type = element;
    return !is_several;
}

/* ---- Structs and unions ------------------------------------------------------------------------------ */

struct member {
    Dwarf_Die die, type;
    const char *name; /* "": it has none */
    uint64_t offset, size;
    bool is_bits;
};

static bool read_bits(Dwarf_Die *die, struct member *member)
{
    Dwarf_Attribute attribute;
    Dwarf_Word first, count;
    if (!dwarf_attr_integrate(die, DW_AT_bit_size, &attribute) ||
        dwarf_formudata(&attribute, &count))
        return false;
    if (dwarf_attr_integrate(die, DW_AT_data_bit_offset, &attribute) &&
        !dwarf_formudata(&attribute, &first)) {
        member->offset = first / 8;
        member->size = (first % 8 + count + 7) / 8;
    }
    return true;
}

/* A member that takes place; false: it is something else. */
static bool read_member(Dwarf_Die *die, struct member *member)
{
    Dwarf_Attribute attribute;
    Dwarf_Word offset = 0;
    int tag = dwarf_tag(die);
    if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) || dwarf_hasattr(die, DW_AT_external) ||
        dwarf_hasattr(die, DW_AT_declaration) ||
        !dwarf_attr_integrate(die, DW_AT_type, &attribute) ||
        !dwarf_formref_die(&attribute, &member->type))
        return false;
    if (dwarf_attr_integrate(die, DW_AT_data_member_location, &attribute) &&
        dwarf_formudata(&attribute, &offset))
        return false;
    const char *name = tag == DW_TAG_member ? dwarf_diename(die) : NULL;
    member->die = *die;
    member->name = name ? name : "";
    member->offset = offset;
    member->size = explore_debug_size(&member->type);
    member->is_bits = read_bits(die, member);
    return true;
}

static bool is_within(const struct debug_part *part, const struct member *member)
{
    uint64_t offset = part->offset - member->offset;
    if (part->offset < member->offset || offset >= member->size)
        return false;
    return part->size == DEBUG_WHOLE || !part->size || part->size <= member->size - offset;
}

/* How well a member suits: of those of a union one that the line names, then one of the size. */
static unsigned suits(const struct debug_part *part, const struct member *member)
{
    if (explore_debug_has_word(part->line, member->name))
        return 3;
    return member->size == part->size ? 2 : 1;
}

static bool find_member(const struct debug_part *part, struct member *best)
{
    Dwarf_Die die, type = part->type;
    struct member member;
    unsigned most = 0;
    if (dwarf_child(&type, &die))
        return false;
    do {
        if (!read_member(&die, &member) || !is_within(part, &member) ||
            suits(part, &member) <= most)
            continue;
        most = suits(part, &member);
        *best = member;
    } while (!dwarf_siblingof(&die, &die));
    return most > 0;
}

/* Bit-fields that share the bytes of an access: "low|high". */
static bool write_bits(struct walk *walk)
{
    struct debug_part *part = walk->part;
    Dwarf_Die die;
    struct member member;
    unsigned count = 0;
    if (part->size == DEBUG_WHOLE || dwarf_child(&part->type, &die))
        return false;
    do {
        if (!read_member(&die, &member) || !member.is_bits || !*member.name ||
            member.offset >= part->offset + (part->size ? part->size : 1) ||
            member.offset + member.size <= part->offset || count == 3)
            continue;
        write_text(walk, count++ ? "|" : ".", member.name);
    } while (!dwarf_siblingof(&die, &die));
    part->is_bits = count > 0;
    return count > 0;
}

/* False: the walk ends here. */
static bool enter_member(struct walk *walk)
{
    struct debug_part *part = walk->part;
    struct member member;
    bool is_found = find_member(part, &member);
    if (!is_found || member.is_bits) {
        if (write_bits(walk))
            part->offset = 0;
        return false;
    }
    if (*member.name) {
        write_text(walk, ".", member.name);
        part->member = member.name;
    }
    part->offset -= member.offset;
    part->type = member.type;
    return true;
}

bool explore_debug_enter_first(Dwarf_Die *type)
{
    struct debug_part part = {.size = explore_debug_size(type), .line = "", .type = *type};
    struct member member;
    if (!find_member(&part, &member) || member.is_bits || member.size != part.size)
        return false;
    *type = member.type;
    return true;
}

bool explore_debug_next_member(Dwarf_Die *parent, Dwarf_Die *at, const char **name, Dwarf_Die *type)
{
    struct member member;
    bool is_first = !at->addr;
    while (is_first ? !dwarf_child(parent, at) : !dwarf_siblingof(at, at)) {
        is_first = false;
        if (!read_member(at, &member))
            continue;
        *name = member.name;
        *type = member.type;
        return true;
    }
    return false;
}

/* ---- All of it --------------------------------------------------------------------------------------- */

static bool enter(struct walk *walk)
{
    struct debug_part *part = walk->part;
    Dwarf_Die stripped = part->type;
    if (!explore_debug_strip(&stripped))
        return false;
    int tag = dwarf_tag(&stripped);
    uint64_t size = explore_debug_size(&stripped);
    bool is_struct =
        tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
    if (!size || part->offset >= size || (part->size == DEBUG_WHOLE && !part->offset) ||
        (is_struct && (explore_debug_is_system(&part->type) || explore_debug_is_system(&stripped))))
        return false;
    part->type = stripped;
    if (tag == DW_TAG_array_type)
        return enter_array(walk);
    return is_struct && enter_member(walk);
}

void explore_debug_walk(struct debug_part *part, char *out, size_t size)
{
    struct walk walk = {part, out, size, 0};
    *out = 0;
    part->member = NULL;
    part->is_bits = false;
    for (int depth = 0; depth < DEPTH_MAX && enter(&walk); depth++)
        ;
    char text[32];
    if (!part->offset)
        return;
    snprintf(text, sizeof text, "+%lu", (unsigned long)part->offset);
    write_text(&walk, text, "");
}
