/* Bounded text, JSON strings, and reading a place that may be gone. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* process_vm_readv */
#endif
#include "plat/text.h"

#include "plat/seam.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

void lg__text_begin(struct lg__text *text, char *buffer, size_t size)
{
    *text = (struct lg__text){.buffer = buffer, .size = size, .fd = -1};
    if (size > 0)
        buffer[0] = 0;
}

void lg__text_begin_fd(struct lg__text *text, char *buffer, size_t size, int fd)
{
    lg__text_begin(text, buffer, size);
    text->fd = fd;
}

bool lg__text_flush(struct lg__text *text)
{
    for (size_t done = 0; done < text->used && !text->has_failed;) {
        ssize_t written = lg__seam_fails(LG__SEAM_WRITE)
                              ? -1
                              : write(text->fd, text->buffer + done, text->used - done);
        if (written > 0)
            done += (size_t)written;
        else if (written == 0 || errno != EINTR)
            text->has_failed = true;
    }
    text->used = 0;
    return !text->has_failed;
}

static void add_bytes(struct lg__text *text, const char *bytes, size_t count)
{
    text->length += count;
    if (count > 0)
        text->last = bytes[count - 1];
    while (count > 0 && text->used + 1 < text->size) {
        size_t room = text->size - 1 - text->used;
        size_t fits = count < room ? count : room;
        memcpy(text->buffer + text->used, bytes, fits);
        text->used += fits;
        text->buffer[text->used] = 0;
        bytes += fits;
        count -= fits;
        if (text->used + 1 == text->size && text->fd >= 0) /* so that there is room next time */
            (void)lg__text_flush(text);
    }
}

void lg__text_add(struct lg__text *text, const char *string)
{
    add_bytes(text, string, strlen(string));
}

void lg__text_addf(struct lg__text *text, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length >= (int)sizeof line)
        length = (int)sizeof line - 1;
    if (length > 0)
        add_bytes(text, line, (size_t)length);
}

/* The length of the UTF-8 character at s, or 0 if it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool is_overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool is_outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return is_overlong || is_outside ? 0 : length;
}

void lg__text_add_plain(struct lg__text *text, const char *string)
{
    const unsigned char *s = (const unsigned char *)string;
    while (*s) {
        size_t length = utf8_length(s);
        bool is_control = *s < 0x20 || *s == 0x7f || (*s == 0xc2 && length == 2 && s[1] < 0xa0);
        size_t taken = length ? length : 1;
        if (is_control || length == 0)
            add_bytes(text, "??", taken);
        else
            add_bytes(text, (const char *)s, length);
        s += taken;
    }
}

void lg__text_add_json(struct lg__text *text, const char *string)
{
    add_bytes(text, "\"", 1);
    const unsigned char *s = (const unsigned char *)string;
    while (*s) {
        size_t length = utf8_length(s);
        if (*s == '"' || *s == '\\')
            lg__text_addf(text, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7f)
            lg__text_addf(text, "\\u%04x", *s);
        else if (length == 0)
            add_bytes(text, "?", 1);
        else
            add_bytes(text, (const char *)s, length);
        s += length ? length : 1;
    }
    add_bytes(text, "\"", 1);
}

void lg__text_add_dot(struct lg__text *text, const char *string)
{
    const unsigned char *s = (const unsigned char *)string;
    while (*s) {
        size_t length = utf8_length(s);
        if (*s == '"' || *s == '\\')
            add_bytes(text, "\\", 1);
        if (*s < 0x20 || length == 0)
            add_bytes(text, *s < 0x20 ? " " : "?", 1);
        else
            add_bytes(text, (const char *)s, length);
        s += length ? length : 1;
    }
}

void lg__text_add_label(struct lg__text *text, const char *string)
{
    const unsigned char *s = (const unsigned char *)string;
    while (*s) {
        size_t length = utf8_length(s);
        if (*s == '\n')
            add_bytes(text, "\\n", 2);
        else if (*s == '"' || *s == '\\')
            lg__text_addf(text, "\\%c", *s);
        else if (length == 0)
            add_bytes(text, "?", 1);
        else
            add_bytes(text, (const char *)s, length);
        s += length ? length : 1;
    }
}

void lg__json_key(struct lg__text *text, const char *key)
{
    bool is_first = text->length == 0 || text->last == '{' || text->last == '[';
    if (!is_first)
        add_bytes(text, ",", 1);
    lg__text_add_json(text, key);
    add_bytes(text, ":", 1);
}

void lg__json_string(struct lg__text *text, const char *key, const char *value)
{
    lg__json_key(text, key);
    lg__text_add_json(text, value);
}

void lg__json_number(struct lg__text *text, const char *key, uint64_t value)
{
    lg__json_key(text, key);
    lg__text_addf(text, "%llu", (unsigned long long)value);
}

void lg__copy_name(char *out, size_t size, const char *name)
{
    size_t length = name ? strlen(name) : 0;
    if (length >= size)
        length = size - 1;
    if (length > 0)
        memcpy(out, name, length);
    out[length] = 0;
}

/* Reads at most `room` bytes at `from`, not past its page, with a system call: an unmapped address
 * gives an error instead of a fault.  The calls by process id instead of memcpy are the point. */
static size_t peek(char *to, const char *from, size_t room)
{
    size_t to_page_end = 4096 - ((uintptr_t)from & 4095);
    size_t wanted = room < to_page_end ? room : to_page_end;
    struct iovec local = {to, wanted};
    struct iovec remote = {(void *)(uintptr_t)from, wanted};
    if (lg__seam_fails(LG__SEAM_PEEK))
        return 0;
    ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    return got > 0 ? (size_t)got : 0;
}

void lg__copy_place(char *out, size_t size, const char *place)
{
    char raw[256];
    out[0] = 0;
    if (!place)
        return;
    size_t length = peek(raw, place, sizeof raw - 1);
    if (length > 0 && length < sizeof raw - 1 && !memchr(raw, 0, length))
        length += peek(raw + length, place + length, sizeof raw - 1 - length);
    raw[length] = 0;
    length = strlen(raw);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)raw[i] < 0x20 || (unsigned char)raw[i] > 0x7e)
            return;
    /* The end of a path says more than its beginning. */
    const char *end = length >= size ? raw + length - (size - 1) : raw;
    lg__copy_name(out, size, end);
}
