/* Writing beside, and renaming. */
#include "observe/file.h"

#include <lifeguard/status.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int write_function(void *arg, int fd);

static int write_and_close(int fd, write_function *write, void *arg)
{
    int status = write(arg, fd);
    if (close(fd) != 0 && status == LG_OK)
        status = LG_ESYS;
    return status;
}

/* Into what is no regular file: a device, a pipe, a terminal.  That must not be replaced by a file; and a pipe that
 * nobody reads is an error and not a wait. */
static int write_into(const char *path, write_function *write, void *arg)
{
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return LG_ESYS;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    return write_and_close(fd, write, arg);
}

bool lg__file_is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/* What was left there under the name is not written into: it may be somebody else's link. */
static int write_beside(const char *path, write_function *write, void *arg)
{
    char beside[PATH_MAX];
    int length = snprintf(beside, sizeof beside, "%s.%d.part", path, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof beside)
        return LG_EINVAL;
    (void)unlink(beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return LG_ESYS;
    int status = write_and_close(fd, write, arg);
    if (status == LG_OK && rename(beside, path) != 0)
        status = LG_ESYS;
    if (status != LG_OK)
        (void)unlink(beside);
    return status;
}

int lg__file_replace(const char *path, write_function *write, void *arg)
{
    char target[PATH_MAX];
    if (!path || !path[0])
        return LG_EINVAL;
    if (lg__file_is_special(path))
        return write_into(path, write, arg);
    /* Of a link, the file that it names is replaced. */
    return write_beside(realpath(path, target) ? target : path, write, arg);
}
