/* SQLite driver, files: what can be said about a name before SQLite sees it, in better words.
 *
 * SQLite reports a missing folder, a folder in the place of a file and a forbidden one with the same
 * code.  And it creates a file before it knows whether it can be filled; so we create it, with
 * O_EXCL, and then know that it is ours to remove when the open fails.
 *
 * Never open an existing database here: closing any descriptor of a file drops all POSIX locks that
 * SQLite has on it in this process. */
#include "drivers/sqlite_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool may(const char *path, int how)
{
    return faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0;
}

/* The folder part of an absolute path. */
static void folder_of(const char *path, char *out, size_t size)
{
    snprintf(out, size, "%s", path);
    char *slash = strrchr(out, '/');
    if (slash)
        slash[slash == out] = 0;
}

static int fail_errno(const char *name, const char *what)
{
    int cause = errno;
    switch (cause) {
    case EACCES:
    case EPERM:
    case EROFS:
        return lg__sqlite_fail(LG_EREADONLY, "%s: %s: %s", name, what, strerror(cause));
    case ENOSPC:
    case EDQUOT:
        return lg__sqlite_fail(LG_EFULL, "%s: %s: %s", name, what, strerror(cause));
    case ENOMEM:
        return lg__sqlite_fail(LG_ENOMEM, "%s: %s: %s", name, what, strerror(cause));
    }
    return lg__sqlite_fail(LG_EOPEN, "%s: %s: %s", name, what, strerror(cause));
}

static int check_existing(const char *name, const char *path, bool read_only)
{
    struct stat info;
    if (stat(path, &info))
        return fail_errno(name, "cannot be looked at");
    if (S_ISDIR(info.st_mode))
        return lg__sqlite_fail(LG_EOPEN, "%s: is a folder; name a file in it", name);
    if (!S_ISREG(info.st_mode))
        return lg__sqlite_fail(LG_EOPEN, "%s: is not a regular file; name another", name);
    if (!may(path, R_OK))
        return lg__sqlite_fail(LG_EOPEN, "%s: permission denied; it must be readable", name);
    if (read_only)
        return LG_OK;
    if (!may(path, W_OK))
        return lg__sqlite_fail(LG_EREADONLY, "%s: permission denied; it must be writable", name);
    char folder[PATH_MAX];
    folder_of(path, folder, sizeof folder);
    if (!may(folder, W_OK | X_OK))
        return lg__sqlite_fail(LG_EREADONLY, "%s: its folder %s must be writable too", name,
                               folder);
    return LG_OK;
}

/* The absolute path of a file that does not exist yet; NULL with errno. */
static char *path_of_new(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    char folder[PATH_MAX] = ".";
    if (slash == name)
        strcpy(folder, "/");
    else if (slash)
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
    char resolved[PATH_MAX];
    if (!realpath(folder, resolved))
        return NULL;
    errno = ENOMEM;
    const char *prefix = strcmp(resolved, "/") ? resolved : "";
    size_t size = strlen(prefix) + strlen(base) + 2;
    char *path = lg__sqlite_alloc(size);
    if (path)
        snprintf(path, size, "%s/%s", prefix, base);
    return path;
}

static int create(const char *name, struct lg__sqlite_file *file)
{
    size_t length = strlen(name);
    if (name[length - 1] == '/')
        return lg__sqlite_fail(LG_EOPEN, "%s: is a folder; name a file in it", name);
    file->path = path_of_new(name);
    if (!file->path && errno == ENOENT)
        return lg__sqlite_fail(LG_EOPEN, "%s: its folder does not exist; create it first", name);
    if (!file->path)
        return fail_errno(name, "its folder cannot be used");
    int fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    struct stat info;
    if (fd < 0 && errno == EEXIST && stat(file->path, &info) && errno == ENOENT)
        return lg__sqlite_fail(LG_EOPEN, "%s: is a link to what does not exist; create that first",
                               name);
    if (fd < 0 && errno == EEXIST)
        return LG_OK; /* somebody else was faster, which is as good */
    if (fd < 0)
        return fail_errno(name, "cannot be created");
    close(fd);
    file->is_created = true;
    return LG_OK;
}

int lg__sqlite_file_find(const char *name, bool read_only, bool must_exist,
                         struct lg__sqlite_file *out)
{
    *out = (struct lg__sqlite_file){0};
    if (!name || !*name || !strcmp(name, ":memory:"))
        return lg__sqlite_fail(LG_EINVAL, "a database in memory cannot be shared by connections; "
                                          "name a file");
    if (strlen(name) >= PATH_MAX)
        return lg__sqlite_fail(LG_EOPEN, "the name of the file is too long");
    int status;
    char resolved[PATH_MAX];
    if (realpath(name, resolved)) {
        status = check_existing(name, resolved, read_only);
        out->path = lg__sqlite_copy(resolved);
        if (status == LG_OK && !out->path)
            status = lg__sqlite_fail(LG_ENOMEM, "out of memory");
    } else if (errno != ENOENT) {
        status = lg__sqlite_fail(LG_EOPEN, "%s: cannot be opened: %s", name, strerror(errno));
    } else if (read_only || must_exist) {
        status = lg__sqlite_fail(LG_EOPEN, "%s: does not exist", name);
    } else {
        status = create(name, out);
    }
    if (status != LG_OK) {
        lg__sqlite_file_free(out);
        return status;
    }
    out->base = strrchr(out->path, '/') + 1;
    return LG_OK;
}

int lg__sqlite_file_identify(struct lg__sqlite_file *file)
{
    struct stat info;
    if (stat(file->path, &info))
        return fail_errno(file->path, "has gone");
    file->device = info.st_dev;
    file->inode = info.st_ino;
    return LG_OK;
}

bool lg__sqlite_file_is_same(const struct lg__sqlite_file *file)
{
    struct stat info;
    return !stat(file->path, &info) && info.st_dev == file->device && info.st_ino == file->inode;
}

/* A database with nothing in it has one page, of at most 64 KiB. */
#define EMPTY_SIZE_MAX 65536

void lg__sqlite_file_undo(const struct lg__sqlite_file *file)
{
    struct stat info;
    if (!file->is_created || stat(file->path, &info) || info.st_size > EMPTY_SIZE_MAX)
        return;
    static const char *const suffixes[] = {"-journal", "-wal", "-shm", ""};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s%s", file->path, suffixes[i]);
        unlink(path);
    }
}

void lg__sqlite_file_free(struct lg__sqlite_file *file)
{
    free(file->path);
    file->path = NULL;
}
