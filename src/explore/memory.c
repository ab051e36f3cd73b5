/* Functions of libc that read and write the program's memory: what they touch are events at the place that
 * has called them.
 *
 * A call is one access of each range that it touches, and is done after the scheduling points of all of them,
 * in one go: its races and uses of freed memory are found, but nobody comes between two of its bytes.  How
 * far a function reads depends on what is there, and at a scheduling point that may change; so what has been
 * looked at is looked at again until it is all. */
#include "explore/memory.h"
#include "explore/access.h"
#include "explore/caller.h"
#include "explore/heap.h"
#include "explore/intercept.h"

#include <ctype.h>

static void note_read(const void *memory, size_t size, uint64_t site)
{
    lg__access_range((uintptr_t)memory, size, false, site);
}

static void note_write(const void *memory, size_t size, uint64_t site)
{
    lg__access_range((uintptr_t)memory, size, true, site);
}

/* Before the runtime reads the bytes itself: a large block that was freed has no pages. */
static void note_first(const void *memory, uint64_t site)
{
    if (lg__heap_is_gone((uintptr_t)memory))
        note_read(memory, 1, site);
}

/* ---- How far they read ---------------------------------------------------------------------------- */

/* Up to and with the first of two bytes. */
static size_t extent_of(const char *text, char first, char second, size_t limit)
{
    for (size_t i = 0; i < limit; i++)
        if (text[i] == first || text[i] == second)
            return i + 1;
    return limit;
}

static size_t note_until(const char *text, char first, char second, size_t limit, uint64_t site)
{
    size_t seen = 0, end;
    if (limit)
        note_first(text, site);
    while ((end = extent_of(text, first, second, limit)) > seen) {
        note_read(text + seen, end - seen, site);
        seen = end;
    }
    return end;
}

/* With its zero. */
static size_t note_text(const char *text, uint64_t site)
{
    return note_until(text, 0, 0, SIZE_MAX, site);
}

void lg__memory_read_text(const char *text, size_t limit, uint64_t site)
{
    note_until(text, 0, 0, limit, site);
}

/* Up to and with the first bytes that differ. */
static size_t common_of(const char *a, const char *b, size_t limit, bool is_folded)
{
    for (size_t i = 0; i < limit; i++) {
        int left = (unsigned char)a[i], right = (unsigned char)b[i];
        if (is_folded) {
            left = tolower(left);
            right = tolower(right);
        }
        if (left != right || !left)
            return i + 1;
    }
    return limit;
}

static void note_common(const char *a, const char *b, size_t limit, bool is_folded, uint64_t site)
{
    size_t seen = 0, end;
    if (!limit)
        return;
    note_first(a, site);
    note_first(b, site);
    while ((end = common_of(a, b, limit, is_folded)) > seen) {
        note_read(a + seen, end - seen, site);
        note_read(b + seen, end - seen, site);
        seen = end;
    }
}

/* ---- Memory --------------------------------------------------------------------------------------- */

static void note_copy(void *to, const void *from, size_t size, uint64_t site)
{
    if (!lg__caller_is_watched(site))
        return;
    note_read(from, size, site);
    note_write(to, size, site);
}

static void note_fill(void *to, size_t size, uint64_t site)
{
    if (lg__caller_is_watched(site))
        note_write(to, size, site);
}

LG__EXPORT void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    note_copy(to, from, size, LG__SITE);
    return lg__real()->memcpy(to, from, size);
}

LG__EXPORT void *memmove(void *to, const void *from, size_t size)
{
    note_copy(to, from, size, LG__SITE);
    return lg__real()->memmove(to, from, size);
}

LG__EXPORT void *mempcpy(void *restrict to, const void *restrict from, size_t size)
{
    note_copy(to, from, size, LG__SITE);
    return lg__real()->mempcpy(to, from, size);
}

LG__EXPORT void *memset(void *to, int byte, size_t size)
{
    note_fill(to, size, LG__SITE);
    return lg__real()->memset(to, byte, size);
}

LG__EXPORT int memcmp(const void *a, const void *b, size_t size)
{
    if (lg__caller_is_watched(LG__SITE)) {
        note_read(a, size, LG__SITE);
        note_read(b, size, LG__SITE);
    }
    return lg__real()->memcmp(a, b, size);
}

LG__EXPORT int bcmp(const void *a, const void *b, size_t size)
{
    if (lg__caller_is_watched(LG__SITE)) {
        note_read(a, size, LG__SITE);
        note_read(b, size, LG__SITE);
    }
    return lg__real()->bcmp(a, b, size);
}

LG__EXPORT void *memchr(const void *memory, int byte, size_t size)
{
    if (lg__caller_is_watched(LG__SITE))
        note_until(memory, (char)byte, (char)byte, size, LG__SITE);
    return lg__real()->memchr(memory, byte, size);
}

LG__EXPORT void *memrchr(const void *memory, int byte, size_t size)
{
    if (lg__caller_is_watched(LG__SITE))
        note_read(memory, size, LG__SITE);
    return lg__real()->memrchr(memory, byte, size);
}

/* ---- Strings: what is read ------------------------------------------------------------------------ */

LG__EXPORT size_t strlen(const char *text)
{
    if (lg__caller_is_watched(LG__SITE))
        note_text(text, LG__SITE);
    return lg__real()->strlen(text);
}

LG__EXPORT size_t strnlen(const char *text, size_t limit)
{
    if (lg__caller_is_watched(LG__SITE))
        note_until(text, 0, 0, limit, LG__SITE);
    return lg__real()->strnlen(text, limit);
}

LG__EXPORT int strcmp(const char *a, const char *b)
{
    if (lg__caller_is_watched(LG__SITE))
        note_common(a, b, SIZE_MAX, false, LG__SITE);
    return lg__real()->strcmp(a, b);
}

LG__EXPORT int strncmp(const char *a, const char *b, size_t limit)
{
    if (lg__caller_is_watched(LG__SITE))
        note_common(a, b, limit, false, LG__SITE);
    return lg__real()->strncmp(a, b, limit);
}

LG__EXPORT int strcasecmp(const char *a, const char *b)
{
    if (lg__caller_is_watched(LG__SITE))
        note_common(a, b, SIZE_MAX, true, LG__SITE);
    return lg__real()->strcasecmp(a, b);
}

LG__EXPORT int strncasecmp(const char *a, const char *b, size_t limit)
{
    if (lg__caller_is_watched(LG__SITE))
        note_common(a, b, limit, true, LG__SITE);
    return lg__real()->strncasecmp(a, b, limit);
}

LG__EXPORT char *strchr(const char *text, int byte)
{
    if (lg__caller_is_watched(LG__SITE))
        note_until(text, (char)byte, 0, SIZE_MAX, LG__SITE);
    return lg__real()->strchr(text, byte);
}

LG__EXPORT char *strchrnul(const char *text, int byte)
{
    if (lg__caller_is_watched(LG__SITE))
        note_until(text, (char)byte, 0, SIZE_MAX, LG__SITE);
    return lg__real()->strchrnul(text, byte);
}

LG__EXPORT char *strrchr(const char *text, int byte)
{
    if (lg__caller_is_watched(LG__SITE))
        note_text(text, LG__SITE);
    return lg__real()->strrchr(text, byte);
}

/* Of the text what comes before the end of what is found, or all. */
LG__EXPORT char *strstr(const char *text, const char *part)
{
    if (lg__caller_is_watched(LG__SITE)) {
        size_t size = note_text(part, LG__SITE);
        note_first(text, LG__SITE);
        const char *found = lg__real()->strstr(text, part);
        if (found)
            note_read(text, (size_t)(found - text) + size - 1, LG__SITE);
        else
            note_text(text, LG__SITE);
    }
    return lg__real()->strstr(text, part);
}

LG__EXPORT char *strcasestr(const char *text, const char *part)
{
    if (lg__caller_is_watched(LG__SITE)) {
        size_t size = note_text(part, LG__SITE);
        note_first(text, LG__SITE);
        const char *found = lg__real()->strcasestr(text, part);
        if (found)
            note_read(text, (size_t)(found - text) + size - 1, LG__SITE);
        else
            note_text(text, LG__SITE);
    }
    return lg__real()->strcasestr(text, part);
}

/* A text up to and with the byte at which the search among `set` ended. */
static void note_span(const char *text, const char *set, bool is_in, uint64_t site)
{
    if (!lg__caller_is_watched(site))
        return;
    note_text(set, site);
    note_first(text, site);
    size_t length = is_in ? lg__real()->strspn(text, set) : lg__real()->strcspn(text, set);
    note_read(text, length + 1, site);
}

LG__EXPORT size_t strspn(const char *text, const char *set)
{
    note_span(text, set, true, LG__SITE);
    return lg__real()->strspn(text, set);
}

LG__EXPORT size_t strcspn(const char *text, const char *set)
{
    note_span(text, set, false, LG__SITE);
    return lg__real()->strcspn(text, set);
}

LG__EXPORT char *strpbrk(const char *text, const char *set)
{
    note_span(text, set, false, LG__SITE);
    return lg__real()->strpbrk(text, set);
}

/* ---- Strings: what is written --------------------------------------------------------------------- */

static void note_text_copy(const char *to, const char *from, uint64_t site)
{
    if (lg__caller_is_watched(site))
        note_write(to, note_text(from, site), site);
}

/* The rest is filled with zeros. */
static void note_padded_copy(const char *to, const char *from, size_t size, uint64_t site)
{
    if (!lg__caller_is_watched(site))
        return;
    note_until(from, 0, 0, size, site);
    note_write(to, size, site);
}

static void note_append(const char *to, const char *from, size_t limit, uint64_t site)
{
    if (!lg__caller_is_watched(site))
        return;
    size_t length = note_text(to, site) - 1;
    note_until(from, 0, 0, limit, site);
    note_write(to + length, lg__real()->strnlen(from, limit) + 1, site);
}

LG__EXPORT char *strcpy(char *restrict to, const char *restrict from)
{
    note_text_copy(to, from, LG__SITE);
    return lg__real()->strcpy(to, from);
}

LG__EXPORT char *stpcpy(char *restrict to, const char *restrict from)
{
    note_text_copy(to, from, LG__SITE);
    return lg__real()->stpcpy(to, from);
}

LG__EXPORT char *strncpy(char *restrict to, const char *restrict from, size_t size)
{
    note_padded_copy(to, from, size, LG__SITE);
    return lg__real()->strncpy(to, from, size);
}

LG__EXPORT char *stpncpy(char *restrict to, const char *restrict from, size_t size)
{
    note_padded_copy(to, from, size, LG__SITE);
    return lg__real()->stpncpy(to, from, size);
}

LG__EXPORT char *strcat(char *restrict to, const char *restrict from)
{
    note_append(to, from, SIZE_MAX, LG__SITE);
    return lg__real()->strcat(to, from);
}

LG__EXPORT char *strncat(char *restrict to, const char *restrict from, size_t limit)
{
    note_append(to, from, limit, LG__SITE);
    return lg__real()->strncat(to, from, limit);
}

LG__EXPORT char *strdup(const char *text)
{
    bool is_watched = lg__caller_is_watched(LG__SITE);
    if (is_watched)
        note_text(text, LG__SITE);
    char *copy = lg__real()->strdup(text);
    if (copy && is_watched)
        note_write(copy, lg__real()->strlen(copy) + 1, LG__SITE);
    return copy;
}

LG__EXPORT char *strndup(const char *text, size_t limit)
{
    bool is_watched = lg__caller_is_watched(LG__SITE);
    if (is_watched)
        note_until(text, 0, 0, limit, LG__SITE);
    char *copy = lg__real()->strndup(text, limit);
    if (copy && is_watched)
        note_write(copy, lg__real()->strlen(copy) + 1, LG__SITE);
    return copy;
}

/* ---- Other names: of newer compilers' instrumentation, and in fortified programs ------------------ */

LG__EXPORT void *__tsan_memcpy(void *to, const void *from, size_t size);
LG__EXPORT void *__tsan_memmove(void *to, const void *from, size_t size);
LG__EXPORT void *__tsan_memset(void *to, int byte, size_t size);

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    note_copy(to, from, size, LG__SITE);
    return lg__real()->memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size)
{
    note_copy(to, from, size, LG__SITE);
    return lg__real()->memmove(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size)
{
    note_fill(to, size, LG__SITE);
    return lg__real()->memset(to, byte, size);
}

LG__EXPORT void *__memcpy_chk(void *to, const void *from, size_t size, size_t room)
{
    note_copy(to, from, size, LG__SITE);
    return lg__real()->__memcpy_chk(to, from, size, room);
}

LG__EXPORT void *__memmove_chk(void *to, const void *from, size_t size, size_t room)
{
    note_copy(to, from, size, LG__SITE);
    return lg__real()->__memmove_chk(to, from, size, room);
}

LG__EXPORT void *__memset_chk(void *to, int byte, size_t size, size_t room)
{
    note_fill(to, size, LG__SITE);
    return lg__real()->__memset_chk(to, byte, size, room);
}

LG__EXPORT char *__strcpy_chk(char *to, const char *from, size_t room)
{
    note_text_copy(to, from, LG__SITE);
    return lg__real()->__strcpy_chk(to, from, room);
}

LG__EXPORT char *__strncpy_chk(char *to, const char *from, size_t size, size_t room)
{
    note_padded_copy(to, from, size, LG__SITE);
    return lg__real()->__strncpy_chk(to, from, size, room);
}

LG__EXPORT char *__strcat_chk(char *to, const char *from, size_t room)
{
    note_append(to, from, SIZE_MAX, LG__SITE);
    return lg__real()->__strcat_chk(to, from, room);
}

LG__EXPORT char *__strncat_chk(char *to, const char *from, size_t limit, size_t room)
{
    note_append(to, from, limit, LG__SITE);
    return lg__real()->__strncat_chk(to, from, limit, room);
}

LG__EXPORT void *__mempcpy_chk(void *to, const void *from, size_t size, size_t room)
{
    note_copy(to, from, size, LG__SITE);
    return lg__real()->__mempcpy_chk(to, from, size, room);
}

LG__EXPORT char *__stpcpy_chk(char *to, const char *from, size_t room)
{
    note_text_copy(to, from, LG__SITE);
    return lg__real()->__stpcpy_chk(to, from, room);
}

LG__EXPORT char *__stpncpy_chk(char *to, const char *from, size_t size, size_t room)
{
    note_padded_copy(to, from, size, LG__SITE);
    return lg__real()->__stpncpy_chk(to, from, size, room);
}
