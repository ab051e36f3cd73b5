/* A strict checker for JSON (RFC 8259), and a way to reach into it, for what the library writes. */
#ifndef LG_TEST_JSON_H
#define LG_TEST_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the text is one JSON value in valid UTF-8, with white space around it at most, no key
 * twice in one object, no escape but those of the standard. */
bool json_is_valid(const char *text);

/* The value at a path such as "members.0.holds.1.name", as it is written (strings without their
 * quotes, escapes undone); false if there is none or it does not fit.  The text must be valid. */
bool json_get(const char *text, const char *path, char *value, size_t size);

#endif
