/* SQLite: a pool of connections to one database file.  In the library lifeguard-sqlite.
 *
 *     struct lg_pool *db;
 *     if (lg_sqlite_open("bank.db", NULL, &db) != LG_OK) ...
 *     struct lg_lease lease;
 *     if (lg_pool_checkout(db, deadline, &lease) == LG_OK) {
 *         int status = lg_sqlite_begin(&lease, deadline);   // the write lock, before any read
 *         if (status == LG_OK)
 *             status = lg_sqlite_exec(&lease, "UPDATE ...", deadline);
 *         if (status == LG_OK)
 *             status = lg_sqlite_commit(&lease, deadline);
 *         (void)!lg_pool_checkin(db, &lease);               // rolls back what was not committed
 *     }
 *
 * SQLite has one writer a file.  Within the process, writers queue at a gate, one a file, which is
 * a pool of 1 in the wait-for graph: in order but for 10 ms (overtaking_us of its pool), part of every
 * deadlock report.  Nobody polls the file's lock.  Whatever writes through the calls below passes it, with
 * lg_sqlite_begin or without.  Between processes SQLite's own busy handler waits, never beyond the
 * caller's deadline.
 *
 * The gate belongs to the context that began the transaction.  Hand a lease on (lg_lease_detach,
 * _give) between transactions, not within one.
 *
 * The database is in WAL mode, so readers and the writer do not block each other; a file that is
 * not is changed to it.  A checkin rolls back and ends all statements; what else a user changed on
 * the connection (PRAGMAs, temporary tables, attached files) stays.
 *
 * After fork() everything here gives LG_EFORK in the child, also a new lg_sqlite_open of a file that
 * the parent had open: SQLite's locks of the parent's connections look held for ever there, and are
 * not.  Open the pool after the fork, or exec. */
#ifndef LIFEGUARD_SQLITE_H
#define LIFEGUARD_SQLITE_H

#include <lifeguard/pool.h>

struct sqlite3;
struct sqlite3_stmt;

#define LG_SQLITE_STATEMENTS_MAX 1000

enum lg_sqlite_sync { LG_SQLITE_SYNC_NORMAL, LG_SQLITE_SYNC_FULL, LG_SQLITE_SYNC_OFF };

/* How a SQLite file is opened.  Begin with LG_SQLITE_OPTIONS_INIT and set what differs.  Zero means the
 * default; fields are only added at the end. */
struct lg_sqlite_options {
    uint32_t size;            /* sizeof(struct lg_sqlite_options) */
    uint32_t read_only;       /* 1: no writes; the file must exist and is not changed to WAL */
    uint32_t must_exist;      /* 1: do not create the file */
    enum lg_sqlite_sync sync; /* default NORMAL: safe against a crash of the program */
    uint32_t statements;      /* prepared statements kept per connection; default 32 */
    uint64_t page_max;        /* most pages of the database (PRAGMA max_page_count) */
    const char *setup;        /* SQL run on each new connection: "PRAGMA foreign_keys = ON" */
    const char *vfs;          /* SQLite VFS by name; it must keep files under their names */
    const struct lg_pool_options *pool; /* NULL: all defaults; its name defaults to the file's */
};

#define LG_SQLITE_OPTIONS_INIT                                                                     \
    {                                                                                              \
        sizeof(struct lg_sqlite_options), 0, 0, LG_SQLITE_SYNC_NORMAL, 0, 0, NULL, NULL, NULL      \
    }

LG_BEGIN_DECLS

/* Open a pool for a file; lg_pool_close and lg_pool_destroy end it.  The first connection is opened
 * and tried at once, so that a wrong path, a file that is not a database and a folder without
 * permission fail here and not later.  A file that this call created is removed when it fails.
 * Shape:   file not NULL and not ":memory:" (connections would not share it); options may be NULL;
 *          texts in options are copied.
 * Units:   waits for another process at most the pool's open_timeout_ms.
 * Returns: LG_OK; LG_EOPEN; LG_ENOTDB; LG_EREADONLY; LG_EFULL; LG_ETIMEDOUT (locked by another
 *          process); LG_EDRIVER (damaged, or WAL is not possible there); LG_EFORK (inherited by
 *          fork); LG_EINVAL; LG_EVERSION; LG_ENOMEM; the reason in words is in lg_sqlite_error().
 *          *out is NULL unless LG_OK.
 * Threads: any.
 * Source:  sqlite.org/c3ref, sqlite.org/wal.html. */
LG_API LG_MUST_CHECK int lg_sqlite_open(const char *file, const struct lg_sqlite_options *options,
                                        struct lg_pool **out);

/* The connection of a lease, for all of SQLite's own interface.  Do not close it.  What runs on it
 * directly passes no gate and does not wait for other processes: SQLITE_BUSY at once.
 * Returns: the connection; NULL if the lease is empty or was inherited by fork.
 * Threads: the lease's holder. */
LG_API struct sqlite3 *lg_sqlite_handle(const struct lg_lease *lease);

/* Begin a transaction that will write: take the file's gate, then BEGIN IMMEDIATE.
 * Units:   deadline covers both.
 * Returns: LG_OK; LG_ETIMEDOUT (report names the writer; or another process has the file);
 *          LG_EDEADLK; LG_ECANCELED; LG_EBUSY (LG_TRY, and somebody writes; or a SELECT of this
 *          connection is not finished); LG_EREADONLY; LG_EFULL; LG_EDRIVER; LG_EFORK; LG_EINVAL (a
 *          transaction is open); LG_ENOMEM.
 * Threads: the lease's holder; blocks. */
#define lg_sqlite_begin(lease, deadline) lg_sqlite_begin_at((lease), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_sqlite_begin_at(struct lg_lease *lease, lg_deadline deadline,
                                            const char *place);

/* Commit and leave the gate.  After an error roll back: the transaction may still be open.
 * Returns: LG_OK; LG_ETIMEDOUT; LG_EFULL; LG_EDRIVER; LG_EFORK; LG_EINVAL (no transaction).
 * Threads: the lease's holder. */
LG_API LG_MUST_CHECK int lg_sqlite_commit(struct lg_lease *lease, lg_deadline deadline);

/* Roll back and leave the gate.  Nothing to do is fine.
 * Returns: LG_OK; LG_EDRIVER (the connection is unusable: lg_pool_discard it); LG_EFORK; LG_EINVAL.
 * Threads: the lease's holder. */
LG_API LG_MUST_CHECK int lg_sqlite_rollback(struct lg_lease *lease);

/* Run statements that give no rows (rows are ignored).  One that writes passes the gate: for its
 * own time, or until the end of the transaction that it is in.
 * Shape:   one or more statements, divided by semicolons; stops at the first that fails.
 * Returns: LG_OK; LG_ETIMEDOUT (report names the writer; or another process has the file);
 *          LG_EDEADLK; LG_EBUSY (LG_TRY, and somebody writes; or the data changed since this
 *          transaction's first read: roll back); LG_ECANCELED (a wait, or sqlite3_interrupt);
 *          LG_EREADONLY; LG_EFULL; LG_ENOTDB; LG_EDRIVER; LG_EFORK; LG_EINVAL; LG_ENOMEM.
 * Threads: the lease's holder; may wait for another writer. */
#define lg_sqlite_exec(lease, sql, deadline) lg_sqlite_exec_at((lease), (sql), (deadline), LG_HERE)
LG_API LG_MUST_CHECK int lg_sqlite_exec_at(struct lg_lease *lease, const char *sql,
                                           lg_deadline deadline, const char *place);

/* A prepared statement, reset and unbound, from the connection's cache.  Use it until the checkin;
 * do not finalize it; ask again for each use.
 * Shape:   one statement; the same text gives the same statement.
 * Returns: LG_OK; LG_EDRIVER (wrong SQL); LG_EFORK; LG_EINVAL; LG_ENOMEM.  *out is NULL unless LG_OK.
 * Threads: the lease's holder. */
LG_API LG_MUST_CHECK int lg_sqlite_prepare(struct lg_lease *lease, const char *sql,
                                           struct sqlite3_stmt **out);

/* Step a statement: sqlite3_step with the gate, the deadline for the busy handler and our statuses.
 * A statement whose rows are not read to the end keeps what it has locked: sqlite3_reset it.  If it writes, it
 * keeps the gate as well, until the next of these calls for the lease after that, or its checkin.
 * Shape:   statement is of this lease's connection; *has_row becomes 1 if there is a row to read,
 *          else 0.
 * Returns: as lg_sqlite_exec.
 * Threads: the lease's holder; may wait for another writer. */
#define lg_sqlite_step(lease, statement, deadline, has_row)                                        \
    lg_sqlite_step_at((lease), (statement), (deadline), (has_row), LG_HERE)
LG_API LG_MUST_CHECK int lg_sqlite_step_at(struct lg_lease *lease, struct sqlite3_stmt *statement,
                                           lg_deadline deadline, int *has_row, const char *place);

/* Why the last lg_sqlite_ call of this thread failed, in words.
 * Returns: text valid until this thread's next lg_sqlite_ call; "" if it did not fail.
 * Threads: any. */
LG_API const char *lg_sqlite_error(void);

LG_END_DECLS

#endif
