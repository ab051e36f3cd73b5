/* A strict checker for the OpenMetrics text format (version 1.0), and a way to read a sample, for what
 * the library writes.  Stricter than the standard where the library has no need of it: no timestamps,
 * no exemplars, a type, a help text and samples in each family, no types but counter, gauge and
 * histogram, and a final line feed. */
#ifndef LG_TEST_OPENMETRICS_H
#define LG_TEST_OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>

/* NULL: the text is an exposition; else what is wrong with it, until the next call. */
const char *openmetrics_fault(const char *text);

/* The value of the sample that is written so, name and labels and all; false if there is none. */
bool openmetrics_value(const char *text, const char *sample, double *value);

/* What a label says, escapes undone, in the first sample of that name; false if there is none, or it
 * does not fit. */
bool openmetrics_label(const char *text, const char *name, const char *label, char *value,
                       size_t size);

#endif
