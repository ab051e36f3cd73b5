#include "observe/arrows.h"

#include "plat/memory.h"

#define ROOM_MIN 256

/* Where a number is, or where it is to be; there is always a free one. */
static uint64_t *find(const struct lg__arrows *arrows, uint64_t number)
{
    uint32_t place = (uint32_t)number & (arrows->room - 1);
    while (arrows->numbers[place] != 0 && arrows->numbers[place] != number + 1)
        place = (place + 1) & (arrows->room - 1);
    return &arrows->numbers[place];
}

static bool grow(struct lg__arrows *arrows)
{
    struct lg__arrows larger = {.room = arrows->room ? 2 * arrows->room : ROOM_MIN,
                                .count = arrows->count};
    larger.numbers = lg__alloc(larger.room * sizeof *larger.numbers);
    if (!larger.numbers)
        return false;
    for (uint32_t i = 0; i < arrows->room; i++)
        if (arrows->numbers[i] != 0)
            *find(&larger, arrows->numbers[i] - 1) = arrows->numbers[i];
    lg__arrows_free(arrows);
    *arrows = larger;
    return true;
}

bool lg__arrows_add(struct lg__arrows *arrows, uint64_t number)
{
    if (2 * arrows->count >= arrows->room && !grow(arrows))
        return false;
    uint64_t *place = find(arrows, number);
    arrows->count += *place == 0;
    *place = number + 1;
    return true;
}

bool lg__arrows_have(const struct lg__arrows *arrows, uint64_t number)
{
    return arrows->count > 0 && *find(arrows, number) != 0;
}

void lg__arrows_free(struct lg__arrows *arrows)
{
    lg__free(arrows->numbers);
    arrows->numbers = NULL;
    arrows->room = arrows->count = 0;
}
