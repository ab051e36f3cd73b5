/* Where the program is built without libdw, debugging information says no names and types. */
#include "explore.h"

bool explore_debug_datum(const struct explore_result *result, uint64_t site, uint64_t address,
                         uint64_t size, char *out, size_t room)
{
    (void)result, (void)site, (void)address, (void)size, (void)out, (void)room;
    return false;
}

bool explore_debug_block(const struct explore_result *result, const struct explore_step *step,
                         char *type, size_t type_size, char *path, size_t path_size)
{
    (void)result, (void)step, (void)type, (void)type_size, (void)path, (void)path_size;
    return false;
}

bool explore_debug_value(const struct explore_result *result, const struct explore_step *step,
                         const unsigned char *bytes, char *out, size_t room)
{
    (void)result, (void)step, (void)bytes, (void)out, (void)room;
    return false;
}
