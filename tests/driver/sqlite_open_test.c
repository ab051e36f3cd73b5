/* lg_sqlite_open: every way in which a name can be wrong is a status and words, and leaves nothing
 * behind. */
#define _GNU_SOURCE /* unshare */
#include "driver/database.h"

#include "drivers/sqlite_parts.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The open must fail with this status and a sentence that has this in it. */
static void expect_failure(const char *file, const struct lg_sqlite_options *options, int status,
                           const char *words)
{
    struct lg_pool *pool = (struct lg_pool *)1;
    assert_int_equal(lg_sqlite_open(file, options, &pool), status);
    assert_null(pool);
    if (!strstr(lg_sqlite_error(), words))
        print_error("\"%s\" does not say \"%s\"\n", lg_sqlite_error(), words);
    assert_non_null(strstr(lg_sqlite_error(), words));
}

static void test_wrong_names(void **state)
{
    (void)state;
    expect_failure(NULL, NULL, LG_EINVAL, "name a file");
    expect_failure("", NULL, LG_EINVAL, "name a file");
    expect_failure(":memory:", NULL, LG_EINVAL, "name a file");
    expect_failure(path_of("none/a.db"), NULL, LG_EOPEN, "folder does not exist");
    expect_failure(folder, NULL, LG_EOPEN, "is a folder");
    expect_failure(path_of("new/"), NULL, LG_EOPEN, "is a folder");
    assert_int_equal(symlink("gone", path_of("dangling")), 0);
    expect_failure(path_of("dangling"), NULL, LG_EOPEN, "is a link to what does not exist");
    assert_int_equal(unlink(path_of("dangling")), 0);
    put(path_of("file"), "");
    expect_failure(path_of("file/a.db"), NULL, LG_EOPEN, "Not a directory");
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    expect_failure(path_of("fifo"), NULL, LG_EOPEN, "not a regular file");
    assert_int_equal(lg_sqlite_open(path_of("a.db"), NULL, NULL), LG_EINVAL);
    assert_int_equal(count_files(folder), 2);
}

static void test_long_name(void **state)
{
    (void)state;
    char name[PATH_MAX + 100];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = 0;
    expect_failure(name, NULL, LG_EOPEN, "too long");
}

static void test_not_a_database(void **state)
{
    (void)state;
    struct stat before, after;
    const char *text = "This is a letter to my aunt, and not a database at all.\n";
    for (int copies = 1; copies <= 1000; copies *= 10) {
        FILE *file = fopen(path_of("letter"), "w");
        assert_non_null(file);
        for (int i = 0; i < copies; i++)
            fputs(text, file);
        fclose(file);
        assert_int_equal(stat(path_of("letter"), &before), 0);
        expect_failure(path_of("letter"), NULL, LG_ENOTDB, "not an SQLite database");
        assert_int_equal(stat(path_of("letter"), &after), 0);
        assert_int_equal(before.st_size, after.st_size);
        assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
        assert_int_equal(count_files(folder), 1);
    }
}

static void test_must_exist(void **state)
{
    (void)state;
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    options.must_exist = 1;
    expect_failure(path_of("a.db"), &options, LG_EOPEN, "does not exist");
    options.must_exist = 0;
    options.read_only = 1;
    expect_failure(path_of("a.db"), &options, LG_EOPEN, "does not exist");
    assert_int_equal(count_files(folder), 0);
}

static void test_options(void **state)
{
    (void)state;
    struct {
        struct lg_sqlite_options known;
        uint64_t newer;
    } options = {LG_SQLITE_OPTIONS_INIT, 1};
    options.known.size = sizeof options;
    expect_failure(path_of("a.db"), &options.known, LG_EVERSION, "newer");
    static const uint32_t sizes[] = {0, 3, 33, sizeof options.known - 4, 65544, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        options.known.size = sizes[i];
        expect_failure(path_of("a.db"), &options.known, LG_EINVAL, "size");
    }
    options.known = (struct lg_sqlite_options)LG_SQLITE_OPTIONS_INIT;
    options.known.statements = LG_SQLITE_STATEMENTS_MAX + 1;
    expect_failure(path_of("a.db"), &options.known, LG_EINVAL, "statements");
    options.known = (struct lg_sqlite_options)LG_SQLITE_OPTIONS_INIT;
    struct lg_pool_options pool_options = LG_POOL_OPTIONS_INIT;
    pool_options.capacity = LG_POOL_CAPACITY_MAX + 1;
    options.known.pool = &pool_options;
    expect_failure(path_of("a.db"), &options.known, LG_EINVAL, "");
    assert_int_equal(count_files(folder), 0);
}

/* What was created for an open that then fails is removed again. */
static void test_failed_creation(void **state)
{
    (void)state;
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    options.vfs = "no such vfs";
    expect_failure(path_of("a.db"), &options, LG_EOPEN, "a.db");
    options.vfs = NULL;
    options.setup = "SELECT * FROM missing";
    expect_failure(path_of("a.db"), &options, LG_EDRIVER, "no such table");
    assert_int_equal(count_files(folder), 0);
    /* But not what somebody else has made, even if it is empty. */
    put(path_of("empty"), "");
    expect_failure(path_of("empty"), &options, LG_EDRIVER, "no such table");
    assert_int_equal(access(path_of("empty"), F_OK), 0);
}

static void test_setup_runs_on_each_connection(void **state)
{
    (void)state;
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    options.setup = "PRAGMA foreign_keys = ON";
    struct lg_pool *pool;
    assert_int_equal(lg_sqlite_open(path_of("a.db"), &options, &pool), LG_OK);
    struct lg_lease one = take(pool), two = take(pool);
    run(&one, "CREATE TABLE a (id PRIMARY KEY); CREATE TABLE b (a REFERENCES a (id))");
    const char *sql = "INSERT INTO b VALUES (1)";
    assert_int_equal(lg_sqlite_exec(&one, sql, lg_after_ms(LONG_MS)), LG_EDRIVER);
    assert_non_null(strstr(lg_sqlite_error(), "FOREIGN KEY"));
    assert_int_equal(lg_sqlite_exec(&two, sql, lg_after_ms(LONG_MS)), LG_EDRIVER);
    give(pool, &one);
    give(pool, &two);
    close_pool(pool);
}

static void test_read_only(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 1);
    struct lg_lease lease = take(pool);
    run(&lease, "CREATE TABLE a (b); INSERT INTO a VALUES (7)");
    give(pool, &lease);
    close_pool(pool);
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    options.read_only = 1;
    assert_int_equal(lg_sqlite_open(path_of("a.db"), &options, &pool), LG_OK);
    lease = take(pool);
    run(&lease, "SELECT * FROM a");
    const char *sql = "DELETE FROM a";
    assert_int_equal(lg_sqlite_exec(&lease, sql, lg_after_ms(LONG_MS)), LG_EREADONLY);
    assert_int_equal(lg_sqlite_begin(&lease, lg_after_ms(LONG_MS)), LG_EREADONLY);
    give(pool, &lease);
    close_pool(pool);
    assert_int_equal(look(path_of("a.db"), "SELECT b FROM a"), 7);
}

static void test_changes_to_wal(void **state)
{
    (void)state;
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(path_of("a.db"), &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "CREATE TABLE a (b)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
    struct lg_pool *pool = open_pool("a.db", 1);
    struct lg_lease lease = take(pool);
    assert_int_equal(access(path_of("a.db-wal"), F_OK), 0);
    give(pool, &lease);
    close_pool(pool);
    assert_int_not_equal(access(path_of("a.db-wal"), F_OK), 0);
}

static void test_locked_by_another(void **state)
{
    (void)state;
    sqlite3 *handle;
    const char *sql = "CREATE TABLE a (b); BEGIN EXCLUSIVE; INSERT INTO a VALUES (1)";
    assert_int_equal(sqlite3_open(path_of("a.db"), &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    struct lg_pool_options pool_options = LG_POOL_OPTIONS_INIT;
    pool_options.open_timeout_ms = 20;
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    options.pool = &pool_options;
    expect_failure(path_of("a.db"), &options, LG_ETIMEDOUT, "locked by another");
    sqlite3_close(handle);
    assert_int_equal(look(path_of("a.db"), "SELECT count(*) FROM a"), 0);
}

/* A file under the same name that is another file must not be lent as if it were the first. */
static void test_replaced_file(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    struct lg_lease one = take(pool), two;
    struct lg__sqlite_connection *connection = one.resource;
    void *database = (void *)(uintptr_t)connection->database;
    assert_int_equal(lg__sqlite_driver.check(database, connection), LG_OK);
    assert_int_equal(rename(path_of("a.db"), path_of("old.db")), 0);
    put(path_of("a.db"), "");
    assert_int_equal(lg_pool_checkout(pool, lg_after_ms(LONG_MS), &two), LG_EOPEN);
    assert_non_null(strstr(lg_report_last()->detail, "replaced"));
    assert_int_not_equal(lg__sqlite_driver.check(database, connection), LG_OK);
    give(pool, &one);
    close_pool(pool);
}

/* ---- Permissions: as nobody, because they do not hold root back ---- */

#define NOBODY 65534

static int become_nobody(void)
{
    if (geteuid())
        return 0;
    return setgid(NOBODY) || setuid(NOBODY);
}

static int fails_with(const char *file, int status)
{
    struct lg_pool *pool;
    int actual = lg_sqlite_open(file, NULL, &pool);
    if (actual == LG_OK) {
        lg_pool_close(pool, LG_TRY, NULL, 0, NULL);
        lg_pool_destroy(pool);
    }
    if (actual != status)
        support_say("%s: %s, not %s: %s\n", file, lg_status_name(actual), lg_status_name(status),
                    lg_sqlite_error());
    return actual == status && (status == LG_OK || *lg_sqlite_error());
}

/* The folder of the test that has spawned this case. */
static void find_folder(void)
{
    const char *path = getenv("TEST_FOLDER");
    snprintf(folder, sizeof folder, "%s", path ? path : "/nowhere");
}

static int open_without_permission(void)
{
    find_folder();
    SUPPORT_CHECK(become_nobody() == 0);
    SUPPORT_CHECK(fails_with(path_of("new.db"), LG_EREADONLY));
    SUPPORT_CHECK(fails_with(path_of("in-closed-folder.db"), LG_EREADONLY));
    SUPPORT_CHECK(fails_with(path_of("unwritable.db"), LG_EREADONLY));
    SUPPORT_CHECK(fails_with(path_of("unreadable.db"), LG_EOPEN));
    return 0;
}

/* In a process of its own, which may give up permissions and space.  What it says is printed. */
static int run_case(const char *name)
{
    char setting[160], output[4096];
    snprintf(setting, sizeof setting, "TEST_FOLDER=%s", folder);
    int result = support_spawn(name, setting, output, sizeof output);
    if (result)
        print_error("%s\n", output);
    return result;
}

static void test_permissions(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        mode_t mode;
    } files[] = {{"in-closed-folder.db", 0666}, {"unwritable.db", 0444}, {"unreadable.db", 0}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put(path_of(files[i].name), "");
        assert_int_equal(chmod(path_of(files[i].name), files[i].mode), 0);
    }
    assert_int_equal(chmod(folder, 0555), 0);
    assert_int_equal(run_case("permission"), 0);
    assert_int_equal(count_files(folder), 3);
}

/* ---- No space ---- */

static void test_page_limit(void **state)
{
    (void)state;
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    options.page_max = 4;
    struct lg_pool *pool;
    assert_int_equal(lg_sqlite_open(path_of("a.db"), &options, &pool), LG_OK);
    struct lg_lease lease = take(pool);
    run(&lease, "CREATE TABLE a (b); INSERT INTO a VALUES ('kept')");
    const char *sql = "INSERT INTO a VALUES (zeroblob(100000))";
    assert_int_equal(lg_sqlite_begin(&lease, lg_after_ms(LONG_MS)), LG_OK);
    assert_int_equal(lg_sqlite_exec(&lease, sql, lg_after_ms(LONG_MS)), LG_EFULL);
    assert_non_null(strstr(lg_sqlite_error(), "no space left"));
    give(pool, &lease);
    close_pool(pool);
    assert_int_equal(look(path_of("a.db"), "SELECT count(*) FROM a"), 1);
}

static int open_with_small_limit(void)
{
    find_folder();
    struct rlimit limit = {8192, 8192};
    SUPPORT_CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    SUPPORT_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    SUPPORT_CHECK(fails_with(path_of("a.db"), LG_EFULL));
    return 0;
}

static void test_size_limit(void **state)
{
    (void)state;
    assert_int_equal(run_case("size-limit"), 0);
    assert_int_equal(count_files(folder), 0);
}

#define CANNOT_MOUNT 77

static int open_on_full_disk(void)
{
    find_folder();
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", folder, "tmpfs", 0, "size=64k"))
        return CANNOT_MOUNT;
    static const char page[4096];
    int fd = open(path_of("ballast"), O_WRONLY | O_CREAT, 0600);
    SUPPORT_CHECK(fd >= 0);
    while (write(fd, page, sizeof page) > 0)
        ;
    close(fd);
    SUPPORT_CHECK(fails_with(path_of("a.db"), LG_EFULL));
    SUPPORT_CHECK(count_files(folder) == 1);
    SUPPORT_CHECK(unlink(path_of("ballast")) == 0);
    SUPPORT_CHECK(fails_with(path_of("a.db"), LG_OK));
    return 0;
}

static void test_full_disk(void **state)
{
    (void)state;
    int result = run_case("full-disk");
    if (result == CANNOT_MOUNT)
        SUPPORT_SKIP("mounting is not allowed");
    assert_int_equal(result, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_wrong_names),
        FOLDER_TEST(test_long_name),
        FOLDER_TEST(test_not_a_database),
        FOLDER_TEST(test_must_exist),
        FOLDER_TEST(test_options),
        FOLDER_TEST(test_failed_creation),
        FOLDER_TEST(test_setup_runs_on_each_connection),
        FOLDER_TEST(test_read_only),
        FOLDER_TEST(test_changes_to_wal),
        FOLDER_TEST(test_locked_by_another),
        FOLDER_TEST(test_replaced_file),
        FOLDER_TEST(test_permissions),
        FOLDER_TEST(test_page_limit),
        FOLDER_TEST(test_size_limit),
        FOLDER_TEST(test_full_disk),
    };
    static const struct support_case cases[] = {
        {"permission", open_without_permission},
        {"size-limit", open_with_small_limit},
        {"full-disk", open_on_full_disk},
        {NULL, NULL},
    };
    return SUPPORT_RUN(argc, argv, tests, cases);
}
