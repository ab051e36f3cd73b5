/* Text: appending to a bounded buffer, counting what did not fit; and a small JSON writer. */
#ifndef LG_PLAT_TEXT_H
#define LG_PLAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lg__text {
    char *buffer; /* always ended by 0 when size > 0 */
    size_t size;
    size_t length;   /* of the whole, also of what did not fit */
    char last;       /* the last byte, also if it did not fit */
    int fd;          /* where a full buffer is written, or -1: what does not fit is cut */
    size_t used;     /* bytes in the buffer */
    bool has_failed; /* a write did */
};

void lg__text_begin(struct lg__text *text, char *buffer, size_t size);
/* The same on its way to a file descriptor: nothing is cut.  End it with lg__text_flush. */
void lg__text_begin_fd(struct lg__text *text, char *buffer, size_t size, int fd);
/* False: a write failed, then or before. */
bool lg__text_flush(struct lg__text *text);

void lg__text_add(struct lg__text *text, const char *string);
void lg__text_addf(struct lg__text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Text that can neither begin a line nor command a terminal: control characters and bytes that are not
 * UTF-8 become '?', one each, so that its length stays. */
void lg__text_add_plain(struct lg__text *text, const char *string);
/* Text in double quotes, escaped as JSON demands; bytes that are not UTF-8 become '?'. */
void lg__text_add_json(struct lg__text *text, const char *string);
/* The same for Graphviz, without the quotes around it; line breaks become spaces. */
void lg__text_add_dot(struct lg__text *text, const char *string);

/* The same for a label of OpenMetrics, without the quotes around it. */
void lg__text_add_label(struct lg__text *text, const char *string);

/* "key": value, with a comma before it unless it is the first after a bracket. */
void lg__json_key(struct lg__text *text, const char *key);
void lg__json_string(struct lg__text *text, const char *key, const char *value);
void lg__json_number(struct lg__text *text, const char *key, uint64_t value);

/* Copy a name, cut to size, always ended by 0. */
void lg__copy_name(char *out, size_t size, const char *name);

/* Copy text that may have been unmapped (a place of a closed shared object): never faults.  Writes
 * "" when it cannot be read or is not printable. */
void lg__copy_place(char *out, size_t size, const char *place);

#endif
