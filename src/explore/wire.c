#include "explore/wire.h"

#include <errno.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int wire = -1;

void lg__wire_begin(int descriptor)
{
    wire = descriptor;
}

static void write_all(const char *text, size_t length)
{
    while (length) {
        ssize_t written = write(wire, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        /* Nobody listens any more: there is nobody to run for. */
        if (written <= 0)
            _exit(2);
        text += written;
        length -= (size_t)written;
    }
}

void lg__wire_say(const char *format, ...)
{
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size_t used = (size_t)length < sizeof line - 2 ? (size_t)length : sizeof line - 2;
    line[used] = '\n';
    write_all(line, used + 1);
}

static int say_module(struct dl_phdr_info *info, size_t size, void *argument)
{
    unsigned long end = 0;
    (void)size;
    (void)argument;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        unsigned long segment_end = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        if (segment->p_type == PT_LOAD && segment_end > end)
            end = segment_end;
    }
    char path[4000];
    const char *name = info->dlpi_name;
    if (!*name) {
        ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
        path[length > 0 ? length : 0] = 0;
        name = path;
    }
    lg__wire_say("module %lx %lx %s", (unsigned long)info->dlpi_addr, end, name);
    return 0;
}

void lg__wire_modules(void)
{
    dl_iterate_phdr(say_module, NULL);
}

void lg__wire_text(const char *word, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        lg__wire_say("%s %.*s", word, (int)length, text);
        text += length + (text[length] == '\n');
    }
}
