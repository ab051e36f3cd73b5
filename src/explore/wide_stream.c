/* Printing and reading wide characters, as in stream.c. */
#define __NO_INLINE__ 1

#include "explore/access.h"
#include "explore/caller.h"
#include "explore/format.h"
#include "explore/intercept.h"
#include "explore/stream.h"
#include "explore/wide.h"

#include <stdarg.h>
#include <wchar.h>

static void note(const wchar_t *text, size_t count, bool is_write, uint64_t site)
{
    lg__access_range((uintptr_t)text, count * sizeof *text, is_write, site);
}

/* ---- Printing ----------------------------------------------------------------------------------------- */

static int print(FILE *stream, const wchar_t *format, va_list arguments, uint64_t site)
{
    struct lg__object *object = lg__stream_begin(stream, site);
    if (object)
        lg__format_read_wide(format, arguments, site);
    int count = lg__real()->vfwprintf(stream, format, arguments);
    lg__stream_end(object);
    return count;
}

LG__EXPORT int vfwprintf(FILE *restrict stream, const wchar_t *restrict format, va_list arguments)
{
    return print(stream, format, arguments, LG__SITE);
}

LG__EXPORT int vwprintf(const wchar_t *restrict format, va_list arguments)
{
    return print(stdout, format, arguments, LG__SITE);
}

LG__EXPORT int fwprintf(FILE *restrict stream, const wchar_t *restrict format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = print(stream, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

LG__EXPORT int wprintf(const wchar_t *restrict format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = print(stdout, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

/* Into memory: the first character is looked at before, the others when it is known how many there are. */
static int write_text(wchar_t *to, size_t room, const wchar_t *format, va_list arguments,
                      uint64_t site)
{
    bool is_watched = lg__caller_is_watched(site);
    if (is_watched) {
        lg__format_read_wide(format, arguments, site);
        note(to, room ? 1 : 0, true, site);
    }
    int count = lg__real()->vswprintf(to, room, format, arguments);
    if (is_watched && room > 1 && count)
        note(to + 1, count > 0 ? (size_t)count : room - 1, true, site);
    return count;
}

LG__EXPORT int vswprintf(wchar_t *restrict to, size_t room, const wchar_t *restrict format,
                         va_list arguments)
{
    return write_text(to, room, format, arguments, LG__SITE);
}

LG__EXPORT int swprintf(wchar_t *restrict to, size_t room, const wchar_t *restrict format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = write_text(to, room, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

/* ---- Fortified programs call these.  The room was checked when they were compiled, or is checked here. ---- */

int __vfwprintf_chk(FILE *stream, int flag, const wchar_t *format, va_list arguments);
int __vwprintf_chk(int flag, const wchar_t *format, va_list arguments);
int __fwprintf_chk(FILE *stream, int flag, const wchar_t *format, ...);
int __wprintf_chk(int flag, const wchar_t *format, ...);
int __vswprintf_chk(wchar_t *to, size_t room, int flag, size_t size, const wchar_t *format,
                    va_list arguments);
int __swprintf_chk(wchar_t *to, size_t room, int flag, size_t size, const wchar_t *format, ...);

LG__EXPORT int __vfwprintf_chk(FILE *stream, int flag, const wchar_t *format, va_list arguments)
{
    (void)flag;
    return print(stream, format, arguments, LG__SITE);
}

LG__EXPORT int __vwprintf_chk(int flag, const wchar_t *format, va_list arguments)
{
    (void)flag;
    return print(stdout, format, arguments, LG__SITE);
}

LG__EXPORT int __fwprintf_chk(FILE *stream, int flag, const wchar_t *format, ...)
{
    va_list arguments;
    (void)flag;
    va_start(arguments, format);
    int count = print(stream, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

LG__EXPORT int __wprintf_chk(int flag, const wchar_t *format, ...)
{
    va_list arguments;
    (void)flag;
    va_start(arguments, format);
    int count = print(stdout, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

LG__EXPORT int __vswprintf_chk(wchar_t *to, size_t room, int flag, size_t size,
                               const wchar_t *format, va_list arguments)
{
    (void)flag;
    if (room > size)
        __chk_fail();
    return write_text(to, room, format, arguments, LG__SITE);
}

LG__EXPORT int __swprintf_chk(wchar_t *to, size_t room, int flag, size_t size,
                              const wchar_t *format, ...)
{
    va_list arguments;
    (void)flag;
    if (room > size)
        __chk_fail();
    va_start(arguments, format);
    int count = write_text(to, room, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

/* ---- One character, or a line ------------------------------------------------------------------------- */

static wint_t put(wchar_t character, FILE *stream, uint64_t site)
{
    struct lg__object *object = lg__stream_begin(stream, site);
    wint_t status = lg__real()->fputwc(character, stream);
    lg__stream_end(object);
    return status;
}

LG__EXPORT wint_t fputwc(wchar_t character, FILE *stream)
{
    return put(character, stream, LG__SITE);
}

LG__EXPORT wint_t putwc(wchar_t character, FILE *stream)
{
    return put(character, stream, LG__SITE);
}

LG__EXPORT wint_t putwchar(wchar_t character)
{
    return put(character, stdout, LG__SITE);
}

LG__EXPORT int fputws(const wchar_t *restrict text, FILE *restrict stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    if (object)
        lg__wide_read_text(text, SIZE_MAX / sizeof *text, LG__SITE);
    int status = lg__real()->fputws(text, stream);
    lg__stream_end(object);
    return status;
}

static wint_t get(FILE *stream, uint64_t site)
{
    struct lg__object *object = lg__stream_begin(stream, site);
    wint_t character = lg__real()->fgetwc(stream);
    lg__stream_end(object);
    return character;
}

LG__EXPORT wint_t fgetwc(FILE *stream)
{
    return get(stream, LG__SITE);
}

LG__EXPORT wint_t getwc(FILE *stream)
{
    return get(stream, LG__SITE);
}

LG__EXPORT wint_t getwchar(void)
{
    return get(stdin, LG__SITE);
}

LG__EXPORT wint_t ungetwc(wint_t character, FILE *stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    wint_t status = lg__real()->ungetwc(character, stream);
    lg__stream_end(object);
    return status;
}

LG__EXPORT wchar_t *fgetws(wchar_t *restrict to, int room, FILE *restrict stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    wchar_t *line = lg__real()->fgetws(to, room, stream);
    if (object && line)
        note(line, lg__real()->wcslen(line) + 1, true, LG__SITE);
    lg__stream_end(object);
    return line;
}
