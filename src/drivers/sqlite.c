/* SQLite driver, the calls of <lifeguard/sqlite.h>.
 *
 * Each call clears this thread's error text, looks whether the lease has a connection of this
 * process, does its work and, if it may have written, settles the gate. */
#include "drivers/sqlite_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- Opening ---- */

#define STATEMENTS_DEFAULT   32
#define OPEN_TIMEOUT_DEFAULT 10000
#define SIZE_LIMIT           65536 /* of an options struct */

/* Copy a struct that begins with its size and may be of another version: what it is too short for
 * stays as it is in out, what it is too long for must be 0.  No version is longer than SIZE_LIMIT or
 * ends within a pointer. */
static int copy_versioned(const void *in, void *out, uint32_t known)
{
    uint32_t size;
    memcpy(&size, in, sizeof size);
    bool is_cut = size > sizeof size && size % sizeof(void *) != 0;
    if (size < sizeof size || size > SIZE_LIMIT || is_cut)
        return lg__sqlite_fail(LG_EINVAL, "an options.size cannot be right; use the initialiser");
    const unsigned char *bytes = in;
    for (uint32_t i = known; i < size; i++)
        if (bytes[i])
            return lg__sqlite_fail(LG_EVERSION, "the options are newer than this library");
    memcpy(out, in, size < known ? size : known);
    memcpy(out, &known, sizeof known);
    return LG_OK;
}

static int copy_options(const struct lg_sqlite_options *options, struct lg_sqlite_options *out)
{
    *out = (struct lg_sqlite_options)LG_SQLITE_OPTIONS_INIT;
    int status = options ? copy_versioned(options, out, sizeof *out) : LG_OK;
    if (status != LG_OK)
        return status;
    if (out->sync > LG_SQLITE_SYNC_OFF || out->statements > LG_SQLITE_STATEMENTS_MAX)
        return lg__sqlite_fail(LG_EINVAL, "options.sync or options.statements is out of range");
    if (!out->statements)
        out->statements = STATEMENTS_DEFAULT;
    return LG_OK;
}

static int copy_pool_options(const struct lg_pool_options *options, const char *name,
                             struct lg_pool_options *out)
{
    *out = (struct lg_pool_options)LG_POOL_OPTIONS_INIT;
    int status = options ? copy_versioned(options, out, sizeof *out) : LG_OK;
    if (!out->name)
        out->name = name;
    if (!out->open_timeout_ms)
        out->open_timeout_ms = OPEN_TIMEOUT_DEFAULT;
    return status;
}

/* The database struct without its file, gate and first connection. */
static struct lg__sqlite_database *create_database(const struct lg_sqlite_options *options)
{
    struct lg__sqlite_database *database = lg__sqlite_alloc(sizeof *database);
    if (!database)
        return NULL;
    database->read_only = options->read_only;
    database->sync = options->sync;
    database->statements = options->statements;
    database->page_max = options->page_max;
    database->setup = options->setup ? lg__sqlite_copy(options->setup) : NULL;
    database->vfs = options->vfs ? lg__sqlite_copy(options->vfs) : NULL;
    if ((options->setup && !database->setup) || (options->vfs && !database->vfs)) {
        lg__sqlite_driver.destroy(database);
        return NULL;
    }
    return database;
}

/* Connect, find the gate, create the pool around them. */
static int fill_database(struct lg__sqlite_database *database,
                         const struct lg_pool_options *options, struct lg_pool **out)
{
    struct lg__sqlite_connection *first = NULL;
    struct lg_pool_options pool_options;
    int status = copy_pool_options(options, database->file.base, &pool_options);
    database->is_detached = pool_options.detached;
    if (status == LG_OK)
        status = lg__sqlite_file_identify(&database->file);
    if (status == LG_OK)
        status = lg__sqlite_gate_get(&database->file, &database->gate);
    if (status == LG_OK)
        status =
            lg__sqlite_connect(database, lg_after_ms(pool_options.open_timeout_ms), NULL, &first);
    /* release pairs with the acquire in driver_open */
    __atomic_store_n(&database->first, first, __ATOMIC_RELEASE);
    if (status != LG_OK)
        return status;
    status = lg_pool_create(&lg__sqlite_driver, database, &pool_options, out);
    if (status != LG_OK)
        return lg__sqlite_fail(status, "%s: no pool: %s", database->file.path,
                               lg_status_text(status));
    return LG_OK;
}

int lg_sqlite_open(const char *file, const struct lg_sqlite_options *options, struct lg_pool **out)
{
    lg__sqlite_error_clear();
    if (!out)
        return lg__sqlite_fail(LG_EINVAL, "out is NULL");
    *out = NULL;
    struct lg_sqlite_options copy;
    int status = copy_options(options, &copy);
    if (status != LG_OK)
        return status;
    struct lg__sqlite_database *database = create_database(&copy);
    if (!database)
        return lg__sqlite_fail(LG_ENOMEM, "out of memory");
    status = lg__sqlite_file_find(file, copy.read_only, copy.must_exist, &database->file);
    if (status == LG_OK)
        status = fill_database(database, copy.pool, out);
    if (status == LG_OK)
        return LG_OK;
    /* Closed first: SQLite removes its own files when it closes. */
    if (database->first)
        lg__sqlite_disconnect(database->first);
    database->first = NULL;
    if (database->file.path)
        lg__sqlite_file_undo(&database->file);
    lg__sqlite_driver.destroy(database);
    return status;
}

/* ---- Leases ---- */

/* The lease's connection if it is one of this process; clears the error text. */
static int connection_of(const struct lg_lease *lease, struct lg__sqlite_connection **out)
{
    lg__sqlite_error_clear();
    *out = lease ? lease->resource : NULL;
    if (!*out)
        return lg__sqlite_fail(LG_EINVAL, "the lease is empty");
    if ((*out)->forks != lg__sqlite_forks())
        return lg__sqlite_fail(LG_EFORK, "the lease was taken before fork(), by the parent");
    return LG_OK;
}

struct sqlite3 *lg_sqlite_handle(const struct lg_lease *lease)
{
    struct lg__sqlite_connection *connection;
    return connection_of(lease, &connection) == LG_OK ? connection->handle : NULL;
}

/* ---- Transactions ---- */

int lg_sqlite_begin_at(struct lg_lease *lease, lg_deadline deadline, const char *place)
{
    struct lg__sqlite_connection *connection;
    int status = connection_of(lease, &connection);
    if (status != LG_OK)
        return status;
    if (!sqlite3_get_autocommit(connection->handle))
        return lg__sqlite_fail(LG_EINVAL, "a transaction is open already; commit or roll back");
    if (connection->database->read_only)
        return lg__sqlite_fail(LG_EREADONLY, "%s: was opened with read_only",
                               connection->database->file.path);
    status = lg__sqlite_enter(connection, deadline, place);
    if (status != LG_OK)
        return status;
    status = lg__sqlite_run(connection, connection->begin, deadline);
    connection->is_immediate = status == LG_OK;
    lg__sqlite_settle(connection);
    return status;
}

int lg_sqlite_commit(struct lg_lease *lease, lg_deadline deadline)
{
    struct lg__sqlite_connection *connection;
    int status = connection_of(lease, &connection);
    if (status != LG_OK)
        return status;
    if (sqlite3_get_autocommit(connection->handle))
        return lg__sqlite_fail(LG_EINVAL, "no transaction is open");
    status = lg__sqlite_run(connection, connection->commit, deadline);
    lg__sqlite_settle(connection);
    return status;
}

int lg_sqlite_rollback(struct lg_lease *lease)
{
    struct lg__sqlite_connection *connection;
    int status = connection_of(lease, &connection);
    if (status != LG_OK)
        return status;
    if (!sqlite3_get_autocommit(connection->handle))
        status = lg__sqlite_run(connection, connection->rollback, LG_TRY);
    lg__sqlite_settle(connection);
    return status == LG_OK ? LG_OK : LG_EDRIVER;
}

/* ---- Statements ---- */

int lg_sqlite_step_at(struct lg_lease *lease, struct sqlite3_stmt *statement, lg_deadline deadline,
                      int *has_row, const char *place)
{
    struct lg__sqlite_connection *connection;
    if (has_row)
        *has_row = 0;
    int status = connection_of(lease, &connection);
    if (status != LG_OK)
        return status;
    if (!statement || !has_row || sqlite3_db_handle(statement) != connection->handle)
        return lg__sqlite_fail(LG_EINVAL, "the statement is not of this lease's connection");
    bool writes = !sqlite3_stmt_readonly(statement);
    if (writes) {
        status = lg__sqlite_enter(connection, deadline, place);
        if (status != LG_OK)
            return status;
    }
    connection->deadline = deadline;
    int code = sqlite3_step(statement);
    connection->deadline = LG_TRY;
    *has_row = code == SQLITE_ROW;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        status = lg__sqlite_fail_code(connection->handle, code, connection->database->file.path);
        sqlite3_reset(statement);
    }
    lg__sqlite_settle(connection);
    return status;
}

int lg_sqlite_prepare(struct lg_lease *lease, const char *sql, struct sqlite3_stmt **out)
{
    struct lg__sqlite_connection *connection;
    if (out)
        *out = NULL;
    int status = connection_of(lease, &connection);
    if (status != LG_OK)
        return status;
    if (!sql || !out)
        return lg__sqlite_fail(LG_EINVAL, "sql or out is NULL");
    status = lg__sqlite_cache_get(&connection->cache, connection->handle,
                                  connection->database->file.path, sql, out);
    lg__sqlite_settle(connection); /* the reset may have ended a write */
    return status;
}

/* Run the first statement of `sql`; *rest gets what follows. */
static int exec_first(struct lg__sqlite_connection *connection, const char *sql, const char **rest,
                      lg_deadline deadline, const char *place)
{
    sqlite3_stmt *statement = NULL;
    connection->deadline = deadline;
    int code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, rest);
    connection->deadline = LG_TRY;
    int status = lg__sqlite_fail_code(connection->handle, code, connection->database->file.path);
    if (status != LG_OK || !statement)
        return status;
    if (!sqlite3_stmt_readonly(statement))
        status = lg__sqlite_enter(connection, deadline, place);
    if (status == LG_OK)
        status = lg__sqlite_run(connection, statement, deadline);
    sqlite3_finalize(statement);
    lg__sqlite_settle(connection);
    return status;
}

int lg_sqlite_exec_at(struct lg_lease *lease, const char *sql, lg_deadline deadline,
                      const char *place)
{
    struct lg__sqlite_connection *connection;
    int status = connection_of(lease, &connection);
    if (status == LG_OK && !sql)
        status = lg__sqlite_fail(LG_EINVAL, "sql is NULL");
    while (status == LG_OK && *sql)
        status = exec_first(connection, sql, &sql, deadline, place);
    return status;
}
