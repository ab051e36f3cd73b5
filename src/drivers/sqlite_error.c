/* SQLite driver, memory; and errors: each result code as one of our statuses and a sentence that says what to
 * do.
 *
 * SQLite reports a full or read-only file system as an I/O error too, depending on which call hit
 * it; the system's errno, kept by SQLite, tells them apart. */
#include "drivers/sqlite_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool (*lg__sqlite_alloc_fails)(void);

void *lg__sqlite_alloc(size_t size)
{
    return lg__sqlite_alloc_fails && lg__sqlite_alloc_fails() ? NULL : calloc(1, size);
}

char *lg__sqlite_copy(const char *text)
{
    char *copy = lg__sqlite_alloc(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

static _Thread_local char error_text[512];

const char *lg_sqlite_error(void)
{
    return error_text;
}

void lg__sqlite_error_clear(void)
{
    error_text[0] = 0;
}

int lg__sqlite_fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error_text, sizeof error_text, format, arguments);
    va_end(arguments);
    return status;
}

/* The errno behind an I/O error or a file that cannot be opened; 0 if SQLite has not kept it.  It is
 * kept for the connection or, of a failed write, only for the file: the log first, it is written
 * most. */
static int cause_of(sqlite3 *handle)
{
    static const int places[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
    int cause = handle ? sqlite3_system_errno(handle) : 0;
    for (size_t i = 0; i < sizeof places / sizeof *places && handle && !cause; i++) {
        sqlite3_file *file = NULL;
        int code = sqlite3_file_control(handle, "main", places[i], &file);
        if (code == SQLITE_OK && file && file->pMethods)
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &cause);
    }
    return cause;
}

static int status_of_cause(int cause)
{
    switch (cause) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return LG_EFULL;
    case EROFS:
        return LG_EREADONLY;
    case ENOMEM:
        return LG_ENOMEM;
    }
    return LG_EDRIVER;
}

static int status_of_extended(int code, int cause)
{
    switch (code) {
    case SQLITE_IOERR_NOMEM:
        return LG_ENOMEM;
    case SQLITE_BUSY_SNAPSHOT:
        return LG_EBUSY;
    case SQLITE_IOERR_SHMSIZE: /* the shared memory cannot grow; SQLite keeps no errno for it */
        return LG_EFULL;
    case SQLITE_IOERR_ACCESS:
        return LG_EREADONLY;
    }
    switch (code & 0xff) {
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        return status_of_cause(cause);
    }
    return LG_EDRIVER;
}

/* By a request, not by the token's own deadline. */
static bool was_cancelled(void)
{
    const struct lg_cancel *token = lg_cancel_current();
    return lg_cancel_is_requested(token) && lg_after_ms(0) < lg_cancel_deadline(token);
}

static int status_of(int code, int cause)
{
    int extended = status_of_extended(code, cause);
    if (extended != LG_EDRIVER)
        return extended;
    switch (code & 0xff) {
    case SQLITE_BUSY: /* the busy handler has given up: why? */
        return was_cancelled() ? LG_ECANCELED : LG_ETIMEDOUT;
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return LG_EBUSY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return LG_EREADONLY;
    case SQLITE_FULL:
        return LG_EFULL;
    case SQLITE_NOTADB:
        return LG_ENOTDB;
    case SQLITE_NOMEM:
        return LG_ENOMEM;
    case SQLITE_INTERRUPT:
        return LG_ECANCELED;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return LG_EINVAL;
    }
    return LG_EDRIVER;
}

/* Our words where SQLite's do not say what to do; NULL where they do. */
static const char *words_of(int status, int code)
{
    switch (status) {
    case LG_ECANCELED:
        return "cancelled; roll back and return";
    case LG_ETIMEDOUT:
        return "locked by another process until the deadline; try again later";
    case LG_EREADONLY:
        return "cannot be written; check the permissions of the file and of its folder";
    case LG_EFULL:
        return "no space left (disk, quota or page limit); free some and try again";
    case LG_ENOTDB:
        return "not an SQLite database; name another file";
    case LG_ENOMEM:
        return "out of memory";
    case LG_EBUSY:
        if (code == SQLITE_BUSY_SNAPSHOT)
            return "the data changed since this transaction's first read; roll back and begin "
                   "again";
        return NULL;
    }
    if ((code & 0xff) == SQLITE_CORRUPT)
        return "damaged; run PRAGMA integrity_check or restore a copy";
    if ((code & 0xff) == SQLITE_IOERR)
        return "the operating system failed to read or write it";
    if ((code & 0xff) == SQLITE_CANTOPEN)
        return "cannot be opened";
    return NULL;
}

int lg__sqlite_fail_code(sqlite3 *handle, int code, const char *file)
{
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
        return LG_OK;
    int primary = code & 0xff;
    int cause = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ? cause_of(handle) : 0;
    int status = status_of(code, cause);
    const char *words = words_of(status, code);
    const char *theirs = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    if (!words)
        return lg__sqlite_fail(status, "%s: %s", file, theirs);
    if (status == LG_EDRIVER && cause)
        theirs = strerror(cause);
    return lg__sqlite_fail(status, "%s: %s (%s)", file, words, theirs);
}
