/* Command lines (options.h). */
#include "options.h"

#include "terminal.h"
#include "verb.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int options_refuse(const char *verb, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "lifeguard %s: ", verb);
    terminal_print_line(stderr, text);
    return EXIT_USAGE;
}

/* A short option is told by its letter (optopt); the next word is looked at only when this one is done. */
int options_refuse_word(const char *verb, int key, char **argv)
{
    const char *word = argv[optind - 1];
    bool is_short = optopt != 0 && optopt < OPTIONS_LONG;
    if (key == '?' && is_short && !(word[0] == '-' && word[1] && !word[2]))
        word = argv[optind];
    if (key == ':')
        return options_refuse(verb, "%s needs a value; see lifeguard help %s", word, verb);
    return options_refuse(verb, "unknown option %s; see lifeguard help %s", word, verb);
}

/* strtoull alone takes signs, spaces and trailing letters. */
bool options_read_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    uint64_t number = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
    if (!end || *end || errno || number < min || number > max)
        return false;
    *out = number;
    return true;
}

bool options_read_real(const char *text, double min, double max, double *out)
{
    char *end = NULL;
    double number = isdigit((unsigned char)text[0]) ? strtod(text, &end) : 0;
    if (!end || *end || !(number >= min && number <= max))
        return false;
    *out = number;
    return true;
}

const char *options_shown(const char *argument)
{
    return *argument ? argument : "''";
}
