/* Writing beside, and renaming. */
#include "observe/file.h"

#include <lifeguard/status.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int lg__file_replace(const char *path, int (*write)(void *arg, int fd), void *arg)
{
    char beside[PATH_MAX];
    if (!path || !path[0])
        return LG_EINVAL;
    int length = snprintf(beside, sizeof beside, "%s.%d.part", path, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof beside)
        return LG_EINVAL;
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return LG_ESYS;
    int status = write(arg, fd);
    if (close(fd) != 0 && status == LG_OK)
        status = LG_ESYS;
    if (status == LG_OK && rename(beside, path) != 0)
        status = LG_ESYS;
    if (status != LG_OK)
        (void)unlink(beside);
    return status;
}
