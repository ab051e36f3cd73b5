#include "explore/room.h"

#include "explore/campaign.h"

#include <sys/mman.h>

#define SLOT  (LG__ROOM_STACK + LG__ROOM_PIECE)
#define SLOTS ((LG__NAMES_MAX - 1) * SLOT) /* main has none */
#define TABLE ((size_t)2 << 20)            /* what a page table is for */

struct lg__room lg__room;
static char *slots_end;
static char *main_piece;

static uintptr_t round_up(size_t size)
{
    return (size + TABLE - 1) & ~(TABLE - 1);
}

bool lg__room_reserve(size_t variables, size_t threads)
{
    size_t size =
        SLOTS + round_up(variables) + LG__ROOM_PIECE + LG__ROOM_NEAR + threads + 3 * TABLE;
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return false;
    /* A slot's border between stack and heap is in the midst of a table, and so is main's piece. */
    slots_end = (char *)round_up((uintptr_t)mapped) + SLOTS;
    main_piece = (char *)round_up((uintptr_t)slots_end + variables) + LG__ROOM_NEAR / 2;
    lg__room.variables_end = main_piece;
    lg__room.memory_end = main_piece + LG__ROOM_PIECE + LG__ROOM_NEAR;
    lg__room.threads = lg__room.memory_end;
    return true;
}

char *lg__room_stack(uint32_t thread)
{
    return slots_end - thread * SLOT;
}

char *lg__room_piece(uint32_t thread)
{
    return thread ? lg__room_stack(thread) + LG__ROOM_STACK : main_piece;
}

char *lg__room_piece_at(uintptr_t address)
{
    if (address - (uintptr_t)main_piece < LG__ROOM_PIECE)
        return main_piece;
    uintptr_t back = (uintptr_t)slots_end - 1 - address;
    char *piece = back < SLOTS ? lg__room_piece((uint32_t)(back / SLOT) + 1) : NULL;
    return (uintptr_t)piece <= address ? piece : NULL;
}
