/* The program's source, for the lines that a story goes through.  Files are read once, as far as they are there
 * and are files. */
#include "explore.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MAX 32
#define BYTES_MAX ((off_t)16 << 20) /* a larger one is no source */
#define LINE_SIZE 160

struct source {
    char *path;
    char *text; /* NULL: it cannot be read */
};

static struct source sources[FILES_MAX];
static size_t source_count;

static char *read_all(const char *path)
{
    struct stat status;
    if (stat(path, &status) || !S_ISREG(status.st_mode) || status.st_size > BYTES_MAX)
        return NULL;
    FILE *in = fopen(path, "r");
    char *text = in ? malloc((size_t)status.st_size + 1) : NULL;
    if (text)
        text[fread(text, 1, (size_t)status.st_size, in)] = 0;
    if (in)
        fclose(in);
    return text;
}

static const char *text_of(const char *path)
{
    for (size_t i = 0; i < source_count; i++)
        if (!strcmp(sources[i].path, path))
            return sources[i].text;
    if (source_count == FILES_MAX)
        return NULL;
    char *copy = strdup(path);
    if (!copy)
        return NULL;
    sources[source_count] = (struct source){copy, read_all(path)};
    return sources[source_count++].text;
}

/* Blanks are one space each; what a terminal would obey (U+0080 to U+009F are controls as well) is none. */
static char tame(const char *at)
{
    if (*at == '\t')
        return ' ';
    bool is_control = (unsigned char)*at < ' ' || *at == 127 ||
                      ((unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0);
    return is_control ? '?' : *at;
}

const char *explore_source_line(const char *file, unsigned line)
{
    static char out[LINE_SIZE];
    const char *at = *file && line ? text_of(file) : NULL;
    size_t used = 0;
    for (unsigned i = 1; at && i < line; i++) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    if (at)
        at += strspn(at, " \t");
    for (; at && *at && *at != '\n' && *at != '\r' && used < sizeof out - 1; at++)
        out[used++] = tame(at);
    while (used && out[used - 1] == ' ')
        used--;
    out[used] = 0;
    return out;
}
