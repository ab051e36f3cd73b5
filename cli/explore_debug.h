/* What the parts that read debugging information share; by elfutils' libdw, in the program only. */
#ifndef LG_CLI_EXPLORE_DEBUG_H
#define LG_CLI_EXPLORE_DEBUG_H

#include "explore.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#define DEBUG_PATH_MAX 160

/* The debugging information of a file; NULL: it has none. */
Dwarf *explore_debug_open(const char *path);

/* The unit that an address of code is in. */
bool explore_debug_unit(Dwarf *dwarf, uint64_t address, Dwarf_Die *unit);

/* The variable that has an address of the file, where it begins, its type, and its name with its namespaces.  False:
 * there is none. */
bool explore_debug_variable(Dwarf *dwarf, uint64_t address, Dwarf_Die *type, uint64_t *begin,
                            char *out, size_t size);

/* A part of something: so many bytes, `offset` into it. */
struct debug_part {
    uint64_t offset, size; /* size DEBUG_WHOLE: the largest that begins there; 0: the smallest */
    const char *line;      /* of the source, to choose among the members of a union; or "" */
    Dwarf_Die type;        /* in: of all; out: of the part */
    const char *member;    /* out: the last that was gone into; NULL: none */
    bool is_bits;          /* out: the part is bit-fields */
};
#define DEBUG_WHOLE EXPLORE_WHOLE

/* ".items[3].state"; what is left of the offset is "+2". */
void explore_debug_walk(struct debug_part *part, char *out, size_t size);

/* Without typedefs, const and the like; false: it is void, or cannot be read. */
bool explore_debug_strip(Dwarf_Die *type);
/* A type's bytes; 0: unknown. */
uint64_t explore_debug_size(Dwarf_Die *type);
/* Whether it is of a header of the system's: what is in it is nobody's business. */
bool explore_debug_is_system(Dwarf_Die *type);
/* What a pointer or reference points to; false: it is none, or to void. */
bool explore_debug_target(Dwarf_Die *type, Dwarf_Die *target);
/* Whether a word is in a line of source. */
bool explore_debug_has_word(const char *line, const char *word);

/* The member that is all of a struct, as in a std::atomic; false: there is none. */
bool explore_debug_enter_first(Dwarf_Die *type);
/* The members of a struct, one after the other; `at` is zero before the first.  False: that was the last. */
bool explore_debug_next_member(Dwarf_Die *parent, Dwarf_Die *at, const char **name,
                               Dwarf_Die *type);

/* The part that a step is about, and what it is called behind the name of the whole: of a variable, that is in
 * `whole`, or of a heap block, where `whole` is the name of its type or "".  False: it is not known. */
bool explore_debug_resolve(const struct explore_result *result, const struct explore_step *step,
                           struct debug_part *part, char *whole, size_t whole_size, char *path,
                           size_t path_size);

/* The type of the block that a step is about; false: nothing says it. */
bool explore_debug_block_type(const struct explore_result *result, const struct explore_step *step,
                              Dwarf_Die *type);
/* The one type that the numbers of this size have that the step's line reaches by a pointer; false: none, or
 * several. */
bool explore_debug_line_type(const struct explore_result *result, const struct explore_step *step,
                             Dwarf_Die *type);

#endif
