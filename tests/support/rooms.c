#include "support/rooms.h"

#include "plat/atomic.h"

#include <sched.h>

static void linger(struct support_random *random, uint32_t one_in)
{
    if (support_below(random, one_in) == 0)
        sched_yield();
}

unsigned room_read(struct room *room, struct support_random *random, uint32_t one_in)
{
    (void)lg__add_full(&room->readers, 1u);
    unsigned wrong = lg__load_full(&room->writers) != 0;
    long value = room->value;
    linger(random, one_in);
    wrong += value + room->mirror != 0;
    (void)lg__sub_full(&room->readers, 1u);
    return wrong;
}

unsigned room_write(struct room *room, struct support_random *random, uint32_t one_in)
{
    unsigned wrong = lg__add_full(&room->writers, 1u) != 0;
    wrong += lg__load_full(&room->readers) != 0;
    room->value++;
    linger(random, one_in);
    room->mirror--;
    (void)lg__sub_full(&room->writers, 1u);
    return wrong;
}
