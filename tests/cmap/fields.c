#include "fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_known(const char *key, const char *const *known)
{
    for (; *known; known++)
        if (!strcmp(*known, key))
            return true;
    return false;
}

void fields_open(struct fields *fields, json_t *value, const char *const *known,
                 struct complaint *complaint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fields->where, sizeof fields->where, format, arguments);
    va_end(arguments);
    fields->complaint = complaint;
    fields->object = json_is_object(value) ? value : NULL;
    if (!fields->object)
        complain(complaint, "%s: is no object", fields->where);
    const char *key;
    json_t *member;
    json_object_foreach(fields->object, key, member) if (!is_known(key, known))
        complain(complaint, "%s: unknown key \"%s\"", fields->where, key);
}

void field_require(const struct fields *fields, const char *key)
{
    if (!json_object_get(fields->object, key))
        complain(fields->complaint, "%s: has no \"%s\"", fields->where, key);
}

/* NULL: it is not there, or of another type. */
static json_t *get_typed(const struct fields *fields, const char *key, json_type type,
                         const char *noun)
{
    json_t *value = json_object_get(fields->object, key);
    if (!value || json_typeof(value) == type)
        return value;
    complain(fields->complaint, "%s: \"%s\" is no %s", fields->where, key, noun);
    return NULL;
}

const char *field_text(const struct fields *fields, const char *key)
{
    return json_string_value(get_typed(fields, key, JSON_STRING, "string"));
}

json_t *field_list(const struct fields *fields, const char *key)
{
    return get_typed(fields, key, JSON_ARRAY, "array");
}

json_t *field_object(const struct fields *fields, const char *key)
{
    return get_typed(fields, key, JSON_OBJECT, "object");
}

int64_t field_number(const struct fields *fields, const char *key, int64_t min, int64_t max,
                     int64_t fallback)
{
    const json_t *value = get_typed(fields, key, JSON_INTEGER, "integer");
    if (!value)
        return fallback;
    int64_t number = json_integer_value(value);
    if (number >= min && number <= max)
        return number;
    complain(fields->complaint, "%s: \"%s\" is %lld, not from %lld to %lld", fields->where, key,
             (long long)number, (long long)min, (long long)max);
    return fallback;
}

bool field_truth(const struct fields *fields, const char *key, bool fallback)
{
    const json_t *value = json_object_get(fields->object, key);
    if (value && !json_is_boolean(value))
        complain(fields->complaint, "%s: \"%s\" is neither true nor false", fields->where, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

size_t field_choice(const struct fields *fields, const char *text, const char *const *choices)
{
    for (size_t i = 0; text && choices[i]; i++)
        if (!strcmp(choices[i], text))
            return i;
    if (text)
        complain(fields->complaint, "%s: \"%s\" is unknown", fields->where, text);
    return 0;
}
