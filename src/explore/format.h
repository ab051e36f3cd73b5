/* Format: what printf's arguments point to. */
#ifndef LG_EXPLORE_FORMAT_H
#define LG_EXPLORE_FORMAT_H

#include <stdarg.h>
#include <stdint.h>
#include <wchar.h>

/* The texts of %s are about to be read.  The caller has looked whether it is watched. */
void lg__format_read(const char *format, va_list arguments, uint64_t site);
void lg__format_read_wide(const wchar_t *format, va_list arguments, uint64_t site);

#endif
