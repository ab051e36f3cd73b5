/* The checker for DOT.  UTF-8 is judged by the JSON checker, which knows it. */
#include "support/dot.h"

#include "support/json.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

/* Each function returns where its part ends, after white space, or NULL if it is not there. */

static const char *skip_space(const char *s)
{
    return s + strspn(s, " \t\r\n");
}

static const char *skip_word(const char *s, const char *word)
{
    size_t length = strlen(word);
    return s && strncmp(s, word, length) == 0 ? skip_space(s + length) : NULL;
}

static const char *skip_string(const char *s)
{
    for (s++; *s != '"'; s++) {
        if ((unsigned char)*s < 0x20)
            return NULL;
        if (*s == '\\' && *++s == 0)
            return NULL;
    }
    return skip_space(s + 1);
}

static const char *skip_id(const char *s)
{
    if (!s)
        return NULL;
    if (*s == '"')
        return skip_string(s);
    size_t length = 0;
    while (isalnum((unsigned char)s[length]) || s[length] == '_')
        length++;
    return length > 0 ? skip_space(s + length) : NULL;
}

static const char *skip_attributes(const char *s)
{
    s = skip_word(s, "[");
    for (;;) {
        s = skip_id(skip_word(skip_id(s), "="));
        if (!s || *s != ',')
            return skip_word(s, "]");
        s = skip_space(s + 1);
    }
}

static const char *skip_statement(const char *s)
{
    s = skip_id(s);
    if (!s)
        return NULL;
    if (*s == '=')
        return skip_word(skip_id(skip_space(s + 1)), ";");
    if (strncmp(s, "->", 2) == 0)
        s = skip_id(skip_space(s + 2));
    if (s && *s == '[')
        s = skip_attributes(s);
    return skip_word(s, ";");
}

static bool is_utf8(const char *s)
{
    char one[8];
    for (; *s; s++) {
        size_t length = 1;
        while (((unsigned char)s[length] & 0xc0) == 0x80 && length < 4)
            length++;
        if ((unsigned char)*s < 0x80 && length == 1)
            continue;
        one[0] = one[length + 1] = '"';
        one[length + 2] = 0;
        memcpy(one + 1, s, length);
        if (!json_is_valid(one))
            return false;
        s += length - 1;
    }
    return true;
}

bool dot_is_valid(const char *text)
{
    const char *s = skip_word(skip_id(skip_word(skip_space(text), "digraph ")), "{");
    while (s && *s != '}')
        s = skip_statement(s);
    s = skip_word(s, "}");
    return s && *s == 0 && is_utf8(text);
}

unsigned dot_count_edges(const char *text)
{
    unsigned count = 0;
    while ((text = strstr(text, " -> "))) {
        count++;
        text += 4;
    }
    return count;
}
