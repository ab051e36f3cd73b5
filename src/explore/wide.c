/* Memory and strings of wide characters, as in memory.c. */
#define __NO_INLINE__ 1

#include "explore/wide.h"
#include "explore/access.h"
#include "explore/caller.h"
#include "explore/intercept.h"

#include <wchar.h>

static void note(const wchar_t *text, size_t count, bool is_write, uint64_t site)
{
    lg__access_range((uintptr_t)text, count * sizeof *text, is_write, site);
}

/* Up to and with the first of two characters; what a scheduling point has changed is looked at again. */
static size_t note_until(const wchar_t *text, wchar_t first, wchar_t second, size_t limit,
                         uint64_t site)
{
    for (size_t seen = 0;;) {
        size_t end = 0;
        while (end < limit && text[end] != first && text[end] != second)
            end++;
        end += end < limit;
        if (end <= seen)
            return end;
        note(text + seen, end - seen, false, site);
        seen = end;
    }
}

static size_t note_text(const wchar_t *text, uint64_t site)
{
    return note_until(text, 0, 0, SIZE_MAX / sizeof *text, site);
}

void lg__wide_read_text(const wchar_t *text, size_t limit, uint64_t site)
{
    note_until(text, 0, 0, limit, site);
}

static void note_copy(const wchar_t *to, const wchar_t *from, size_t count, uint64_t site)
{
    if (!lg__caller_is_watched(site))
        return;
    note(from, count, false, site);
    note(to, count, true, site);
}

LG__EXPORT wchar_t *wmemcpy(wchar_t *restrict to, const wchar_t *restrict from, size_t count)
{
    note_copy(to, from, count, LG__SITE);
    return lg__real()->wmemcpy(to, from, count);
}

LG__EXPORT wchar_t *wmemmove(wchar_t *to, const wchar_t *from, size_t count)
{
    note_copy(to, from, count, LG__SITE);
    return lg__real()->wmemmove(to, from, count);
}

LG__EXPORT wchar_t *wmemset(wchar_t *to, wchar_t character, size_t count)
{
    if (lg__caller_is_watched(LG__SITE))
        note(to, count, true, LG__SITE);
    return lg__real()->wmemset(to, character, count);
}

LG__EXPORT size_t wcslen(const wchar_t *text)
{
    if (lg__caller_is_watched(LG__SITE))
        note_text(text, LG__SITE);
    return lg__real()->wcslen(text);
}

LG__EXPORT size_t wcsnlen(const wchar_t *text, size_t limit)
{
    if (lg__caller_is_watched(LG__SITE))
        note_until(text, 0, 0, limit, LG__SITE);
    return lg__real()->wcsnlen(text, limit);
}

LG__EXPORT wchar_t *wcschr(const wchar_t *text, wchar_t character)
{
    if (lg__caller_is_watched(LG__SITE))
        note_until(text, character, 0, SIZE_MAX / sizeof *text, LG__SITE);
    return lg__real()->wcschr(text, character);
}

/* As far as they are the same. */
static void note_common(const wchar_t *a, const wchar_t *b, size_t limit, uint64_t site)
{
    if (!lg__caller_is_watched(site))
        return;
    for (size_t i = 0; i < limit; i++) {
        note(a + i, 1, false, site);
        note(b + i, 1, false, site);
        if (a[i] != b[i] || !a[i])
            return;
    }
}

LG__EXPORT int wcscmp(const wchar_t *a, const wchar_t *b)
{
    note_common(a, b, SIZE_MAX, LG__SITE);
    return lg__real()->wcscmp(a, b);
}

LG__EXPORT int wcsncmp(const wchar_t *a, const wchar_t *b, size_t limit)
{
    note_common(a, b, limit, LG__SITE);
    return lg__real()->wcsncmp(a, b, limit);
}

LG__EXPORT wchar_t *wcscpy(wchar_t *restrict to, const wchar_t *restrict from)
{
    if (lg__caller_is_watched(LG__SITE))
        note(to, note_text(from, LG__SITE), true, LG__SITE);
    return lg__real()->wcscpy(to, from);
}

LG__EXPORT wchar_t *wcsncpy(wchar_t *restrict to, const wchar_t *restrict from, size_t count)
{
    if (lg__caller_is_watched(LG__SITE)) {
        note_until(from, 0, 0, count, LG__SITE);
        note(to, count, true, LG__SITE);
    }
    return lg__real()->wcsncpy(to, from, count);
}

LG__EXPORT wchar_t *wcscat(wchar_t *restrict to, const wchar_t *restrict from)
{
    if (lg__caller_is_watched(LG__SITE)) {
        size_t length = note_text(to, LG__SITE) - 1;
        note(to + length, note_text(from, LG__SITE), true, LG__SITE);
    }
    return lg__real()->wcscat(to, from);
}

LG__EXPORT wchar_t *wcsdup(const wchar_t *text)
{
    bool is_watched = lg__caller_is_watched(LG__SITE);
    if (is_watched)
        note_text(text, LG__SITE);
    wchar_t *copy = lg__real()->wcsdup(text);
    if (copy && is_watched)
        note(copy, lg__real()->wcslen(copy) + 1, true, LG__SITE);
    return copy;
}
