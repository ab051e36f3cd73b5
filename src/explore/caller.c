#include "explore/caller.h"

#include "explore/run.h"

#include <link.h>

#define FILES_MAX 64

/* Where the instrumented files lie.  Written by constructors, which the loader calls one at a time. */
static struct {
    uintptr_t begin;
    uintptr_t end;
} files[FILES_MAX];

static uint32_t file_count;
static unsigned long long loaded; /* files that the loader has ever added, when we looked last */

/* What an instrumented file imports, with the zeros around it in the table of names. */
static const char wanted[] = "\0__tsan_init";

static bool has_name(const char *names, size_t size)
{
    for (size_t at = 0; at + sizeof wanted <= size; at++) {
        size_t same = 0;
        while (same < sizeof wanted && names[at + same] == wanted[same])
            same++;
        if (same == sizeof wanted)
            return true;
    }
    return false;
}

static bool is_instrumented(const struct dl_phdr_info *info, const ElfW(Dyn) * entry)
{
    uintptr_t names = 0;
    size_t size = 0;
    for (; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_STRTAB)
            names = entry->d_un.d_ptr;
        if (entry->d_tag == DT_STRSZ)
            size = entry->d_un.d_val;
    }
    /* The loader has made an address of it, save in what the kernel maps. */
    if (names < info->dlpi_addr)
        names += info->dlpi_addr;
    return names && has_name((const char *)names, size);
}

static int look_at(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    uintptr_t begin = UINTPTR_MAX, end = 0;
    const ElfW(Dyn) *dynamic = NULL;
    for (uint32_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t address = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_DYNAMIC)
            dynamic = (const ElfW(Dyn) *)address;
        if (part->p_type != PT_LOAD)
            continue;
        begin = address < begin ? address : begin;
        end = address + part->p_memsz > end ? address + part->p_memsz : end;
    }
    /* The runtime has the name too, because it exports it. */
    uintptr_t own = (uintptr_t)&files;
    bool is_own = own >= begin && own < end;
    if (!dynamic || is_own || file_count == FILES_MAX || !is_instrumented(info, dynamic))
        return 0;
    files[file_count].begin = begin;
    files[file_count].end = end;
    file_count++;
    return 0;
}

static int count_loaded(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)size;
    *(unsigned long long *)count = info->dlpi_adds;
    return 1;
}

void lg__caller_look(void)
{
    unsigned long long count = 0;
    dl_iterate_phdr(count_loaded, &count);
    if (count == loaded)
        return;
    loaded = count;
    file_count = 0;
    dl_iterate_phdr(look_at, NULL);
}

bool lg__caller_is_watched(uint64_t site)
{
    return lg__watched && lg__caller_is_instrumented(site);
}

bool lg__caller_is_instrumented(uint64_t site)
{
    for (uint32_t i = 0; i < file_count; i++)
        if (site >= files[i].begin && site < files[i].end)
            return true;
    return false;
}
