/* Stream: what calls on a FILE share. */
#ifndef LG_EXPLORE_STREAM_H
#define LG_EXPLORE_STREAM_H

#include "explore/run.h"

#include <stdarg.h>
#include <stdio.h>

/* The calling thread has the stream from here to the end; NULL: it is not looked after. */
struct lg__object *lg__stream_begin(FILE *stream, uint64_t site);
void lg__stream_end(struct lg__object *object);

/* Text that is printed into memory: before, and after that, when it is known how much. */
bool lg__stream_before_text(char *to, size_t room, const char *format, va_list arguments,
                            uint64_t site);
void lg__stream_after_text(char *to, size_t room, int count, uint64_t site);

#endif
