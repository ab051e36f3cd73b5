#include "explore/destructors.h"

#include <link.h>
#include <stddef.h>
#include <string.h>

/* Libraries whose own do nothing that a run would miss. */
static bool is_system(const char *path)
{
    static const char *const names[] = {"linux-vdso.",
                                        "ld-linux",
                                        "libc.so.",
                                        "libm.so.",
                                        "libpthread.",
                                        "libdl.so.",
                                        "librt.so.",
                                        "libgcc_s.",
                                        "libstdc++.so",
                                        "libtsan.so",
                                        "liblifeguard_explore.so"};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strncmp(name, names[i], strlen(names[i])))
            return true;
    return false;
}

/* What the compiler puts there when there is nothing to do. */
static bool is_empty_function(const unsigned char *code)
{
    static const unsigned char mark[] = {0xf3, 0x0f, 0x1e, 0xfa}; /* endbr64 */
    static const unsigned char empty[] = {0x48, 0x83, 0xec, 0x08, 0x48, 0x83, 0xc4, 0x08, 0xc3};
#if defined(__x86_64__)
    if (!memcmp(code, mark, sizeof mark))
        code += sizeof mark;
    return !memcmp(code, empty, sizeof empty);
#else
    (void)code;
    (void)mark;
    (void)empty;
    return false;
#endif
}

/* The compiler's own is one: it runs what was registered to run at exit, which has run by then. */
static bool has_some(const ElfW(Dyn) * entry, ElfW(Addr) base)
{
    for (; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_FINI_ARRAYSZ && entry->d_un.d_val > sizeof(void *))
            return true;
        if (entry->d_tag == DT_FINI &&
            !is_empty_function((const unsigned char *)(base + entry->d_un.d_ptr)))
            return true;
    }
    return false;
}

static int look(struct dl_phdr_info *info, size_t size, void *is_first)
{
    (void)size;
    if (!*(bool *)is_first)
        return !is_system(info->dlpi_name);
    *(bool *)is_first = false; /* the program */
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            return has_some((const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
                            info->dlpi_addr);
    return 1;
}

bool lg__destructors_are_any(void)
{
    bool is_first = true;
    return dl_iterate_phdr(look, &is_first) != 0;
}
