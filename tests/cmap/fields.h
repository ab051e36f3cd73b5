/* Fields: the members of a JSON object, read by name and type.
 *
 *     static const char *const known[] = {"name", "ms", NULL};
 *     struct fields fields;
 *     fields_open(&fields, value, known, complaint, "operations[%zu]", index);
 *     operation->ms = field_number(&fields, "ms", 0, 1000, 0);
 *
 * Whatever is wrong (no object, a key nobody knows, a wrong type, a number out of its range) becomes
 * the complaint; a reader goes on with fallbacks and asks once, at the end, whether there is one. */
#ifndef LG_CMAP_FIELDS_H
#define LG_CMAP_FIELDS_H

#include "complaint.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct fields {
    json_t *object; /* NULL: there was none */
    char where[64];
    struct complaint *complaint;
};

/* known ends with NULL; the format says where the object is. */
void fields_open(struct fields *fields, json_t *value, const char *const *known,
                 struct complaint *complaint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Complain unless the field is there. */
void field_require(const struct fields *fields, const char *key);

/* NULL if it is not there, as for the next two. */
const char *field_text(const struct fields *fields, const char *key);
json_t *field_list(const struct fields *fields, const char *key);
json_t *field_object(const struct fields *fields, const char *key);

int64_t field_number(const struct fields *fields, const char *key, int64_t min, int64_t max,
                     int64_t fallback);
bool field_truth(const struct fields *fields, const char *key, bool fallback);

/* The place of the text in a list that ends with NULL; complains if it is not in it. */
size_t field_choice(const struct fields *fields, const char *text, const char *const *choices);

#endif
