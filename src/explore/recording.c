#include "explore/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 1024
#define DEPTH_MAX 16 /* of a thread's name */

static const char *const kinds[] = {"free", "preempt", "choice"};

/* ---- Writing ----------------------------------------------------------------------------------------- */

static void write_site(FILE *out, const struct lg__image *image, uint64_t site)
{
    bool is_inside = site >= image->begin && site < image->end;
    fprintf(out, is_inside ? " +%lx" : " %lx",
            (unsigned long)(is_inside ? site - image->begin : site));
}

static void write_argument(FILE *out, const char *text)
{
    fputs("argument ", out);
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        fprintf(out, byte < 32 || byte == '%' || byte > 126 ? "%%%02x" : "%c", byte);
    }
    fputc('\n', out);
}

bool lg__recording_write(FILE *out, const struct lg__image *image, lg__name_writer *write_name,
                         const struct lg__recording *recording)
{
    fprintf(out, "lifeguard-replay 1\nprogram %s\nimage %lx\n", recording->program,
            (unsigned long)recording->image);
    for (char **argument = recording->arguments; argument && *argument; argument++)
        write_argument(out, *argument);
    fprintf(out, "finding %s\nflags %d %d\n", lg__finding_name(recording->finding),
            recording->is_exit_late, recording->is_time_early);
    char name[128];
    for (uint32_t i = 1; i < recording->name_count; i++) {
        write_name(i, name, sizeof name);
        fprintf(out, "thread %s\n", name);
    }
    for (uint32_t i = 0; i < recording->count; i++) {
        const struct lg__switch *record = &recording->switches[i];
        write_name(record->from, name, sizeof name);
        fprintf(out, "switch %s %lu %s %s", name, (unsigned long)record->ordinal,
                kinds[record->kind], lg__event_name(record->event));
        write_site(out, image, record->site);
        write_site(out, image, record->address);
        write_name(record->to, name, sizeof name);
        fprintf(out, " %s\n", name);
    }
    fprintf(out, "end %u\n", recording->count);
    return !ferror(out) && !fflush(out);
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

static bool read_number(const char *text, int base, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, base);
    return end != text && !*end && !errno && *text != '-' && *text != '+' && *text != ' ';
}

static bool read_site(const char *text, const struct lg__image *image, uint64_t *out)
{
    if (*text != '+')
        return read_number(text, 16, out);
    if (!read_number(text + 1, 16, out) || *out >= image->end - image->begin)
        return false;
    *out += image->begin;
    return true;
}

static bool read_name(const char *text, lg__name_finder *find_name, uint32_t *out)
{
    uint32_t index = 0, depth = 0;
    if (!strcmp(text, "main")) {
        *out = 0;
        return true;
    }
    if (*text++ != 'T')
        return false;
    for (;; text++) {
        char *end;
        if (*text < '1' || *text > '9' || ++depth > DEPTH_MAX)
            return false;
        unsigned long ordinal = strtoul(text, &end, 10);
        if (ordinal > 65535)
            return false;
        index = find_name(index, (uint32_t)ordinal);
        if (!index)
            return false;
        text = end;
        if (!*text) {
            *out = index;
            return true;
        }
        if (*text != '.')
            return false;
    }
}

static int find_kind(const char *name)
{
    for (int i = 0; i < 3; i++)
        if (!strcmp(kinds[i], name))
            return i;
    return -1;
}

static int find_event(const char *name)
{
    for (int i = 0; i < LG__EVENT_COUNT; i++)
        if (!strcmp(lg__event_name((enum lg__event_kind)i), name))
            return i;
    return -1;
}

static const char *read_switch(char *text, const struct lg__image *image,
                               lg__name_finder *find_name, struct lg__recording *recording)
{
    char *fields[7], *rest = NULL;
    uint32_t count = 0;
    for (char *field = strtok_r(text, " ", &rest); field; field = strtok_r(NULL, " ", &rest)) {
        if (count == 7)
            return "has too many fields";
        fields[count++] = field;
    }
    if (count < 7)
        return "has too few fields";
    if (recording->count == LG__SWITCHES_MAX)
        return "is one more switch than there may be";
    struct lg__switch record = {0};
    int kind = find_kind(fields[2]), event = find_event(fields[3]);
    if (!read_name(fields[0], find_name, &record.from) ||
        !read_name(fields[6], find_name, &record.to))
        return "names no thread that there can be";
    if (!read_number(fields[1], 10, &record.ordinal))
        return "has no number of an event";
    if (kind < 0)
        return "is of a kind that is not known";
    if (event < 0)
        return "has an event that is not known";
    if (!read_site(fields[4], image, &record.site) || !read_site(fields[5], image, &record.address))
        return "has a place that is not in the program";
    record.kind = (uint16_t)kind;
    record.event = (uint16_t)event;
    recording->switches[recording->count++] = record;
    return NULL;
}

static const char *read_finding(const char *text, struct lg__recording *recording)
{
    for (int i = 0; i < LG__FINDING_COUNT; i++) {
        if (!strcmp(lg__finding_name((enum lg__finding)i), text)) {
            recording->finding = (enum lg__finding)i;
            return NULL;
        }
    }
    return "has a finding that is not known";
}

static const char *read_flags(const char *text, struct lg__recording *recording)
{
    if (strlen(text) != 3 || (text[0] & ~1) != '0' || text[1] != ' ' || (text[2] & ~1) != '0')
        return "has flags that are not two of 0 and 1";
    recording->is_exit_late = text[0] == '1';
    recording->is_time_early = text[2] == '1';
    return NULL;
}

/* Only to know them in this order: a thread's stack and heap lie where its number says. */
static const char *read_thread(const char *text, lg__name_finder *find_name)
{
    uint32_t index;
    return read_name(text, find_name, &index) ? NULL : "names no thread that there can be";
}

static const char *read_program(const char *text, struct lg__recording *recording)
{
    if (strlen(text) >= sizeof recording->program)
        return "is too long";
    strcpy(recording->program, text);
    return NULL;
}

/* "switch ...", with its value behind the word; "end COUNT" is seen to by the caller. */
static const char *read_line(const char *word, char *value, const struct lg__image *image,
                             lg__name_finder *find_name, struct lg__recording *recording)
{
    if (!strcmp(word, "switch"))
        return read_switch(value, image, find_name, recording);
    if (!strcmp(word, "thread"))
        return read_thread(value, find_name);
    if (!strcmp(word, "program"))
        return read_program(value, recording);
    if (!strcmp(word, "argument"))
        return NULL;
    if (!strcmp(word, "image"))
        return read_number(value, 16, &recording->image) ? NULL : "has no hexadecimal number";
    if (!strcmp(word, "finding"))
        return read_finding(value, recording);
    if (!strcmp(word, "flags"))
        return read_flags(value, recording);
    return "begins with a word that is not known";
}

static const char *check_end(const char *value, const struct lg__recording *recording)
{
    uint64_t count;
    if (!read_number(value, 10, &count) || count != recording->count)
        return "says another number of switches than there are";
    return NULL;
}

const char *lg__recording_read(FILE *in, const struct lg__image *image, lg__name_finder *find_name,
                               struct lg__recording *recording, unsigned *line)
{
    char text[LINE_SIZE];
    recording->count = 0;
    for (*line = 1; fgets(text, sizeof text, in); ++*line) {
        size_t length = strlen(text);
        if (!length || text[length - 1] != '\n')
            return "is too long, or not ended, or has a zero byte";
        text[length - 1] = 0;
        if (*line == 1) {
            if (strcmp(text, "lifeguard-replay 1"))
                return "is not \"lifeguard-replay 1\": no replay file of this version";
            continue;
        }
        char *value = strchr(text, ' ');
        if (!value)
            return "has no value";
        *value++ = 0;
        if (!strcmp(text, "end"))
            return check_end(value, recording);
        const char *complaint = read_line(text, value, image, find_name, recording);
        if (complaint)
            return complaint;
    }
    return ferror(in) ? "cannot be read" : "is missing: the file ends without its last line";
}
