/* How long a pause is. */
#include "sync/spin.h"

#include "plat/atomic.h"
#include "plat/clock.h"

#define LOOKS           4
#define LOOK_NS         40ull /* the first pause */
#define PAUSES_MEASURED 64

/* How many pauses take about LOOK_NS.  Processors differ by ten times in what a pause is. */
static uint32_t pauses_a_look(void)
{
    static uint32_t measured; /* atomic relaxed; the same for whoever measures it */
    uint32_t pauses = lg__load_relaxed(&measured);
    if (lg__likely(pauses != 0))
        return pauses;
    uint64_t start_ns = lg__now_ns();
    for (int i = 0; i < PAUSES_MEASURED; i++)
        lg__cpu_relax();
    uint64_t took_ns = lg__now_ns() - start_ns + 1;
    pauses = (uint32_t)(LOOK_NS * PAUSES_MEASURED / took_ns) + 1;
    lg__store_relaxed(&measured, pauses);
    return pauses;
}

struct lg__spin lg__spin_begin(void)
{
    return (struct lg__spin){pauses_a_look(), LOOKS};
}

bool lg__spin_pause(struct lg__spin *spin)
{
    for (uint32_t i = 0; i < spin->pauses; i++)
        lg__cpu_relax();
    spin->pauses *= 4;
    return --spin->left > 0;
}
