/* printf's format is followed as far as it is known: an argument of unknown size ends it, and so do numbered
 * ones. */
#include "explore/format.h"

#include "explore/memory.h"
#include "explore/wide.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct walk {
    const char *at;
    va_list arguments;
    uint64_t site;
};

struct directive {
    size_t precision; /* SIZE_MAX: none */
    bool is_long;
    bool is_wide; /* long long, or long double */
};

static bool is_flag(char letter)
{
    return letter == '-' || letter == '+' || letter == ' ' || letter == '#' || letter == '0' ||
           letter == '\'' || letter == 'I';
}

/* A width or a precision; negative if the argument is. */
static long read_number(struct walk *walk)
{
    long number = 0;
    if (*walk->at == '*') {
        walk->at++;
        return va_arg(walk->arguments, int);
    }
    for (; *walk->at >= '0' && *walk->at <= '9'; walk->at++)
        if (number < INT32_MAX)
            number = number * 10 + (*walk->at - '0');
    return number;
}

static struct directive read_directive(struct walk *walk)
{
    struct directive directive = {.precision = SIZE_MAX};
    while (is_flag(*walk->at))
        walk->at++;
    read_number(walk);
    if (*walk->at == '.') {
        walk->at++;
        long precision = read_number(walk);
        directive.precision = precision < 0 ? SIZE_MAX : (size_t)precision;
    }
    for (;; walk->at++) {
        char letter = *walk->at;
        if (letter == 'l' && directive.is_long)
            directive.is_wide = true;
        else if (letter == 'L' || letter == 'q')
            directive.is_wide = true;
        else if (letter == 'l' || letter == 'j' || letter == 'z' || letter == 'Z' || letter == 't')
            directive.is_long = true;
        else if (letter != 'h')
            return directive;
    }
}

/* long, size_t, ptrdiff_t and intmax_t have one size on the machines that explore knows. */
static void skip_integer(struct walk *walk, const struct directive *directive)
{
    if (directive->is_wide)
        (void)va_arg(walk->arguments, long long);
    else if (directive->is_long)
        (void)va_arg(walk->arguments, long);
    else
        (void)va_arg(walk->arguments, int);
}

static void skip_real(struct walk *walk, const struct directive *directive)
{
    if (directive->is_wide)
        (void)va_arg(walk->arguments, long double);
    else
        (void)va_arg(walk->arguments, double);
}

static void read_text(struct walk *walk, const struct directive *directive)
{
    const void *text = va_arg(walk->arguments, const void *);
    size_t most = SIZE_MAX / sizeof(wchar_t);
    if (text && directive->is_long)
        lg__wide_read_text(text, directive->precision < most ? directive->precision : most,
                           walk->site);
    else if (text)
        lg__memory_read_text(text, directive->precision, walk->site);
}

/* False: what follows is not known. */
static bool follow(struct walk *walk)
{
    struct directive directive = read_directive(walk);
    switch (*walk->at++) {
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
        skip_integer(walk, &directive);
        return true;
    case 'c':
    case 'C':
        (void)va_arg(walk->arguments, int);
        return true;
    case 'a':
    case 'A':
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        skip_real(walk, &directive);
        return true;
    case 'S':
        directive.is_long = true;
        read_text(walk, &directive);
        return true;
    case 's':
        read_text(walk, &directive);
        return true;
    case 'p':
    case 'n':
        (void)va_arg(walk->arguments, void *);
        return true;
    case 'm':
    case '%':
        return true;
    default:
        return false;
    }
}

void lg__format_read(const char *format, va_list arguments, uint64_t site)
{
    struct walk walk = {.at = format, .site = site};
    va_copy(walk.arguments, arguments);
    bool is_known = true;
    while (is_known && *walk.at)
        if (*walk.at++ == '%')
            is_known = follow(&walk);
    va_end(walk.arguments);
}

/* Its directives are the same; a format that is longer than any is followed as far as there is room. */
void lg__format_read_wide(const wchar_t *format, va_list arguments, uint64_t site)
{
    char narrow[1024];
    size_t length = 0;
    for (; length < sizeof narrow - 1 && format[length]; length++)
        narrow[length] = format[length] < 127 ? (char)format[length] : '?';
    narrow[length] = 0;
    lg__format_read(narrow, arguments, site);
}
