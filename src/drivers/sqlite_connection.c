/* SQLite driver, connections: what the pool opens, checks, resets and closes, and how a connection
 * passes the gate.
 *
 * A connection is opened without SQLite's own mutex (SQLITE_OPEN_NOMUTEX): the pool already lends
 * it to one holder at a time.
 *
 * The busy handler runs only when another process, or somebody who writes past the gate, has a lock.
 * It sleeps for short, growing times because SQLite's locks between processes cannot be waited for,
 * and gives up at the deadline of the call that runs; outside our calls that is at once. */
#include "drivers/sqlite_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- Statements of our own ---- */

#define BUSY_SLEEP_MIN_NS 100000u
#define BUSY_DOUBLINGS    7 /* up to 12.8 ms */

static int wait_for_others(void *arg, int attempt)
{
    const struct lg__sqlite_connection *connection = arg;
    lg_deadline now = lg_after_ms(0);
    if (now >= connection->deadline)
        return 0;
    if (lg_cancel_is_requested(connection->cancel) || lg_cancel_is_requested(lg_cancel_current()))
        return 0;
    uint64_t sleep_ns = (uint64_t)BUSY_SLEEP_MIN_NS
                        << (attempt < BUSY_DOUBLINGS ? attempt : BUSY_DOUBLINGS);
    if (sleep_ns > connection->deadline - now)
        sleep_ns = connection->deadline - now;
    struct timespec pause = {0, (long)sleep_ns};
    nanosleep(&pause, NULL);
    return 1;
}

int lg__sqlite_run(struct lg__sqlite_connection *connection, sqlite3_stmt *statement,
                   lg_deadline deadline)
{
    int code;
    connection->deadline = deadline;
    do
        code = sqlite3_step(statement);
    while (code == SQLITE_ROW);
    connection->deadline = LG_TRY;
    int status = lg__sqlite_fail_code(connection->handle, code, connection->database->file.path);
    sqlite3_reset(statement);
    return status;
}

/* ---- The gate ---- */

int lg__sqlite_enter(struct lg__sqlite_connection *connection, lg_deadline deadline,
                     const char *place)
{
    const struct lg__sqlite_database *database = connection->database;
    if (connection->gate.resource || database->read_only)
        return LG_OK;
    int status = lg_pool_checkout_at(lg__sqlite_gate_pool(database->gate), deadline,
                                     &connection->gate, place);
    if (status == LG_EDEADLK)
        return lg__sqlite_fail(status,
                               "%s: the wait to write would never have ended; lg_report_last() "
                               "names who waits for whom",
                               database->file.path);
    if (status != LG_OK)
        return lg__sqlite_fail(status, "%s: no turn to write: %s", database->file.path,
                               lg_status_text(status));
    connection->gatekeeper = lg_context_self();
    if (database->is_detached)
        (void)!lg_lease_detach(&connection->gate);
    return LG_OK;
}

/* A lease of the connection may have changed hands within the transaction.  Adopting first makes
 * this a handover that was announced. */
static void leave_gate(struct lg__sqlite_connection *connection)
{
    if (!connection->gate.resource)
        return;
    if (!connection->database->is_detached && connection->gatekeeper != lg_context_self())
        (void)!lg_lease_adopt(&connection->gate);
    (void)!lg_pool_checkin(lg__sqlite_gate_pool(connection->database->gate), &connection->gate);
    connection->gate = (struct lg_lease){0};
    connection->is_immediate = false;
}

void lg__sqlite_settle(struct lg__sqlite_connection *connection)
{
    /* BEGIN IMMEDIATE writes until it ends, so SQLite is not asked at each step.  (Who ends it and begins
     * another on the bare handle, in one call, keeps the gate until that one ends: long, never short.) */
    bool may_have_ended =
        !connection->is_immediate || sqlite3_get_autocommit(connection->handle) != 0;
    if (connection->gate.resource && may_have_ended &&
        sqlite3_txn_state(connection->handle, NULL) != SQLITE_TXN_WRITE)
        leave_gate(connection);
}

/* ---- Opening ---- */

static int prepare_own(struct lg__sqlite_connection *connection, const char *sql,
                       sqlite3_stmt **out)
{
    int code =
        sqlite3_prepare_v3(connection->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return lg__sqlite_fail_code(connection->handle, code, connection->database->file.path);
}

static int run_text(struct lg__sqlite_connection *connection, const char *sql)
{
    int code = sqlite3_exec(connection->handle, sql, NULL, NULL, NULL);
    return lg__sqlite_fail_code(connection->handle, code, connection->database->file.path);
}

/* SQLite answers with the mode that it is in, which need not be the one asked for. */
static int use_wal(struct lg__sqlite_connection *connection)
{
    const char *path = connection->database->file.path;
    sqlite3_stmt *statement = NULL;
    int status = prepare_own(connection, "PRAGMA journal_mode = WAL", &statement);
    if (status != LG_OK)
        return status;
    int code = sqlite3_step(statement);
    status = lg__sqlite_fail_code(connection->handle, code, path);
    const char *mode = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (status == LG_OK && (!mode || strcmp(mode, "wal")))
        status = lg__sqlite_fail(LG_EDRIVER,
                                 "%s: WAL mode is not possible here (a network file system?); "
                                 "use a local disk",
                                 path);
    sqlite3_finalize(statement);
    return status;
}

static int apply_options(struct lg__sqlite_connection *connection)
{
    static const char *const sync_sql[] = {
        [LG_SQLITE_SYNC_NORMAL] = "PRAGMA synchronous = NORMAL",
        [LG_SQLITE_SYNC_FULL] = "PRAGMA synchronous = FULL",
        [LG_SQLITE_SYNC_OFF] = "PRAGMA synchronous = OFF",
    };
    const struct lg__sqlite_database *database = connection->database;
    int status = LG_OK;
    if (!database->read_only)
        status = use_wal(connection);
    if (status == LG_OK)
        status = run_text(connection, sync_sql[database->sync]);
    if (status == LG_OK && database->page_max) {
        char sql[64];
        snprintf(sql, sizeof sql, "PRAGMA max_page_count = %llu",
                 (unsigned long long)database->page_max);
        status = run_text(connection, sql);
    }
    if (status == LG_OK && database->setup)
        status = run_text(connection, database->setup);
    return status;
}

static int prepare_all(struct lg__sqlite_connection *connection)
{
    int status = prepare_own(connection, "BEGIN IMMEDIATE", &connection->begin);
    if (status == LG_OK)
        status = prepare_own(connection, "COMMIT", &connection->commit);
    if (status == LG_OK)
        status = prepare_own(connection, "ROLLBACK", &connection->rollback);
    if (status == LG_OK)
        status = prepare_own(connection, "SELECT 1 FROM sqlite_master LIMIT 1", &connection->look);
    return status;
}

/* Everything that can be wrong with a file shows here: SQLite opens lazily. */
static int try_connection(struct lg__sqlite_connection *connection, lg_deadline deadline)
{
    const struct lg__sqlite_database *database = connection->database;
    sqlite3_extended_result_codes(connection->handle, 1);
    sqlite3_busy_handler(connection->handle, wait_for_others, connection);
    if (!database->read_only && sqlite3_db_readonly(connection->handle, "main") == 1)
        return lg__sqlite_fail(LG_EREADONLY, "%s: permission denied; it must be writable",
                               database->file.path);
    int status = apply_options(connection);
    if (status == LG_OK)
        status = prepare_all(connection);
    if (status == LG_OK)
        status = lg__sqlite_run(connection, connection->look, deadline);
    if (status == LG_EDRIVER && (sqlite3_errcode(connection->handle) & 0xff) == SQLITE_CANTOPEN)
        status = LG_EOPEN;
    return status;
}

int lg__sqlite_connect(const struct lg__sqlite_database *database, lg_deadline deadline,
                       const struct lg_cancel *cancel, struct lg__sqlite_connection **out)
{
    const char *path = database->file.path;
    struct lg__sqlite_connection *connection = lg__sqlite_alloc(sizeof *connection);
    if (!connection)
        return lg__sqlite_fail(LG_ENOMEM, "out of memory");
    connection->database = database;
    connection->forks = lg__sqlite_forks();
    connection->cache.limit = database->statements;
    connection->deadline = deadline;
    connection->cancel = cancel;
    /* No SQLITE_OPEN_CREATE: a file that was removed must not come back empty. */
    int flags = database->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int code = sqlite3_open_v2(path, &connection->handle, flags, database->vfs);
    int status = lg__sqlite_fail_code(connection->handle, code, path);
    if (status == LG_EDRIVER)
        status = LG_EOPEN;
    if (status == LG_OK)
        status = try_connection(connection, deadline);
    connection->deadline = LG_TRY;
    connection->cancel = NULL;
    if (status != LG_OK) {
        lg__sqlite_disconnect(connection);
        return status;
    }
    *out = connection;
    return LG_OK;
}

/* ---- Ending a lease, ending a connection ---- */

/* A statement that reads no table needs no end. */
static bool is_at_work(const struct lg__sqlite_connection *connection)
{
    return connection->gate.resource || !sqlite3_get_autocommit(connection->handle) ||
           sqlite3_txn_state(connection->handle, NULL) != SQLITE_TXN_NONE;
}

/* End all statements and the transaction; what a statement of the user's own still reads too. */
static int end_work(struct lg__sqlite_connection *connection)
{
    int status = LG_OK;
    if (!is_at_work(connection))
        return LG_OK;
    for (sqlite3_stmt *statement = sqlite3_next_stmt(connection->handle, NULL); statement;
         statement = sqlite3_next_stmt(connection->handle, statement))
        if (sqlite3_stmt_busy(statement))
            sqlite3_reset(statement);
    if (!sqlite3_get_autocommit(connection->handle))
        status = lg__sqlite_run(connection, connection->rollback, LG_TRY);
    lg__sqlite_settle(connection);
    return status;
}

/* sqlite3_close_v2: a statement that the user forgot keeps the memory, but not the file's locks. */
void lg__sqlite_disconnect(struct lg__sqlite_connection *connection)
{
    if (connection->forks != lg__sqlite_forks())
        return; /* the parent's: closing it would break the parent's locks */
    if (connection->handle && connection->rollback)
        (void)end_work(connection);
    sqlite3_finalize(connection->begin);
    sqlite3_finalize(connection->commit);
    sqlite3_finalize(connection->rollback);
    sqlite3_finalize(connection->look);
    lg__sqlite_cache_free(&connection->cache);
    sqlite3_close_v2(connection->handle);
    leave_gate(connection);
    free(connection);
}

/* ---- The table for the pool ---- */

static int driver_open(void *arg, const struct lg_open *open, void **resource)
{
    struct lg__sqlite_database *database = arg;
    /* acquire pairs with the release in lg_sqlite_open: its fields are complete. */
    struct lg__sqlite_connection *connection =
        __atomic_exchange_n(&database->first, NULL, __ATOMIC_ACQUIRE);
    int status = LG_OK;
    if (!connection) {
        if (lg__sqlite_file_is_same(&database->file))
            status = lg__sqlite_connect(database, open->deadline, open->cancel, &connection);
        else
            status =
                lg__sqlite_fail(LG_EOPEN, "%s: was removed or replaced after the pool was opened",
                                database->file.path);
    }
    if (status != LG_OK)
        snprintf(open->error, open->error_size, "%s", lg_sqlite_error());
    *resource = connection;
    return status;
}

static void driver_close(void *arg, void *resource)
{
    (void)arg;
    lg__sqlite_disconnect(resource);
}

#define CHECK_MS 100

/* A connection that is only locked out by another process is as good as any. */
static int driver_check(void *arg, void *resource)
{
    const struct lg__sqlite_database *database = arg;
    struct lg__sqlite_connection *connection = resource;
    if (!lg__sqlite_file_is_same(&database->file))
        return LG_EDRIVER;
    int status = lg__sqlite_run(connection, connection->look, lg_after_ms(CHECK_MS));
    return status == LG_ETIMEDOUT ? LG_OK : status;
}

static int driver_reset(void *arg, void *resource)
{
    (void)arg;
    struct lg__sqlite_connection *connection = resource;
    int status = end_work(connection);
    lg__sqlite_cache_trim(&connection->cache);
    /* A user's sqlite3_busy_timeout would have replaced it. */
    sqlite3_busy_handler(connection->handle, wait_for_others, connection);
    return status;
}

/* The pool is gone.  In a child of fork() the gate's entry stays, see sqlite_gate.c. */
static void driver_destroy(void *arg)
{
    struct lg__sqlite_database *database = arg;
    if (database->first)
        lg__sqlite_disconnect(database->first);
    lg__sqlite_gate_put(database->gate);
    lg__sqlite_file_free(&database->file);
    free(database->setup);
    free(database->vfs);
    free(database);
}

const struct lg_driver lg__sqlite_driver = {
    .size = sizeof(struct lg_driver),
    .noun = "sqlite",
    .open = driver_open,
    .close = driver_close,
    .check = driver_check,
    .reset = driver_reset,
    .fork = LG_FORK_REFUSE,
    .destroy = driver_destroy,
};
