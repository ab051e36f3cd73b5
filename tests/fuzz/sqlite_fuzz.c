/* Names of database files as users give them, and option structs of any size and bytes.
 *
 * All of it happens in a folder of its own, and a new one after each pool: an open that was in flight
 * when its pool was destroyed may still make a file.  A name that could lead out of the folder is only
 * looked at (must_exist), never created. */
#define _GNU_SOURCE /* nftw */
#include "sized.h"

#include "drivers/sqlite_parts.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[64];    /* of all sandboxes */
static char sandbox[80]; /* the current one, and the current folder; empty before the first */
static unsigned sandboxes;

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static void remove_home(void)
{
    if (chdir("/") == 0)
        (void)nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *name, const char *content)
{
    int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    FUZZ_CHECK(fd >= 0);
    FUZZ_CHECK(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
    close(fd);
}

static void fill_sandbox(void)
{
    write_file("empty.db", "");
    write_file("text.txt", "this is no database, but long enough to be taken for one");
    FUZZ_CHECK(mkdir("folder", 0755) == 0);
    FUZZ_CHECK(symlink("empty.db", "link") == 0);
    FUZZ_CHECK(symlink("loop", "loop") == 0);
    FUZZ_CHECK(symlink("gone", "dangling") == 0);
    FUZZ_CHECK(mkfifo("fifo", 0644) == 0);
}

static void begin(void)
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(home, sizeof home, "%s/lifeguard-fuzz-XXXXXX",
                          parent && strlen(parent) < 32 ? parent : "/tmp");
    FUZZ_CHECK(length < (int)sizeof home && mkdtemp(home));
    atexit(remove_home);
}

static void enter_sandbox(void)
{
    snprintf(sandbox, sizeof sandbox, "%s/%u", home, sandboxes++);
    FUZZ_CHECK(mkdir(sandbox, 0700) == 0 && chdir(sandbox) == 0);
    fill_sandbox();
}

/* What comes too late for this goes with the home. */
static void leave_sandbox(void)
{
    FUZZ_CHECK(chdir("/") == 0);
    (void)nftw(sandbox, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    sandbox[0] = 0;
}

static bool may_lead_out(const char *name)
{
    return name[0] == '/' || strstr(name, "..") != NULL;
}

static unsigned entries_seen;

static int count_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)path, (void)info, (void)kind, (void)walk;
    entries_seen++;
    return 0;
}

static unsigned count_entries(void)
{
    entries_seen = 0;
    FUZZ_CHECK(nftw(sandbox, count_one, 16, FTW_PHYS) == 0);
    return entries_seen;
}

/* What was created can be undone, what was there stays, and nothing else is touched. */
static void find_file(const char *name, uint8_t how)
{
    struct lg__sqlite_file file;
    unsigned before = count_entries();
    bool must_exist = (how & 1) || (name && may_lead_out(name));
    int status = lg__sqlite_file_find(name, how & 2, must_exist, &file);
    FUZZ_CHECK((status == LG_OK) == (file.path != NULL));
    FUZZ_CHECK(status == LG_OK || lg_sqlite_error()[0] != 0);
    if (status != LG_OK) {
        FUZZ_CHECK(count_entries() == before);
        return;
    }
    FUZZ_CHECK(file.path[0] == '/' && file.base == strrchr(file.path, '/') + 1 && file.base[0]);
    FUZZ_CHECK(!file.is_created || (!must_exist && !(how & 2)));
    FUZZ_CHECK(count_entries() == before + file.is_created);
    FUZZ_CHECK(lg__sqlite_file_identify(&file) == LG_OK && lg__sqlite_file_is_same(&file));
    lg__sqlite_file_undo(&file);
    FUZZ_CHECK(count_entries() == before);
    lg__sqlite_file_free(&file);
}

/* A pool of it, used once.  The options decide whether there is one. */
static void open_database(struct fuzz_input *input, const char *name)
{
    struct lg_pool *pool = NULL;
    struct lg_lease lease;
    uint8_t has = fuzz_byte(input);
    unsigned char *options = fuzz_struct(input, sizeof(struct lg_sqlite_options));
    unsigned char *pool_options = has & 1 ? fuzz_pool_options(input, NULL, NULL) : NULL;
    FUZZ_PUT(options, struct lg_sqlite_options, setup, has & 2 ? "PRAGMA foreign_keys = ON" : NULL);
    FUZZ_PUT(options, struct lg_sqlite_options, vfs, has & 4 ? "there is none" : NULL);
    FUZZ_PUT(options, struct lg_sqlite_options, pool, pool_options);
    int status =
        lg_sqlite_open(name, (const struct lg_sqlite_options *)(const void *)options, &pool);
    FUZZ_CHECK((status == LG_OK) == (pool != NULL));
    FUZZ_CHECK(status == LG_OK || lg_sqlite_error()[0] != 0);
    if (pool && lg_pool_checkout(pool, lg_after_ms(10000), &lease) == LG_OK)
        FUZZ_CHECK(lg_pool_checkin(pool, &lease) == LG_OK);
    lg_pool_destroy(pool);
    free(options);
    free(pool_options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    static char name[PATH_MAX + 16];
    if (!home[0])
        begin();
    if (!sandbox[0])
        enter_sandbox();
    uint8_t how = fuzz_byte(&input);
    fuzz_text(&input, name, sizeof name);
    find_file(how & 16 ? NULL : name, how);
    if (!(how & 12) && !may_lead_out(name)) {
        open_database(&input, name);
        leave_sandbox();
    }
    return 0;
}
