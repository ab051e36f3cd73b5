/* One run: fresh objects and threads; step after step, each when all threads have come to rest after the
 * one before; then everybody's waits are cancelled, and all is given back.
 *
 * When all rest.  A thread rests when it has no step, or sleeps in a wait of the library.  Only who runs can
 * wake others; so if each was seen at rest, and then each is seen again with the same wait, nobody ran
 * between the two looks, and nobody will. */
#include "spec/spec.h"

#include "graph/context.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct run {
    struct spec *spec;
    struct transcript *out;
    struct actor actors[SPEC_ACTORS_MAX];
    uint32_t actor_count;                              /* that were started */
    uint32_t pending[SPEC_ACTORS_MAX][SPEC_STEPS_MAX]; /* steps that came while it was blocked */
    uint32_t pending_count[SPEC_ACTORS_MAX];
    uint32_t current[SPEC_ACTORS_MAX]; /* step + 1 of which the end is not told yet; 0: none */
    char told[SPEC_ACTORS_MAX][SPEC_LINE_SIZE]; /* what it was last said to wait for */
};

/* ---- Rest ------------------------------------------------------------------------------------ */

static bool is_blocked(const struct lg_context *context, uint64_t *word)
{
    *word = lg__load_acquire(&context->wait.word);
    return LG__WAIT_STATE(*word) == LG__WAIT_WAITING || LG__WAIT_STATE(*word) == LG__WAIT_OUTSIDE;
}

/* Its begin was before its look at the graph; that it sleeps shows in a futex call that finds it there.  The
 * wake-up tells it nothing new, so it sleeps again. */
static bool sleeps(struct lg_context *context)
{
    uint32_t *half = (uint32_t *)&context->wait.word;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    half++;
#endif
    return syscall(SYS_futex, half, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1) == 1;
}

static void wait_for_rest(struct actor *actor, uint64_t *word)
{
    *word = 0;
    while (!actor_is_idle(actor) && !(is_blocked(actor->context, word) && sleeps(actor->context)))
        sched_yield();
}

static bool rests_still(struct actor *actor, uint64_t word)
{
    uint64_t now;
    return actor_is_idle(actor) ? word == 0 : is_blocked(actor->context, &now) && now == word;
}

static void settle(struct run *run)
{
    uint64_t words[SPEC_ACTORS_MAX];
    bool all_rest;
    do {
        all_rest = true;
        for (uint32_t i = 0; i < run->actor_count; i++)
            wait_for_rest(&run->actors[i], &words[i]);
        for (uint32_t i = 0; i < run->actor_count; i++)
            all_rest = all_rest && rests_still(&run->actors[i], words[i]);
    } while (!all_rest);
}

/* ---- What it waits for ----------------------------------------------------------------------- */

struct holders {
    uint64_t ids[SPEC_ACTORS_MAX];
    uint32_t count;
};

/* Without names: these take a pin, and one is held here. */
static bool add_holder(void *arg, const struct lg__holding *holding)
{
    struct holders *holders = arg;
    for (uint32_t i = 0; i < holders->count; i++)
        if (holders->ids[i] == holding->holder)
            return true;
    if (holders->count < SPEC_ACTORS_MAX)
        holders->ids[holders->count++] = holding->holder;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* " of A, B", by name: the order of a survey is nobody's business. */
static void add_holders(char *out, const struct holders *holders)
{
    char names[SPEC_ACTORS_MAX][LG_NAME_SIZE];
    for (uint32_t i = 0; i < holders->count; i++)
        lg__context_copy_name(holders->ids[i], names[i]);
    qsort(names, holders->count, sizeof names[0], compare_names);
    for (uint32_t i = 0; i < holders->count; i++)
        snprintf(out + strlen(out), SPEC_LINE_SIZE - strlen(out), "%s %s", i ? "," : " of",
                 names[i]);
}

/* "waits for mutex a of A"; everybody rests. */
static void describe_wait(struct lg_context *context, char *out)
{
    char name[LG_NAME_SIZE];
    struct holders holders = {.count = 0};
    uint64_t word;
    if (!is_blocked(context, &word) || !lg__wait_pin(&context->wait, word))
        abort();
    const struct lg__want *want = &context->wait.want;
    const struct lg__group *group = context->wait.group;
    want->class->copy_name(want->object, name);
    want->class->survey(want->object, add_holder, &holders);
    for (uint32_t i = 0; group && i < group->count; i++) {
        const struct lg__want *branch = &group->branches[i].want;
        branch->class->survey(branch->object, add_holder, &holders);
    }
    uint32_t need = group ? 1 : want->need;
    const char *noun = want->class->noun;
    lg__wait_unpin(&context->wait);
    if (need > 1 && need <= 1000) /* a rwlock's modes are huge numbers of units */
        snprintf(out, SPEC_LINE_SIZE, "waits for %u of %s %s", need, noun, name);
    else
        snprintf(out, SPEC_LINE_SIZE, "waits for %s %s", noun, name);
    add_holders(out, &holders);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static void tell(struct run *run, uint32_t step, const char *text)
{
    struct transcript *out = run->out;
    if (out->line_count < SPEC_LINES_MAX)
        snprintf(out->lines[out->line_count++], SPEC_LINE_SIZE, "%s %.140s",
                 run->spec->steps[step].name, text);
    snprintf(out->results[step], SPEC_LINE_SIZE, "%s", text);
}

/* Tell how the thread's step has ended, or what it waits for if that is new. */
static void note(struct run *run, uint32_t index)
{
    struct actor *actor = &run->actors[index];
    char text[SPEC_LINE_SIZE];
    if (run->current[index] == 0)
        return;
    uint32_t step = run->current[index] - 1;
    if (actor_is_idle(actor)) {
        tell(run, step, actor->result);
        run->current[index] = 0;
        return;
    }
    describe_wait(actor->context, text);
    if (strcmp(text, run->told[index]) != 0)
        tell(run, step, text);
    memcpy(run->told[index], text, sizeof text);
}

static void take(struct run *run, uint32_t step)
{
    uint32_t index = run->spec->steps[step].actor;
    run->current[index] = step + 1;
    run->told[index][0] = 0;
    actor_take(&run->actors[index], &run->spec->steps[step]);
    settle(run);
    note(run, index);
    for (uint32_t i = 0; i < run->actor_count; i++)
        note(run, i);
}

/* A step of each thread that has come free and has more to do; the first thread first. */
static bool take_pending(struct run *run)
{
    for (uint32_t i = 0; i < run->actor_count; i++) {
        if (run->current[i] != 0 || run->pending_count[i] == 0)
            continue;
        uint32_t step = run->pending[i][0];
        run->pending_count[i]--;
        memmove(run->pending[i], run->pending[i] + 1,
                run->pending_count[i] * sizeof run->pending[i][0]);
        take(run, step);
        return true;
    }
    return false;
}

static void take_all(struct run *run, const uint32_t *steps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = run->spec->steps[steps[i]].actor;
        if (run->current[index] != 0)
            run->pending[index][run->pending_count[index]++] = steps[i];
        else
            take(run, steps[i]);
        while (take_pending(run))
            continue;
    }
    for (uint32_t i = 0; i < run->actor_count; i++)
        if (run->current[i] != 0)
            tell(run, run->current[i] - 1, "still waits");
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

static bool begin(struct run *run, struct lg_cancel *cancel)
{
    struct spec *spec = run->spec;
    for (uint32_t i = 0; i < spec->object_count; i++)
        spec->objects[i].live = NULL;
    for (uint32_t i = 0; i < spec->object_count; i++)
        if (spec->objects[i].kind->create(&spec->objects[i]) != LG_OK)
            return false;
    while (run->actor_count < spec->actor_count) {
        if (!actor_start(&run->actors[run->actor_count], run->actors,
                         spec->actors[run->actor_count], cancel))
            return false;
        run->actor_count++;
    }
    return true;
}

static void end(struct run *run, struct lg_cancel *cancel)
{
    lg_cancel_request(cancel);
    for (uint32_t i = 0; i < run->actor_count; i++)
        actor_dismiss(&run->actors[i]);
    for (uint32_t i = 0; i < run->actor_count; i++)
        actor_end(&run->actors[i]);
    for (uint32_t i = run->spec->object_count; i > 0; i--)
        if (run->spec->objects[i - 1].live)
            run->spec->objects[i - 1].kind->destroy(&run->spec->objects[i - 1]);
}

bool spec_run(struct spec *spec, const uint32_t *steps, uint32_t count, struct transcript *out)
{
    struct lg_cancel *cancel;
    struct run *run = calloc(1, sizeof *run);
    *out = (struct transcript){.line_count = 0};
    if (!run || lg_cancel_create(NULL, LG_FOREVER, &cancel) != LG_OK) {
        free(run);
        return false;
    }
    run->spec = spec;
    run->out = out;
    bool has_begun = begin(run, cancel);
    if (has_begun)
        take_all(run, steps, count);
    end(run, cancel);
    lg_cancel_destroy(cancel);
    free(run);
    return has_begun;
}
