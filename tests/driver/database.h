/* What the driver's tests share: a folder of their own for each test, pools in it, and a second
 * look at a database file through plain SQLite. */
#ifndef LG_TEST_DATABASE_H
#define LG_TEST_DATABASE_H

#include "support/support.h"

#include <lifeguard/lifeguard.h>
#include <lifeguard/sqlite.h>

#include <dirent.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONG_MS 20000 /* never waited for, unless something is wrong */

static char folder[128]; /* main thread: of the test that runs */

/* Everything in the folder, which has no folders of its own. */
static inline void empty_folder(const char *path)
{
    DIR *stream = opendir(path);
    struct dirent *entry;
    while (stream && (entry = readdir(stream))) {
        char file[PATH_MAX];
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            unlink(file);
    }
    if (stream)
        closedir(stream);
}

static inline unsigned count_files(const char *path)
{
    unsigned count = 0;
    DIR *stream = opendir(path);
    while (stream && readdir(stream))
        count++;
    if (stream)
        closedir(stream);
    return count < 2 ? 0 : count - 2;
}

static inline int folder_setup(void **state)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/lifeguard-test-XXXXXX",
             parent && strlen(parent) < 80 ? parent : "/tmp");
    return mkdtemp(folder) ? support_setup(state) : -1;
}

static inline int folder_teardown(void **state)
{
    int result = support_teardown(state);
    chmod(folder, 0700);
    empty_folder(folder);
    rmdir(folder);
    return result;
}

/* A test with a folder. */
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown((test), folder_setup, folder_teardown)

/* The path of a file in the folder; good for the next few calls, on any thread. */
static inline const char *path_of(const char *name)
{
    static _Thread_local char paths[4][256];
    static _Thread_local unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline struct lg_pool *open_pool(const char *name, uint32_t capacity)
{
    struct lg_pool_options pool_options = LG_POOL_OPTIONS_INIT;
    pool_options.name = "db";
    pool_options.capacity = capacity;
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    options.pool = &pool_options;
    struct lg_pool *pool = NULL;
    int status = lg_sqlite_open(path_of(name), &options, &pool);
    if (status != LG_OK)
        print_error("open: %s\n", lg_sqlite_error());
    assert_int_equal(status, LG_OK);
    return pool;
}

static inline void close_pool(struct lg_pool *pool)
{
    assert_int_equal(lg_pool_close(pool, lg_after_ms(LONG_MS), NULL, 0, NULL), LG_OK);
    lg_pool_destroy(pool);
}

static inline struct lg_lease take(struct lg_pool *pool)
{
    struct lg_lease lease;
    assert_int_equal(lg_pool_checkout(pool, lg_after_ms(LONG_MS), &lease), LG_OK);
    return lease;
}

static inline void give(struct lg_pool *pool, struct lg_lease *lease)
{
    assert_int_equal(lg_pool_checkin(pool, lease), LG_OK);
}

static inline void run(struct lg_lease *lease, const char *sql)
{
    int status = lg_sqlite_exec(lease, sql, lg_after_ms(LONG_MS));
    if (status != LG_OK)
        print_error("%s: %s\n", sql, lg_sqlite_error());
    assert_int_equal(status, LG_OK);
}

/* The number that a query gives, by a plain connection; -1 if it gives none. */
static inline long long look(const char *path, const char *sql)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    long long number = -1;
    if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return number;
}

#endif
