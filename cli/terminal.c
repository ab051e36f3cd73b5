/* What people see (terminal.h). */
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool terminal_obeys(FILE *stream)
{
    const char *kind = getenv("TERM");
    return isatty(fileno(stream)) && !(kind && !strcmp(kind, "dumb"));
}

const char *terminal_colour(FILE *stream, enum colour colour)
{
    static const char *const escapes[] = {
        [COLOUR_GOOD] = "\033[32m",
        [COLOUR_BAD] = "\033[31m",
        [COLOUR_DIM] = "\033[2m",
        [COLOUR_OFF] = "\033[0m",
    };
    const char *refusal = getenv("NO_COLOR");
    return (refusal && *refusal) || !terminal_obeys(stream) ? "" : escapes[colour];
}

const char *terminal_grouped(int64_t number, char buffer[GROUPED_SIZE])
{
    char digits[GROUPED_SIZE];
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)size);
    char *out = buffer;
    if (number < 0)
        *out++ = '-';
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = 0;
    return buffer;
}

/* Bytes of the UTF-8 character at p; 0 if it is none (overlong forms and surrogates included). */
static int utf8_length(const unsigned char *p)
{
    int length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] > 0xf4)
        return 0;
    for (int i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return length;
}

void terminal_print_json(FILE *stream, const char *string)
{
    const unsigned char *p = (const unsigned char *)string;
    fputc('"', stream);
    while (*p) {
        int length = utf8_length(p);
        if (*p == '"' || *p == '\\')
            fprintf(stream, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            fprintf(stream, "\\u%04x", *p);
        else if (length)
            fwrite(p, 1, (size_t)length, stream);
        else
            fputc('?', stream);
        p += length ? length : 1;
    }
    fputc('"', stream);
}

static const char *html_entity(unsigned char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* U+0080 to U+009F are controls as well. */
static bool is_control(const unsigned char *p)
{
    return (p[0] < 0x20 && p[0] != '\n' && p[0] != '\t') || p[0] == 0x7f ||
           (p[0] == 0xc2 && p[1] < 0xa0);
}

void terminal_print_html(FILE *stream, const char *string)
{
    const unsigned char *p = (const unsigned char *)string;
    while (*p) {
        int length = utf8_length(p);
        const char *entity = html_entity(*p);
        if (entity)
            fputs(entity, stream);
        else if (length && !is_control(p))
            fwrite(p, 1, (size_t)length, stream);
        else
            fputc('?', stream);
        p += length ? length : 1;
    }
}

void terminal_print_line(FILE *stream, const char *string)
{
    const unsigned char *p = (const unsigned char *)string;
    while (*p) {
        int length = utf8_length(p);
        if (length && !is_control(p) && *p != '\n')
            fwrite(p, 1, (size_t)length, stream);
        else
            fputc('?', stream);
        p += length ? length : 1;
    }
    fputc('\n', stream);
}

#define BAR_WIDTH 24

void terminal_progress(FILE *stream, double fraction, const char *text)
{
    char bar[BAR_WIDTH + 1] = "";
    int filled = (int)(fraction * BAR_WIDTH);
    if (fraction >= 0)
        for (int i = 0; i < BAR_WIDTH; i++)
            bar[i] = i < filled ? '#' : '.';
    fprintf(stream, "\r  %s  %s\033[K", bar, text);
    fflush(stream);
}

void terminal_progress_end(FILE *stream)
{
    fputs("\r\033[K", stream);
    fflush(stream);
}
