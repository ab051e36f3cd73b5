/* Programs as files: what ELF says about whether the runtime can come in, and what variables are called. */
#include "explore.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LG_EXPLORE_FOLDER
#define LG_EXPLORE_FOLDER "../lib/lifeguard"
#endif

static bool is_there(const char *folder, const char *name, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "%s/%s/liblifeguard_explore.so", folder, name) < size &&
           !access(out, R_OK);
}

/* Beside the program where it was built, or where it was installed. */
bool explore_find_runtime(char *out, size_t size)
{
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length > 0) {
        self[length] = 0;
        *strrchr(self, '/') = 0;
        if (is_there(self, "explore", out, size) || is_there(self, LG_EXPLORE_FOLDER, out, size))
            return true;
    }
    fprintf(stderr, "lifeguard: the runtime liblifeguard_explore.so is not installed (looked in "
                    "explore/ and " LG_EXPLORE_FOLDER "/ beside the program)\n");
    return false;
}

static bool is_executable(const char *path)
{
    struct stat status;
    return !stat(path, &status) && S_ISREG(status.st_mode) && !access(path, X_OK);
}

bool explore_find_program(const char *name, char *out, size_t size)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/') || !path)
        return (size_t)snprintf(out, size, "%s", name) < size && is_executable(out);
    while (*path) {
        size_t length = strcspn(path, ":");
        if ((size_t)snprintf(out, size, "%.*s/%s", (int)length, path, name) < size && length &&
            is_executable(out))
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

/* ---- ELF.  Every offset is checked against the file's size: the file is a stranger's. -------------------- */

struct file {
    const unsigned char *bytes;
    size_t size;
};

static bool open_file(const char *path, struct file *file)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    *file = (struct file){NULL, 0};
    if (descriptor < 0)
        return false;
    if (!fstat(descriptor, &status) && status.st_size >= (off_t)sizeof(Elf64_Ehdr)) {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (bytes != MAP_FAILED)
            *file = (struct file){bytes, (size_t)status.st_size};
    }
    close(descriptor);
    return file->bytes != NULL;
}

static void close_file(const struct file *file)
{
    munmap((void *)(uintptr_t)file->bytes, file->size);
}

static const void *at(const struct file *file, uint64_t offset, uint64_t size)
{
    return offset <= file->size && size <= file->size - offset ? file->bytes + offset : NULL;
}

static const Elf64_Ehdr *header_of(const struct file *file)
{
    const Elf64_Ehdr *header = at(file, 0, sizeof *header);
    if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) ||
        header->e_ident[EI_CLASS] != ELFCLASS64)
        return NULL;
    return header;
}

static bool has_interpreter(const struct file *file, const Elf64_Ehdr *header)
{
    const Elf64_Phdr *segments =
        at(file, header->e_phoff, (uint64_t)header->e_phnum * sizeof *segments);
    for (int i = 0; segments && i < header->e_phnum; i++)
        if (segments[i].p_type == PT_INTERP)
            return true;
    return false;
}

struct symbols {
    const Elf64_Sym *first;
    uint64_t count;
    const char *names;
    uint64_t names_size;
};

static bool find_symbols(const struct file *file, const Elf64_Ehdr *header, uint32_t type,
                         struct symbols *out)
{
    const Elf64_Shdr *sections =
        at(file, header->e_shoff, (uint64_t)header->e_shnum * sizeof *sections);
    for (int i = 0; sections && i < header->e_shnum; i++) {
        if (sections[i].sh_type != type || sections[i].sh_link >= header->e_shnum)
            continue;
        const Elf64_Shdr *names = &sections[sections[i].sh_link];
        out->first = at(file, sections[i].sh_offset, sections[i].sh_size);
        out->count = sections[i].sh_size / sizeof *out->first;
        out->names = at(file, names->sh_offset, names->sh_size);
        out->names_size = names->sh_size;
        return out->first && out->names && out->names_size && !out->names[out->names_size - 1];
    }
    return false;
}

static const char *name_of(const struct symbols *symbols, const Elf64_Sym *symbol)
{
    return symbol->st_name < symbols->names_size ? symbols->names + symbol->st_name : "";
}

/* A program that defines what the runtime is for has brought another along. */
static bool has_own_runtime(const struct file *file, const Elf64_Ehdr *header)
{
    struct symbols symbols;
    if (!find_symbols(file, header, SHT_DYNSYM, &symbols))
        return false;
    for (uint64_t i = 0; i < symbols.count; i++)
        if (symbols.first[i].st_shndx != SHN_UNDEF &&
            !strcmp(name_of(&symbols, &symbols.first[i]), "__tsan_init"))
            return true;
    return false;
}

static const char *check(const struct file *file)
{
    const Elf64_Ehdr *header = header_of(file);
    if (!header)
        return "it is no 64-bit ELF program (a script? name the program that the script starts)";
    if (!has_interpreter(file, header))
        return "it is linked statically: explore needs a dynamic one";
    if (has_own_runtime(file, header))
        return "it has ThreadSanitizer's own runtime linked in (clang does so): build it by "
               "`lifeguard cc`";
    return NULL;
}

const char *explore_check_program(const char *path)
{
    struct file file;
    struct stat status;
    if (!stat(path, &status) && (status.st_mode & (S_ISUID | S_ISGID)))
        return "it is setuid or setgid: the loader brings no runtime into it";
    if (!open_file(path, &file))
        return "it cannot be read, or is too short to be a program";
    const char *complaint = check(&file);
    close_file(&file);
    return complaint;
}

/* One "7account" of a mangled name; NULL: there is none. */
static const char *take_part(const char *at, const char **name, size_t *length)
{
    char *end;
    if (*at == 'L')
        at++;
    if (*at < '1' || *at > '9')
        return NULL;
    *length = strtoul(at, &end, 10);
    *name = end;
    return strnlen(end, *length) == *length ? end + *length : NULL;
}

/* "_ZN2ns7accountE" is ns::account. */
static bool write_nested(const char *at, char *out, size_t size)
{
    size_t used = 0, length;
    const char *part;
    while (*at != 'E') {
        at = take_part(at, &part, &length);
        if (!at)
            return false;
        if (!strncmp(part, "_GLOBAL__N_", 11))
            continue;
        int written =
            snprintf(out + used, size - used, "%s%.*s", used ? "::" : "", (int)length, part);
        used += written > 0 && (size_t)written < size - used ? (size_t)written : 0;
    }
    return used && !at[1];
}

/* A variable within a function: what is behind the function's name. */
static const char *find_local(const char *at)
{
    const char *part, *found = NULL;
    size_t length;
    for (; (at = strchr(at, 'E')); at++) {
        const char *end = take_part(at + 1, &part, &length);
        if (end && (!*end || *end == '_'))
            found = at + 1;
    }
    return found;
}

/* The names of variables as they are in the source: of C++'s mangled ones those that are plain. */
static void write_name(const char *name, char *out, size_t size)
{
    const char *part = name, *at = name;
    size_t length = strcspn(name, ".");
    if (strncmp(name, "_Z", 2)) {
        /* A static variable of a function has a number behind it. */
        bool is_numbered =
            name[length] && !name[length + 1 + strspn(name + length + 1, "0123456789")];
        snprintf(out, size, "%.*s", is_numbered ? (int)length : (int)size - 1, name);
        return;
    }
    if (name[2] == 'N' && write_nested(name + 3, out, size))
        return;
    if (name[2] == 'Z')
        at = find_local(name + 3);
    else
        at = name + 2;
    if (at && take_part(at, &part, &length))
        snprintf(out, size, "%.*s", (int)length, part);
    else
        snprintf(out, size, "%s", name);
}

static bool find_object(const struct symbols *symbols, uint64_t address, char *out, size_t size)
{
    for (uint64_t i = 0; i < symbols->count; i++) {
        const Elf64_Sym *symbol = &symbols->first[i];
        if (ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT || address < symbol->st_value ||
            address - symbol->st_value >= symbol->st_size)
            continue;
        uint64_t offset = address - symbol->st_value;
        write_name(name_of(symbols, symbol), out, size);
        size_t length = strlen(out);
        if (offset)
            snprintf(out + length, size - length, "+%lu", (unsigned long)offset);
        return true;
    }
    return false;
}

bool explore_find_variable(const char *path, uint64_t address, char *out, size_t size)
{
    struct file file;
    struct symbols symbols;
    if (!open_file(path, &file))
        return false;
    const Elf64_Ehdr *header = header_of(&file);
    bool is_found = header && ((find_symbols(&file, header, SHT_SYMTAB, &symbols) &&
                                find_object(&symbols, address, out, size)) ||
                               (find_symbols(&file, header, SHT_DYNSYM, &symbols) &&
                                find_object(&symbols, address, out, size)));
    close_file(&file);
    return is_found;
}
