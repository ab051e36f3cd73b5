/* Wide: accesses of texts of wide characters. */
#ifndef LG_EXPLORE_WIDE_H
#define LG_EXPLORE_WIDE_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

/* As lg__memory_read_text. */
void lg__wide_read_text(const wchar_t *text, size_t limit, uint64_t site);

#endif
