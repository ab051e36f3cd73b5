/* What a context does, read from its wait record. */
#include "graph/activity.h"

#include "plat/clock.h"
#include "plat/text.h"

#define LOOKS 8 /* at a context that begins one wait after the other: then it runs, between them */

static bool is_blocked(uint64_t word)
{
    enum lg__wait_state state = LG__WAIT_STATE(word);
    return state == LG__WAIT_WAITING || state == LG__WAIT_OUTSIDE || state == LG__WAIT_MOVING;
}

/* With the record pinned: the want is that of the wait, and its object exists. */
static void copy_wait(const struct lg__wait *wait, struct lg__activity *out)
{
    const struct lg__want *want = &wait->want;
    uint64_t now_ns = lg__now_ns();
    out->kind = LG__ACTIVITY_WAITS;
    out->waited_ms = now_ns > wait->since_ns ? (now_ns - wait->since_ns) / 1000000 : 0;
    lg__copy_name(out->noun, sizeof out->noun, want->class->noun);
    want->class->copy_name(want->object, out->name);
    lg__copy_place(out->place, sizeof out->place, want->place);
}

/* False: it is not blocked.  Who waits cannot end before the pin is let go, so an id that is alive under
 * it is the waiter's. */
static bool read_wait(struct lg_context *context, uint64_t id, struct lg__activity *out)
{
    struct lg__wait *wait = &context->wait;
    for (int i = 0; i < LOOKS; i++) {
        uint64_t word = lg__load_acquire(&wait->word); /* W1 */
        if (!is_blocked(word))
            return false;
        if (!lg__wait_pin(wait, word)) /* a mover holds it until it is done */
            continue;
        bool is_its = lg__context_is_alive(id);
        if (is_its)
            copy_wait(wait, out);
        lg__wait_unpin(wait);
        return is_its;
    }
    return false;
}

void lg__activity_read(uint64_t id, struct lg__activity *out)
{
    struct lg_context *context = lg__context_find(id);
    *out = (struct lg__activity){.kind = LG__ACTIVITY_ENDED};
    if (!context || read_wait(context, id, out))
        return;
    int32_t thread = lg__context_thread(context);
    if (!lg__context_is_alive(id)) /* else the thread was its */
        return;
    out->thread = thread;
    out->kind = thread == 0 ? LG__ACTIVITY_PARKED : LG__ACTIVITY_RUNS;
}
