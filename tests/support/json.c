/* The JSON checker. */
#include "support/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32
#define KEYS_MAX  64

/* By bytes: under the address sanitizer functions for strings look at all of the text that is left. */
static size_t count_of(const char *s, const char *set)
{
    size_t n = 0;
    while (s[n] && strchr(set, s[n]))
        n++;
    return n;
}

static bool begins_with(const char *s, const char *prefix, size_t length)
{
    size_t n = 0;
    while (n < length && s[n] == prefix[n])
        n++;
    return n == length;
}

/* Each skip function returns where its value ends, or NULL if there is none. */

static const char *skip_space(const char *s)
{
    return s + count_of(s, " \t\r\n");
}

static size_t count_continuation(const unsigned char *s, size_t wanted)
{
    size_t n = 0;
    while (n < wanted && (s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* One character that is not ASCII, by the table of RFC 3629, section 4. */
static const char *skip_wide(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t tail = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : 1;
    if (s[0] < 0xc2 || s[0] > 0xf4 || count_continuation(s + 1, tail) != tail)
        return NULL;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return NULL;
    return text + 1 + tail;
}

static const char *skip_escape(const char *s)
{
    if (s[1] == 'u')
        return count_of(s + 2, "0123456789abcdefABCDEF") >= 4 ? s + 6 : NULL;
    return s[1] && strchr("\"\\/bfnrt", s[1]) ? s + 2 : NULL;
}

static const char *skip_string(const char *s)
{
    if (*s++ != '"')
        return NULL;
    while (s && *s != '"') {
        if ((unsigned char)*s < 0x20)
            return NULL; /* also the end of the text */
        s = *s == '\\' ? skip_escape(s) : (unsigned char)*s >= 0x80 ? skip_wide(s) : s + 1;
    }
    return s ? s + 1 : NULL;
}

static const char *skip_digits(const char *s)
{
    size_t n = count_of(s, "0123456789");
    return n > 0 ? s + n : NULL;
}

static const char *skip_number(const char *s)
{
    s += *s == '-';
    s = *s == '0' ? s + 1 : skip_digits(s);
    if (s && *s == '.')
        s = skip_digits(s + 1);
    if (s && (*s == 'e' || *s == 'E')) {
        s++;
        s = skip_digits(s + (*s == '+' || *s == '-'));
    }
    return s;
}

static const char *skip_word(const char *s, const char *word)
{
    size_t length = strlen(word);
    return begins_with(s, word, length) ? s + length : NULL;
}

static const char *skip_value(const char *s, int depth);

static bool is_repeated(const char *const keys[], size_t count, const char *key, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (begins_with(keys[i], key, length))
            return true; /* `length` has both quotes in it */
    return false;
}

static const char *skip_object(const char *s, int depth)
{
    const char *keys[KEYS_MAX];
    size_t count = 0;
    s = skip_space(s + 1);
    if (*s == '}')
        return s + 1;
    for (;;) {
        const char *end = skip_string(s);
        if (!end || count == KEYS_MAX || is_repeated(keys, count, s, (size_t)(end - s)))
            return NULL;
        keys[count++] = s;
        s = skip_space(end);
        if (*s != ':')
            return NULL;
        s = skip_value(skip_space(s + 1), depth);
        if (!s)
            return NULL;
        s = skip_space(s);
        if (*s == '}')
            return s + 1;
        if (*s != ',')
            return NULL;
        s = skip_space(s + 1);
    }
}

static const char *skip_array(const char *s, int depth)
{
    s = skip_space(s + 1);
    if (*s == ']')
        return s + 1;
    for (;;) {
        s = skip_value(s, depth);
        if (!s)
            return NULL;
        s = skip_space(s);
        if (*s == ']')
            return s + 1;
        if (*s != ',')
            return NULL;
        s = skip_space(s + 1);
    }
}

static const char *skip_value(const char *s, int depth)
{
    if (depth == DEPTH_MAX)
        return NULL;
    switch (*s) {
    case '{':
        return skip_object(s, depth + 1);
    case '[':
        return skip_array(s, depth + 1);
    case '"':
        return skip_string(s);
    case 't':
        return skip_word(s, "true");
    case 'f':
        return skip_word(s, "false");
    case 'n':
        return skip_word(s, "null");
    default:
        return skip_number(s);
    }
}

bool json_is_valid(const char *text)
{
    const char *end = skip_value(skip_space(text), 0);
    return end && *skip_space(end) == 0;
}

/* The member of an object with this key, or NULL. */
static const char *find_member(const char *s, const char *key, size_t length)
{
    s = skip_space(s + 1);
    while (*s == '"') {
        const char *end = skip_string(s);
        const char *value = skip_space(skip_space(end) + 1);
        if ((size_t)(end - s) == length + 2 && begins_with(s + 1, key, length))
            return value;
        s = skip_space(skip_value(value, 0));
        s = skip_space(s + (*s == ','));
    }
    return NULL;
}

static const char *find_element(const char *s, unsigned long index)
{
    s = skip_space(s + 1);
    for (; *s != ']' && index > 0; index--) {
        s = skip_space(skip_value(s, 0));
        s = skip_space(s + (*s == ','));
    }
    return *s == ']' ? NULL : s;
}

static void copy_string(const char *s, const char *end, char *value)
{
    for (s++; s < end - 1; s++) {
        if (*s != '\\') {
            *value++ = *s;
        } else if (s[1] == 'u') {
            char digits[5] = {s[2], s[3], s[4], s[5], 0};
            *value++ = (char)strtoul(digits, NULL, 16); /* the library escapes control bytes only */
            s += 5;
        } else {
            *value++ = *++s;
        }
    }
    *value = 0;
}

bool json_get(const char *text, const char *path, char *value, size_t size)
{
    const char *s = skip_space(text);
    while (s && *path) {
        size_t length = strcspn(path, ".");
        if (*s == '{')
            s = find_member(s, path, length);
        else if (*s == '[')
            s = find_element(s, strtoul(path, NULL, 10));
        else
            s = NULL;
        path += length + (path[length] == '.');
    }
    const char *end = s ? skip_value(s, 0) : NULL;
    if (!end || (size_t)(end - s) >= size)
        return false;
    if (*s == '"')
        copy_string(s, end, value);
    else
        snprintf(value, size, "%.*s", (int)(end - s), s);
    return true;
}
