/* What people see: colour only where it is wanted, numbers that can be read, JSON strings. */
#ifndef LG_CLI_TERMINAL_H
#define LG_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum colour { COLOUR_GOOD, COLOUR_BAD, COLOUR_DIM, COLOUR_OFF };

/* Whether the stream is a terminal that understands escapes. */
bool terminal_obeys(FILE *stream);

/* The escape for a colour, or "" when the stream is no such terminal or NO_COLOR is set. */
const char *terminal_colour(FILE *stream, enum colour colour);

/* 1234567 as "1,234,567" in the buffer, which is returned. */
#define GROUPED_SIZE 32
const char *terminal_grouped(int64_t number, char buffer[GROUPED_SIZE]);

/* A string with quotes as JSON demands; bytes that are not UTF-8 become '?'. */
void terminal_print_json(FILE *stream, const char *string);

/* Text in a page, in an element or between double quotes; what is no UTF-8, and what no page may have, becomes
 * '?'. */
void terminal_print_html(FILE *stream, const char *string);

/* A message that is one line, whatever is in it: what is no UTF-8, and what terminals obey, becomes '?'. */
void terminal_print_line(FILE *stream, const char *string);

/* A progress line, drawn over itself; `text` is what follows the bar.  fraction below 0: no bar. */
void terminal_progress(FILE *stream, double fraction, const char *text);
void terminal_progress_end(FILE *stream);

#endif
