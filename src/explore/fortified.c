/* What fortified programs (-D_FORTIFY_SOURCE) call in the place of stdio's functions: the same events, and libc's
 * own check. */
#define __NO_INLINE__ 1

#include "explore/access.h"
#include "explore/caller.h"
#include "explore/format.h"
#include "explore/intercept.h"
#include "explore/stream.h"

/* ---- To a stream ----------------------------------------------------------------------------------------- */

static int print(FILE *stream, int flag, const char *format, va_list arguments, uint64_t site)
{
    struct lg__object *object = lg__stream_begin(stream, site);
    if (object)
        lg__format_read(format, arguments, site);
    int count = lg__real()->__vfprintf_chk(stream, flag, format, arguments);
    lg__stream_end(object);
    return count;
}

LG__EXPORT int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments)
{
    return print(stream, flag, format, arguments, LG__SITE);
}

LG__EXPORT int __vprintf_chk(int flag, const char *format, va_list arguments)
{
    return print(stdout, flag, format, arguments, LG__SITE);
}

LG__EXPORT int __fprintf_chk(FILE *stream, int flag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = print(stream, flag, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

LG__EXPORT int __printf_chk(int flag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = print(stdout, flag, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

/* ---- Into memory ------------------------------------------------------------------------------------------ */

/* `room` is the caller's limit, SIZE_MAX: none; `size` is how large the memory is known to be. */
static int write_text(char *to, size_t room, int flag, size_t size, const char *format,
                      va_list arguments, uint64_t site)
{
    bool is_watched = lg__stream_before_text(to, room, format, arguments, site);
    int count = room == SIZE_MAX
                    ? lg__real()->__vsprintf_chk(to, flag, size, format, arguments)
                    : lg__real()->__vsnprintf_chk(to, room, flag, size, format, arguments);
    if (is_watched)
        lg__stream_after_text(to, room, count, site);
    return count;
}

LG__EXPORT int __vsnprintf_chk(char *to, size_t room, int flag, size_t size, const char *format,
                               va_list arguments)
{
    return write_text(to, room, flag, size, format, arguments, LG__SITE);
}

LG__EXPORT int __vsprintf_chk(char *to, int flag, size_t size, const char *format,
                              va_list arguments)
{
    return write_text(to, SIZE_MAX, flag, size, format, arguments, LG__SITE);
}

LG__EXPORT int __snprintf_chk(char *to, size_t room, int flag, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = write_text(to, room, flag, size, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

LG__EXPORT int __sprintf_chk(char *to, int flag, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = write_text(to, SIZE_MAX, flag, size, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

/* ---- Reading ---------------------------------------------------------------------------------------------- */

LG__EXPORT char *__fgets_chk(char *to, size_t size, int room, FILE *stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    char *line = lg__real()->__fgets_chk(to, size, room, stream);
    if (object && line)
        lg__access_range((uintptr_t)line, lg__real()->strlen(line) + 1, true, LG__SITE);
    lg__stream_end(object);
    return line;
}

LG__EXPORT size_t __fread_chk(void *to, size_t room, size_t size, size_t count, FILE *stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    size_t got = lg__real()->__fread_chk(to, room, size, count, stream);
    if (object)
        lg__access_range((uintptr_t)to, size * got, true, LG__SITE);
    lg__stream_end(object);
    return got;
}

/* The check comes first: what it lets through is read as ever. */
static void check_room(size_t count, size_t room)
{
    if (count > room)
        lg__real()->__chk_fail();
}

LG__EXPORT ssize_t __read_chk(int descriptor, void *buffer, size_t count, size_t room)
{
    check_room(count, room);
    return lg__input_read(descriptor, buffer, count, LG__SITE);
}

LG__EXPORT ssize_t __recv_chk(int descriptor, void *buffer, size_t count, size_t room, int flags)
{
    check_room(count, room);
    return lg__input_receive(descriptor, buffer, count, flags, LG__SITE);
}

LG__EXPORT int __poll_chk(struct pollfd *descriptors, nfds_t count, int timeout_ms, size_t room)
{
    check_room(count * sizeof *descriptors, room);
    return poll(descriptors, count, timeout_ms);
}
