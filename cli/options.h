/* What the verbs' command lines share: each mistake is one line that says what would be right. */
#ifndef LG_CLI_OPTIONS_H
#define LG_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* The keys of long options begin here: what is below is a letter. */
#define OPTIONS_LONG 256

/* Say it on standard error, after the verb's name.  Returns the exit code for wrong use. */
int options_refuse(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for getopt_long's ':' and '?', in our words. */
int options_refuse_word(const char *verb, int key, char **argv);

/* A whole number, of digits alone, in a range.  False: it is none. */
bool options_read_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* A number that begins with a digit, in a range.  False: it is none. */
bool options_read_real(const char *text, double min, double max, double *out);

/* What is to be shown of an argument: '' if it is empty. */
const char *options_shown(const char *argument);

#endif
