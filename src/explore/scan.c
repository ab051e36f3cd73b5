/* scanf: what was written to is known when it is over; how much is assigned its result says. */
#define __NO_INLINE__ 1

#include "explore/access.h"
#include "explore/caller.h"
#include "explore/intercept.h"
#include "explore/memory.h"
#include "explore/stream.h"

#include <stdarg.h>

struct walk {
    const char *at;
    va_list arguments;
    uint64_t site;
};

struct directive {
    size_t width; /* 0: none */
    size_t size;  /* of an integer; a real one that is not long has 4 */
    bool is_dropped;
    bool is_allocated;
    bool is_long;
};

static struct directive read_directive(struct walk *walk)
{
    struct directive directive = {.size = sizeof(int)};
    for (;; walk->at++) {
        char letter = *walk->at;
        if (letter == '*')
            directive.is_dropped = true;
        else if (letter == 'm')
            directive.is_allocated = true;
        else if (letter >= '0' && letter <= '9')
            directive.width = directive.width * 10 + (size_t)(letter - '0');
        else if (letter == 'h')
            directive.size = directive.size == sizeof(short) ? 1 : sizeof(short);
        else if (letter == 'L' || letter == 'q' || letter == 'l' || letter == 'j' ||
                 letter == 'z' || letter == 't')
            directive.size = letter == 'L' ? sizeof(long double) : sizeof(long);
        else if (letter != '\'' && letter != 'I')
            return directive;
        directive.is_long = directive.is_long || letter == 'l';
    }
}

static void skip_set(struct walk *walk)
{
    if (*walk->at == '^')
        walk->at++;
    if (*walk->at == ']')
        walk->at++;
    while (*walk->at && *walk->at != ']')
        walk->at++;
    if (*walk->at)
        walk->at++;
}

/* Wide characters are left out. */
static void note(struct walk *walk, const struct directive *directive, char letter)
{
    void *to = va_arg(walk->arguments, void *);
    bool is_text = letter == 's' || letter == '[' || letter == 'c';
    size_t size = directive->size;
    if (directive->is_allocated)
        size = sizeof(char *);
    else if (is_text && directive->is_long)
        size = 0;
    else if (letter == 'c')
        size = directive->width ? directive->width : 1;
    else if (is_text)
        size = lg__real()->strlen(to) + 1;
    else if (letter == 'p')
        size = sizeof(void *);
    lg__access_range((uintptr_t)to, size, true, walk->site);
}

/* One conversion.  False: what follows is not known. */
static bool follow(struct walk *walk, int *left)
{
    if (*walk->at == '%') {
        walk->at++;
        return true;
    }
    struct directive directive = read_directive(walk);
    char letter = *walk->at;
    static const char known[] = "diouxXnaAeEfFgGsc[pCS";
    if (!letter || !lg__real()->strchr(known, letter))
        return false;
    walk->at++;
    if (letter == '[')
        skip_set(walk);
    if (directive.is_dropped)
        return true;
    if (letter != 'n' && (*left)-- == 0)
        return false;
    if (letter == 'C' || letter == 'S')
        directive.is_long = true;
    note(walk, &directive, letter == 'C' ? 'c' : letter == 'S' ? 's' : letter);
    return true;
}

static void note_assigned(const char *format, va_list arguments, int count, uint64_t site)
{
    struct walk walk = {.at = format, .site = site};
    va_copy(walk.arguments, arguments);
    bool is_known = count >= 0;
    while (is_known && *walk.at)
        if (*walk.at++ == '%')
            is_known = follow(&walk, &count);
    va_end(walk.arguments);
}

/* ---- The names: what the headers make of scanf and its kin ----------------------------------------------- */

typedef int scan_stream(FILE *, const char *, va_list);
typedef int scan_text(const char *, const char *, va_list);

static int from_stream(scan_stream *scan, FILE *stream, const char *format, va_list arguments,
                       uint64_t site)
{
    struct lg__object *object = lg__stream_begin(stream, site);
    va_list copy;
    va_copy(copy, arguments);
    int count = scan(stream, format, copy);
    va_end(copy);
    if (object)
        note_assigned(format, arguments, count, site);
    lg__stream_end(object);
    return count;
}

static int from_text(scan_text *scan, const char *text, const char *format, va_list arguments,
                     uint64_t site)
{
    bool is_watched = lg__caller_is_watched(site);
    if (is_watched)
        lg__memory_read_text(text, SIZE_MAX, site);
    va_list copy;
    va_copy(copy, arguments);
    int count = scan(text, format, copy);
    va_end(copy);
    if (is_watched)
        note_assigned(format, arguments, count, site);
    return count;
}

#define SCANF(prefix)                                                                              \
    LG__EXPORT int prefix##vfscanf(FILE *restrict, const char *restrict, va_list);                 \
    LG__EXPORT int prefix##vscanf(const char *restrict, va_list);                                  \
    LG__EXPORT int prefix##vsscanf(const char *restrict, const char *restrict, va_list);           \
    LG__EXPORT int prefix##fscanf(FILE *restrict, const char *restrict, ...);                      \
    LG__EXPORT int prefix##scanf(const char *restrict, ...);                                       \
    LG__EXPORT int prefix##sscanf(const char *restrict, const char *restrict, ...);                \
    int prefix##vfscanf(FILE *restrict stream, const char *restrict format, va_list arguments)     \
    {                                                                                              \
        return from_stream(lg__real()->prefix##vfscanf, stream, format, arguments, LG__SITE);      \
    }                                                                                              \
    int prefix##vscanf(const char *restrict format, va_list arguments)                             \
    {                                                                                              \
        return from_stream(lg__real()->prefix##vfscanf, stdin, format, arguments, LG__SITE);       \
    }                                                                                              \
    int prefix##vsscanf(const char *restrict text, const char *restrict format, va_list arguments) \
    {                                                                                              \
        return from_text(lg__real()->prefix##vsscanf, text, format, arguments, LG__SITE);          \
    }                                                                                              \
    int prefix##fscanf(FILE *restrict stream, const char *restrict format, ...)                    \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        int count = from_stream(lg__real()->prefix##vfscanf, stream, format, arguments, LG__SITE); \
        va_end(arguments);                                                                         \
        return count;                                                                              \
    }                                                                                              \
    int prefix##scanf(const char *restrict format, ...)                                            \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        int count = from_stream(lg__real()->prefix##vfscanf, stdin, format, arguments, LG__SITE);  \
        va_end(arguments);                                                                         \
        return count;                                                                              \
    }                                                                                              \
    int prefix##sscanf(const char *restrict text, const char *restrict format, ...)                \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        int count = from_text(lg__real()->prefix##vsscanf, text, format, arguments, LG__SITE);     \
        va_end(arguments);                                                                         \
        return count;                                                                              \
    }

SCANF(__isoc99_)
SCANF(__isoc23_)
