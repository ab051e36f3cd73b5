/* Replay files: whatever is in one, the reader ends, says which line is wrong, and what it takes it can write
 * and read again. */
#define _GNU_SOURCE /* fmemopen */
#include "fuzz.h"

#include "explore/recording.h"

static const struct lg__image image = {0x555555554000, 0x555555560000};

/* The names that were asked for, as the campaign keeps them. */
static struct {
    uint32_t parent, ordinal;
} names[256];
static uint32_t name_count;

static uint32_t find_name(uint32_t parent, uint32_t ordinal)
{
    for (uint32_t i = 1; i < name_count; i++)
        if (names[i].parent == parent && names[i].ordinal == ordinal)
            return i;
    if (name_count == 256)
        return 0;
    names[name_count].parent = parent;
    names[name_count].ordinal = ordinal;
    return name_count++;
}

static void write_name(uint32_t index, char *out, size_t size)
{
    char parent[128] = "T";
    FUZZ_CHECK(index < name_count);
    if (!index) {
        snprintf(out, size, "main");
        return;
    }
    if (names[index].parent) {
        write_name(names[index].parent, parent, sizeof parent - 1);
        strcat(parent, ".");
    }
    snprintf(out, size, "%s%u", parent, names[index].ordinal);
}

static const char *read_text(char *text, size_t size, struct lg__recording *recording,
                             unsigned *line)
{
    FILE *in = fmemopen(text, size, "r");
    FUZZ_CHECK(in);
    const char *complaint = lg__recording_read(in, &image, find_name, recording, line);
    fclose(in);
    return complaint;
}

static void check_again(struct lg__recording *recording)
{
    static struct lg__switch switches[LG__SWITCHES_MAX];
    struct lg__recording again = {.switches = switches};
    char *text = NULL;
    size_t size = 0;
    unsigned line = 0;
    FILE *out = open_memstream(&text, &size);
    FUZZ_CHECK(out && lg__recording_write(out, &image, write_name, recording));
    fclose(out);
    FUZZ_CHECK(!read_text(text, size, &again, &line));
    FUZZ_CHECK(again.count == recording->count && again.finding == recording->finding);
    FUZZ_CHECK(!memcmp(again.switches, recording->switches, again.count * sizeof *switches));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lg__switch switches[LG__SWITCHES_MAX];
    struct lg__recording recording = {.switches = switches};
    unsigned line = 0;
    if (!size)
        return 0;
    name_count = 1;
    char *copy = malloc(size);
    FUZZ_CHECK(copy);
    memcpy(copy, data, size);
    const char *complaint = read_text(copy, size, &recording, &line);
    FUZZ_CHECK(line >= 1 && (!complaint || *complaint));
    if (!complaint)
        check_again(&recording);
    free(copy);
    return 0;
}
