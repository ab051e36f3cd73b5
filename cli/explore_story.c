/* The story's lines, as the runtime tells them.  They come out of the explored program's process, so nothing in
 * them is believed: what is too long, or too much, or no number, is left out. */
#include "explore.h"

#include <stdlib.h>
#include <string.h>

/* The next word of a line; false: there is none, or it has no room. */
static bool take_word(const char **at, char *out, size_t size)
{
    size_t length = strcspn(*at, " ");
    if (!length || length >= size)
        return false;
    memcpy(out, *at, length);
    out[length] = 0;
    *at += length + ((*at)[length] == ' ');
    return true;
}

static bool take_number(const char **at, int base, uint64_t *out)
{
    char word[24], *end;
    if (!take_word(at, word, sizeof word) || !strchr("0123456789abcdef", word[0]))
        return false;
    *out = strtoull(word, &end, base);
    return !*end;
}

static bool take_small(const char **at, unsigned most, unsigned *out)
{
    uint64_t number;
    if (!take_number(at, 10, &number) || number > most)
        return false;
    *out = (unsigned)number;
    return true;
}

/* "-" is no word. */
static bool take_optional(const char **at, char *out, size_t size)
{
    if (!take_word(at, out, size))
        return false;
    if (!strcmp(out, "-"))
        *out = 0;
    return true;
}

/* How a turn ended. */
static bool take_turn(const char **at, char *out, size_t size)
{
    static const char *const turns[] = {"", "preempted", "waits", "ended", "over"};
    if (!take_optional(at, out, size))
        return false;
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++)
        if (!strcmp(turns[i], out))
            return true;
    return false;
}

static int digit_of(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Bytes in hexadecimal, as many as the size says, or "-". */
static bool take_value(const char **at, uint64_t size, unsigned char *out, bool *is_known)
{
    char word[2 * EXPLORE_VALUE_MAX + 1];
    size_t count = size < EXPLORE_VALUE_MAX ? size : EXPLORE_VALUE_MAX;
    if (!take_word(at, word, sizeof word))
        return false;
    *is_known = strcmp(word, "-") != 0;
    if (!*is_known)
        return true;
    if (strlen(word) != 2 * count)
        return false;
    for (size_t i = 0; i < count; i++) {
        int high = digit_of(word[2 * i]), low = digit_of(word[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool take_calls(const char **at, struct explore_step *step)
{
    for (size_t i = 0; i < EXPLORE_CALLS_MAX; i++)
        if (!take_number(at, 16, &step->calls[i]))
            return false;
    return true;
}

static bool take_locks(const char **at, struct explore_step *step)
{
    while (**at) {
        struct explore_lock lock;
        if (step->lock_count == EXPLORE_LOCKS_MAX || !take_number(at, 16, &lock.address) ||
            !take_number(at, 16, &lock.site))
            return false;
        step->locks[step->lock_count++] = lock;
    }
    return true;
}

static void read_step(const char *at, struct explore_story *story)
{
    struct explore_step step = {.rank = 0};
    if (story->step_count < EXPLORE_STEPS_MAX && take_word(&at, step.thread, sizeof step.thread) &&
        take_word(&at, step.event, sizeof step.event) &&
        take_word(&at, step.state, sizeof step.state) && take_small(&at, 9, &step.rank) &&
        take_small(&at, 2, &step.mark) && take_turn(&at, step.turn, sizeof step.turn) &&
        take_number(&at, 16, &step.site) && take_number(&at, 16, &step.address) &&
        take_number(&at, 10, &step.size) &&
        take_value(&at, step.size, step.before, &step.has_before) &&
        take_value(&at, step.size, step.after, &step.has_after) &&
        take_optional(&at, step.object, sizeof step.object) &&
        take_optional(&at, step.other, sizeof step.other) && take_number(&at, 16, &step.block) &&
        take_number(&at, 10, &step.block_size) && take_number(&at, 16, &step.block_site) &&
        take_calls(&at, &step) && take_locks(&at, &step)) {
        step.told_site = step.site;
        story->steps[story->step_count++] = step;
    }
}

static struct explore_lane *lane_of(struct explore_story *story, const char *thread)
{
    for (size_t i = 0; i < story->lane_count; i++)
        if (!strcmp(story->lanes[i].thread, thread))
            return &story->lanes[i];
    if (story->lane_count == EXPLORE_LANES_MAX)
        return NULL;
    struct explore_lane *lane = &story->lanes[story->lane_count++];
    *lane = (struct explore_lane){.start = 0};
    strcpy(lane->thread, thread);
    return lane;
}

static void read_lane(const char *at, struct explore_story *story)
{
    char thread[sizeof story->lanes->thread];
    uint64_t start;
    if (!take_word(&at, thread, sizeof thread) || !take_number(&at, 16, &start))
        return;
    struct explore_lane *lane = lane_of(story, thread);
    if (lane)
        lane->start = start;
}

static void read_name(const char *at, struct explore_story *story)
{
    char thread[sizeof story->lanes->thread];
    unsigned char label[EXPLORE_VALUE_MAX] = "";
    bool is_known;
    if (!take_word(&at, thread, sizeof thread))
        return;
    size_t size = strlen(at) / 2;
    struct explore_lane *lane = size && size < sizeof lane->label ? lane_of(story, thread) : NULL;
    if (lane && take_value(&at, size, label, &is_known) && is_known)
        memcpy(lane->label, label, size);
}

static void read_preemption(const char *at, struct explore_story *story)
{
    struct explore_preemption preemption;
    if (story->preemption_count < EXPLORE_PREEMPTIONS_MAX &&
        take_word(&at, preemption.thread, sizeof preemption.thread) &&
        take_word(&at, preemption.event, sizeof preemption.event) &&
        take_number(&at, 16, &preemption.site) && take_number(&at, 16, &preemption.address))
        story->preemptions[story->preemption_count++] = preemption;
}

static void read_decides(const char *at, struct explore_story *story)
{
    char kind[sizeof story->decides];
    unsigned tried;
    if (!take_word(&at, kind, sizeof kind) || !take_small(&at, 1000000, &tried))
        return;
    strcpy(story->decides, kind);
    story->tried = tried;
}

bool explore_story_read(const char *word, const char *value, struct explore_story *story)
{
    const struct {
        const char *word;
        void (*read)(const char *at, struct explore_story *story);
    } readers[] = {{"step", read_step},
                   {"lane", read_lane},
                   {"named", read_name},
                   {"preempt", read_preemption},
                   {"decides", read_decides}};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (strcmp(readers[i].word, word))
            continue;
        readers[i].read(value, story);
        return true;
    }
    return false;
}

/* ---- Headers of the system's --------------------------------------------------------------------------- */

/* By its name, too: some line tables say the program's own file of a header's function. */
static bool is_system(uint64_t site)
{
    const char *file, *function;
    unsigned line;
    return explore_place_parts(site, &file, &line, &function) &&
           (!strncmp(file, "/usr/", 5) || !strncmp(function, "std::", 5) ||
            !strncmp(function, "__", 2));
}

/* A lock is taken where the step says that took it. */
static void settle_locks(const struct explore_story *story, struct explore_step *step)
{
    for (size_t i = 0; i < step->lock_count; i++) {
        struct explore_lock *lock = &step->locks[i];
        for (const struct explore_step *before = step;
             is_system(lock->site) && before > story->steps;) {
            before--;
            if (!strcmp(before->thread, step->thread) && before->told_site == lock->site &&
                before->address == lock->address)
                lock->site = before->site;
        }
    }
}

void explore_story_settle(struct explore_story *story)
{
    for (size_t i = 0; i < story->step_count; i++) {
        struct explore_step *step = &story->steps[i];
        for (size_t k = 0; k < EXPLORE_CALLS_MAX && is_system(step->site); k++)
            if (step->calls[k] && !is_system(step->calls[k]))
                step->site = step->calls[k];
        settle_locks(story, step);
    }
}
