#include "match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_anything(const json_t *expected)
{
    if (json_is_string(expected))
        return !strcmp(json_string_value(expected), "42");
    return json_is_integer(expected) && json_integer_value(expected) == 42;
}

static bool is_equal(json_t *actual, json_t *expected, bool is_loose)
{
    if (json_is_number(actual) && json_is_number(expected))
        return json_number_value(actual) == json_number_value(expected);
    if (is_loose && json_is_string(actual) && json_is_string(expected))
        return !strcasecmp(json_string_value(actual), json_string_value(expected));
    return json_equal(actual, expected) != 0;
}

static bool refuse(json_t *actual, json_t *expected, const char *where, struct complaint *complaint)
{
    char *actual_text = actual ? json_dumps(actual, JSON_ENCODE_ANY) : NULL;
    char *expected_text = json_dumps(expected, JSON_ENCODE_ANY);
    complain(complaint, "%s is %.300s, not %.300s", where, actual_text ? actual_text : "not there",
             expected_text ? expected_text : "as expected");
    free(actual_text);
    free(expected_text);
    return false;
}

bool match(json_t *actual, json_t *expected, bool is_loose, const char *where,
           struct complaint *complaint)
{
    char inner[256];
    const char *key;
    size_t index;
    json_t *value;
    if (is_anything(expected))
        return (actual && !json_is_null(actual)) || refuse(actual, expected, where, complaint);
    if (json_is_object(expected) && json_is_object(actual)) {
        json_object_foreach(expected, key, value)
        {
            snprintf(inner, sizeof inner, "%s.%s", where, key);
            if (!match(json_object_get(actual, key), value, is_loose, inner, complaint))
                return false;
        }
        return true;
    }
    if (json_is_array(expected) && json_is_array(actual)) {
        json_array_foreach(expected, index, value)
        {
            snprintf(inner, sizeof inner, "%s[%zu]", where, index);
            if (!match(json_array_get(actual, index), value, is_loose, inner, complaint))
                return false;
        }
        return true;
    }
    return is_equal(actual, expected, is_loose) || refuse(actual, expected, where, complaint);
}
