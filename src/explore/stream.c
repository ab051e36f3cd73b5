/* Streams: a call is an event of its FILE, and of the bytes that it reads and writes.
 *
 * libc locks the FILE within each call.  That nobody else is in one meanwhile is seen to here, by an object
 * for each FILE, so libc's own lock is never found taken.  The lock within a call orders nothing for the
 * finder of races, or each log line would hide some; flockfile's does, as a mutex. */
/* Or the headers define some of these functions themselves. */
#define __NO_INLINE__ 1

#include "explore/stream.h"
#include "explore/access.h"
#include "explore/caller.h"
#include "explore/format.h"
#include "explore/intercept.h"
#include "explore/memory.h"

#include <stdarg.h>

/* Four bytes of a FILE that nobody else touches: behind its flags. */
#define FREED_PROBE 4

static struct lg__object *object_of(FILE *stream)
{
    struct lg__object *object = lg__object_find(stream, LG__OBJECT_STREAM);
    object->is_recursive = true;
    return object;
}

struct lg__object *lg__stream_begin(FILE *stream, uint64_t site)
{
    struct lg__thread *self = lg__self;
    if (!stream || !lg__caller_is_watched(site))
        return NULL;
    struct lg__object *object = object_of(stream);
    if (object->owner != self) {
        lg__object_wait(self, object, LG__EVENT_LOCK, LG__WAIT_LOCK, LG__NEVER, site);
        object = object_of(stream); /* it may have been closed */
        object->owner = self;
        object->owner_site = site;
        object->depth = 0;
    }
    object->depth++;
    lg__access_range((uintptr_t)stream + FREED_PROBE, 4, false, site);
    return object;
}

void lg__stream_end(struct lg__object *object)
{
    /* fclose has ended it. */
    if (!object || object->kind != LG__OBJECT_STREAM || object->owner != lg__self)
        return;
    if (--object->depth == 0)
        object->owner = NULL;
    lg__baton_changed();
}

/* ---- Its lock in the program's hands -------------------------------------------------------------- */

LG__EXPORT void flockfile(FILE *stream)
{
    struct lg__thread *self = lg__self;
    if (!self) {
        lg__real()->flockfile(stream);
        return;
    }
    struct lg__object *object = object_of(stream);
    if (object->owner == self) {
        object->depth++;
        return;
    }
    lg__object_wait(self, object, LG__EVENT_LOCK, LG__WAIT_LOCK, LG__NEVER, LG__SITE);
    lg__mutex_take(self, object, 1, LG__SITE);
}

LG__EXPORT int ftrylockfile(FILE *stream)
{
    struct lg__thread *self = lg__self;
    if (!self)
        return lg__real()->ftrylockfile(stream);
    struct lg__object *object = object_of(stream);
    lg__object_point(self, object, LG__EVENT_LOCK, LG__SITE);
    if (object->owner == self) {
        object->depth++;
        return 0;
    }
    if (object->owner) {
        lg__access_look_for_spin(self, object->address, LG__SITE);
        return EBUSY;
    }
    lg__mutex_take(self, object, 1, LG__SITE);
    return 0;
}

LG__EXPORT void funlockfile(FILE *stream)
{
    struct lg__thread *self = lg__self;
    if (!self) {
        lg__real()->funlockfile(stream);
        return;
    }
    struct lg__object *object = object_of(stream);
    if (object->owner != self)
        return;
    if (object->depth > 1) {
        object->depth--;
        return;
    }
    lg__object_point(self, object, LG__EVENT_UNLOCK, LG__SITE);
    lg__mutex_give_up(self, object);
}

/* ---- Writing -------------------------------------------------------------------------------------- */

LG__EXPORT size_t fwrite(const void *restrict from, size_t size, size_t count,
                         FILE *restrict stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    if (object)
        lg__access_range((uintptr_t)from, size * count, false, LG__SITE);
    size_t written = lg__real()->fwrite(from, size, count, stream);
    lg__stream_end(object);
    return written;
}

LG__EXPORT int fputs(const char *restrict text, FILE *restrict stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    if (object)
        lg__memory_read_text(text, SIZE_MAX, LG__SITE);
    int status = lg__real()->fputs(text, stream);
    lg__stream_end(object);
    return status;
}

LG__EXPORT int puts(const char *text)
{
    struct lg__object *object = lg__stream_begin(stdout, LG__SITE);
    if (object)
        lg__memory_read_text(text, SIZE_MAX, LG__SITE);
    int status = lg__real()->puts(text);
    lg__stream_end(object);
    return status;
}

static int put(int byte, FILE *stream, uint64_t site)
{
    struct lg__object *object = lg__stream_begin(stream, site);
    int status = lg__real()->fputc(byte, stream);
    lg__stream_end(object);
    return status;
}

LG__EXPORT int fputc(int byte, FILE *stream)
{
    return put(byte, stream, LG__SITE);
}

LG__EXPORT int putc(int byte, FILE *stream)
{
    return put(byte, stream, LG__SITE);
}

LG__EXPORT int putchar(int byte)
{
    return put(byte, stdout, LG__SITE);
}

/* ---- Printing ------------------------------------------------------------------------------------- */

static int print(FILE *stream, const char *format, va_list arguments, uint64_t site)
{
    struct lg__object *object = lg__stream_begin(stream, site);
    if (object)
        lg__format_read(format, arguments, site);
    int count = lg__real()->vfprintf(stream, format, arguments);
    lg__stream_end(object);
    return count;
}

LG__EXPORT int vfprintf(FILE *restrict stream, const char *restrict format, va_list arguments)
{
    return print(stream, format, arguments, LG__SITE);
}

LG__EXPORT int vprintf(const char *restrict format, va_list arguments)
{
    return print(stdout, format, arguments, LG__SITE);
}

LG__EXPORT int fprintf(FILE *restrict stream, const char *restrict format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = print(stream, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

LG__EXPORT int printf(const char *restrict format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = print(stdout, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

/* Into memory: the first byte is looked at before. */
bool lg__stream_before_text(char *to, size_t room, const char *format, va_list arguments,
                            uint64_t site)
{
    if (!lg__caller_is_watched(site))
        return false;
    lg__format_read(format, arguments, site);
    lg__access_range((uintptr_t)to, room ? 1 : 0, true, site);
    return true;
}

void lg__stream_after_text(char *to, size_t room, int count, uint64_t site)
{
    if (count > 0 && room > 1)
        lg__access_range((uintptr_t)to + 1, (size_t)count < room ? (size_t)count : room - 1, true,
                         site);
}

static int write_text(char *to, size_t room, const char *format, va_list arguments, uint64_t site)
{
    bool is_watched = lg__stream_before_text(to, room, format, arguments, site);
    int count = room == SIZE_MAX ? lg__real()->vsprintf(to, format, arguments)
                                 : lg__real()->vsnprintf(to, room, format, arguments);
    if (is_watched)
        lg__stream_after_text(to, room, count, site);
    return count;
}

LG__EXPORT int vsnprintf(char *restrict to, size_t room, const char *restrict format,
                         va_list arguments)
{
    return write_text(to, room, format, arguments, LG__SITE);
}

LG__EXPORT int vsprintf(char *restrict to, const char *restrict format, va_list arguments)
{
    return write_text(to, SIZE_MAX, format, arguments, LG__SITE);
}

LG__EXPORT int snprintf(char *restrict to, size_t room, const char *restrict format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = write_text(to, room, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

LG__EXPORT int sprintf(char *restrict to, const char *restrict format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int count = write_text(to, SIZE_MAX, format, arguments, LG__SITE);
    va_end(arguments);
    return count;
}

/* ---- Reading: how much is known afterwards -------------------------------------------------------- */

LG__EXPORT size_t fread(void *restrict to, size_t size, size_t count, FILE *restrict stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    size_t got = lg__real()->fread(to, size, count, stream);
    if (object)
        lg__access_range((uintptr_t)to, size * got, true, LG__SITE);
    lg__stream_end(object);
    return got;
}

LG__EXPORT char *fgets(char *restrict to, int room, FILE *restrict stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    char *line = lg__real()->fgets(to, room, stream);
    if (object && line)
        lg__access_range((uintptr_t)line, lg__real()->strlen(line) + 1, true, LG__SITE);
    lg__stream_end(object);
    return line;
}

static ssize_t get_line(char **line, size_t *room, int end, FILE *stream, uint64_t site)
{
    struct lg__object *object = lg__stream_begin(stream, site);
    ssize_t length = lg__real()->getdelim(line, room, end, stream);
    if (object && length >= 0)
        lg__access_range((uintptr_t)*line, (size_t)length + 1, true, site);
    lg__stream_end(object);
    return length;
}

LG__EXPORT ssize_t getdelim(char **restrict line, size_t *restrict room, int end,
                            FILE *restrict stream)
{
    return get_line(line, room, end, stream, LG__SITE);
}

/* What getline is where the compiler optimises. */
LG__EXPORT ssize_t __getdelim(char **restrict line, size_t *restrict room, int end,
                              FILE *restrict stream)
{
    return get_line(line, room, end, stream, LG__SITE);
}

LG__EXPORT ssize_t getline(char **restrict line, size_t *restrict room, FILE *restrict stream)
{
    return get_line(line, room, '\n', stream, LG__SITE);
}

static int get(FILE *stream, uint64_t site)
{
    struct lg__object *object = lg__stream_begin(stream, site);
    int byte = lg__real()->fgetc(stream);
    lg__stream_end(object);
    return byte;
}

LG__EXPORT int fgetc(FILE *stream)
{
    return get(stream, LG__SITE);
}

LG__EXPORT int getc(FILE *stream)
{
    return get(stream, LG__SITE);
}

LG__EXPORT int getchar(void)
{
    return get(stdin, LG__SITE);
}

LG__EXPORT int ungetc(int byte, FILE *stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    int status = lg__real()->ungetc(byte, stream);
    lg__stream_end(object);
    return status;
}

/* ---- Its place and its end ------------------------------------------------------------------------ */

LG__EXPORT int fflush(FILE *stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    int status = lg__real()->fflush(stream);
    lg__stream_end(object);
    return status;
}

LG__EXPORT int fclose(FILE *stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    int status = lg__real()->fclose(stream);
    lg__stream_end(object);
    return status;
}

LG__EXPORT int fseek(FILE *stream, long offset, int origin)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    int status = lg__real()->fseek(stream, offset, origin);
    lg__stream_end(object);
    return status;
}

LG__EXPORT int fseeko(FILE *stream, off_t offset, int origin)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    int status = lg__real()->fseeko(stream, offset, origin);
    lg__stream_end(object);
    return status;
}

LG__EXPORT long ftell(FILE *stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    long offset = lg__real()->ftell(stream);
    lg__stream_end(object);
    return offset;
}

LG__EXPORT off_t ftello(FILE *stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    off_t offset = lg__real()->ftello(stream);
    lg__stream_end(object);
    return offset;
}

LG__EXPORT void rewind(FILE *stream)
{
    struct lg__object *object = lg__stream_begin(stream, LG__SITE);
    lg__real()->rewind(stream);
    lg__stream_end(object);
}
