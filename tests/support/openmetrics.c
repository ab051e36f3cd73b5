/* OpenMetrics, line by line: a family's descriptors, then its samples, then the next family.
 *
 * The first fault ends it, with a longjmp out of whatever is being read. */
#include "support/openmetrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAMILIES_MAX 128
#define SAMPLES_MAX  4096
#define NAME_SIZE    128
#define LABELS_SIZE  512

enum type { UNTYPED, COUNTER, GAUGE, HISTOGRAM };

struct family {
    char name[NAME_SIZE];
    char unit[NAME_SIZE];
    enum type type;
    bool has_help, has_unit, has_samples;
};

/* The buckets of the histogram that is being read. */
struct buckets {
    char labels[LABELS_SIZE]; /* without le */
    double le, count, total;
    bool is_open, has_inf, has_count, has_sum;
};

struct reader {
    const char *at;
    unsigned line;
    struct family families[FAMILIES_MAX]; /* the last is the current one */
    unsigned family_count;
    const char *samples[SAMPLES_MAX]; /* where each begins; its name and labels */
    size_t lengths[SAMPLES_MAX];
    unsigned sample_count;
    struct buckets buckets;
};

static char fault[512];
static jmp_buf out;
static struct reader reader;

static _Noreturn __attribute__((format(printf, 1, 2))) void fail_with(const char *format, ...)
{
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(fault, sizeof fault, "line %u: %s", reader.line, what);
    longjmp(out, 1);
}

static bool accept(const char *word)
{
    size_t length = strlen(word);
    if (strncmp(reader.at, word, length) != 0)
        return false;
    reader.at += length;
    return true;
}

static void expect(const char *word)
{
    if (!accept(word))
        fail_with("expected \"%s\" at \"%.20s\"", word[0] == '\n' ? "(end of line)" : word,
                  reader.at);
}

/* ---- Words ----------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void read_name(char *name, bool may_have_colon)
{
    size_t length = 0;
    while (is_letter(*reader.at) || (length > 0 && is_digit(*reader.at)) ||
           (may_have_colon && *reader.at == ':')) {
        if (length + 1 == NAME_SIZE)
            fail_with("a name is too long");
        name[length++] = *reader.at++;
    }
    name[length] = 0;
    if (length == 0)
        fail_with("no name at \"%.20s\"", reader.at);
}

/* One character of UTF-8 that stands for itself. */
static void skip_character(void)
{
    const unsigned char *s = (const unsigned char *)reader.at;
    size_t length = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] >= 0x80 && (s[0] < 0xc2 || s[0] > 0xf4))
        fail_with("no UTF-8");
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            fail_with("no UTF-8");
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        fail_with("no UTF-8");
    reader.at += length;
}

/* Up to an end that is no part of it. */
static void skip_escaped(char end)
{
    while (*reader.at != end) {
        if (*reader.at == '\n' || *reader.at == 0 || *reader.at == '"')
            fail_with("a string ends early");
        if (*reader.at == '\\') {
            reader.at++;
            if (*reader.at != 'n' && *reader.at != '"' && *reader.at != '\\')
                fail_with("an escape that there is not");
        }
        skip_character();
    }
}

/* A number as the grammar has it, which is less than strtod takes. */
static double read_number(void)
{
    const char *begin = reader.at;
    if (accept("+Inf"))
        return INFINITY;
    if (*reader.at == '-' || *reader.at == '+')
        reader.at++;
    unsigned digits = 0;
    for (; is_digit(*reader.at); reader.at++)
        digits++;
    if (*reader.at == '.')
        for (reader.at++; is_digit(*reader.at); reader.at++)
            digits++;
    if (digits == 0)
        fail_with("no number at \"%.20s\"", begin);
    if (*reader.at == 'e' || *reader.at == 'E') {
        reader.at++;
        if (*reader.at == '-' || *reader.at == '+')
            reader.at++;
        if (!is_digit(*reader.at))
            fail_with("an exponent without digits");
        while (is_digit(*reader.at))
            reader.at++;
    }
    return strtod(begin, NULL);
}

/* ---- Families -------------------------------------------------------------------------------- */

static struct family *current(void)
{
    return reader.family_count ? &reader.families[reader.family_count - 1] : NULL;
}

/* The histogram that was being read has all its parts. */
static void close_buckets(void)
{
    struct buckets *buckets = &reader.buckets;
    if (!buckets->is_open)
        return;
    if (!buckets->has_inf || !buckets->has_count || !buckets->has_sum)
        fail_with("the histogram before lacks +Inf, _count or _sum");
    if (buckets->count != buckets->total)
        fail_with("the histogram before has another _count than its +Inf");
    buckets->is_open = false;
}

static void close_family(void)
{
    const struct family *family = current();
    if (!family)
        return;
    close_buckets();
    if (family->type == UNTYPED || !family->has_help || !family->has_samples)
        fail_with("the family %s lacks its type, its help or all samples", family->name);
}

static struct family *open_family(const char *name)
{
    struct family *family = current();
    if (family && strcmp(family->name, name) == 0) {
        if (family->has_samples)
            fail_with("a descriptor of %s after its samples", name);
        return family;
    }
    close_family();
    for (unsigned i = 0; i < reader.family_count; i++)
        if (strcmp(reader.families[i].name, name) == 0)
            fail_with("%s is in two places", name);
    if (reader.family_count == FAMILIES_MAX)
        fail_with("too many families");
    family = &reader.families[reader.family_count++];
    *family = (struct family){0};
    strcpy(family->name, name);
    return family;
}

static void read_type(struct family *family)
{
    static const char *const words[] = {
        [COUNTER] = "counter\n", [GAUGE] = "gauge\n", [HISTOGRAM] = "histogram\n"};
    if (family->type != UNTYPED)
        fail_with("%s has two types", family->name);
    for (enum type type = COUNTER; type <= HISTOGRAM; type++)
        if (accept(words[type]))
            family->type = type;
    if (family->type == UNTYPED)
        fail_with("a type that there is not, or not here");
}

static void read_unit(struct family *family)
{
    if (family->has_unit)
        fail_with("%s has two units", family->name);
    family->has_unit = true;
    read_name(family->unit, false);
    expect("\n");
    size_t length = strlen(family->name), unit = strlen(family->unit);
    if (length <= unit + 1 || strcmp(family->name + length - unit, family->unit) != 0 ||
        family->name[length - unit - 1] != '_')
        fail_with("%s does not end with its unit", family->name);
}

static void read_help(struct family *family)
{
    if (family->has_help)
        fail_with("%s has two helps", family->name);
    family->has_help = true;
    skip_escaped('\n');
    expect("\n");
}

static void read_descriptor(void)
{
    char name[NAME_SIZE];
    char what = accept("TYPE ") ? 't' : accept("UNIT ") ? 'u' : accept("HELP ") ? 'h' : 0;
    if (!what)
        fail_with("a comment that is no descriptor");
    read_name(name, true);
    expect(" ");
    struct family *family = open_family(name);
    if (what == 't')
        read_type(family);
    else if (what == 'u')
        read_unit(family);
    else
        read_help(family);
}

/* ---- Samples --------------------------------------------------------------------------------- */

struct sample {
    char suffix[NAME_SIZE];   /* of the name, behind the family's */
    char labels[LABELS_SIZE]; /* as written, without le */
    double le;                /* NAN: none */
    double value;
};

static void read_le(struct sample *sample)
{
    if (!isnan(sample->le))
        fail_with("two le");
    sample->le = read_number();
    if (*reader.at != '"')
        fail_with("le is no number");
}

static void read_labels(struct sample *sample)
{
    char names[8][NAME_SIZE];
    unsigned count = 0;
    size_t length = 0;
    do {
        const char *begin = reader.at;
        if (count == 8)
            fail_with("too many labels");
        read_name(names[count], false);
        for (unsigned i = 0; i < count; i++)
            if (strcmp(names[i], names[count]) == 0)
                fail_with("the label %s twice", names[i]);
        expect("=\"");
        bool is_le = strcmp(names[count++], "le") == 0;
        if (is_le)
            read_le(sample);
        else
            skip_escaped('"');
        expect("\"");
        size_t more = is_le ? 0 : (size_t)(reader.at - begin);
        if (length + more + 2 > sizeof sample->labels)
            fail_with("labels are too long");
        memcpy(sample->labels + length, begin, more);
        length += more;
        if (more)
            sample->labels[length++] = ',';
    } while (accept(","));
    sample->labels[length] = 0;
    expect("}");
}

static void remember(const char *begin)
{
    size_t length = (size_t)(reader.at - begin);
    for (unsigned i = 0; i < reader.sample_count; i++)
        if (reader.lengths[i] == length && memcmp(reader.samples[i], begin, length) == 0)
            fail_with("the sample %.*s twice", (int)length, begin);
    if (reader.sample_count == SAMPLES_MAX)
        fail_with("too many samples");
    reader.samples[reader.sample_count] = begin;
    reader.lengths[reader.sample_count++] = length;
}

static void check_bucket(struct buckets *buckets, const struct sample *sample)
{
    if (isnan(sample->le))
        fail_with("a bucket without le");
    if (buckets->has_count || buckets->has_sum)
        fail_with("a bucket after its _count or _sum");
    if (!(sample->le > buckets->le))
        fail_with("le does not grow");
    if (sample->value < buckets->total)
        fail_with("a bucket has less than the one before it");
    buckets->le = sample->le;
    buckets->total = sample->value;
    buckets->has_inf = isinf(sample->le);
}

static void check_histogram(const struct sample *sample)
{
    struct buckets *buckets = &reader.buckets;
    if (!buckets->is_open || strcmp(buckets->labels, sample->labels) != 0) {
        close_buckets();
        *buckets = (struct buckets){.is_open = true, .le = -INFINITY};
        strcpy(buckets->labels, sample->labels);
    }
    if (strcmp(sample->suffix, "_bucket") == 0) {
        check_bucket(buckets, sample);
    } else if (strcmp(sample->suffix, "_count") == 0 && isnan(sample->le)) {
        buckets->has_count = true;
        buckets->count = sample->value;
    } else if (strcmp(sample->suffix, "_sum") == 0 && isnan(sample->le)) {
        buckets->has_sum = true;
    } else {
        fail_with("no sample of a histogram: %s", sample->suffix);
    }
    if (strcmp(sample->suffix, "_sum") != 0 && (double)(uint64_t)sample->value != sample->value)
        fail_with("a broken count");
}

static void check_sample(const struct family *family, const struct sample *sample)
{
    if (family->type == UNTYPED || !family->has_help)
        fail_with("a sample before its type or help");
    if (family->type != HISTOGRAM && !isnan(sample->le))
        fail_with("le, and no histogram");
    if (family->type != GAUGE && (sample->value < 0 || isinf(sample->value)))
        fail_with("a count below zero or without end");
    if (family->type == HISTOGRAM)
        check_histogram(sample);
    else if (strcmp(sample->suffix, family->type == COUNTER ? "_total" : "") != 0)
        fail_with("no sample of %s", family->name);
}

static void read_sample(void)
{
    struct family *family = current();
    struct sample sample = {.le = NAN};
    char name[NAME_SIZE];
    const char *begin = reader.at;
    read_name(name, true);
    if (!family || strncmp(name, family->name, strlen(family->name)) != 0)
        fail_with("%s is not of the family above", name);
    strcpy(sample.suffix, name + strlen(family->name));
    if (accept("{"))
        read_labels(&sample);
    remember(begin);
    expect(" ");
    sample.value = read_number();
    expect("\n");
    check_sample(family, &sample);
    family->has_samples = true;
}

const char *openmetrics_fault(const char *text)
{
    reader = (struct reader){.at = text, .line = 1};
    if (setjmp(out))
        return fault;
    while (!accept("# EOF\n")) {
        if (accept("# "))
            read_descriptor();
        else
            read_sample();
        reader.line++;
    }
    close_family();
    if (*reader.at)
        fail_with("something after the end");
    return NULL;
}

/* ---- Looking up ------------------------------------------------------------------------------ */

/* The line that begins so. */
static const char *find_line(const char *text, const char *beginning, char next)
{
    size_t length = strlen(beginning);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, beginning, length) == 0 && line[length] == next)
            return line + length + 1;
    }
    return NULL;
}

bool openmetrics_value(const char *text, const char *sample, double *value)
{
    const char *found = find_line(text, sample, ' ');
    if (found)
        *value = strtod(found, NULL);
    return found != NULL;
}

bool openmetrics_label(const char *text, const char *name, const char *label, char *value,
                       size_t size)
{
    char wanted[NAME_SIZE];
    size_t length = 0;
    const char *at = find_line(text, name, '{');
    snprintf(wanted, sizeof wanted, "%s=\"", label);
    at = at ? strstr(at, wanted) : NULL;
    if (!at)
        return false;
    for (at += strlen(wanted); *at != '"' && length + 1 < size; at++) {
        bool is_escaped = *at == '\\';
        at += is_escaped;
        value[length++] = is_escaped && *at == 'n' ? '\n' : *at;
    }
    value[length] = 0;
    return *at == '"';
}
