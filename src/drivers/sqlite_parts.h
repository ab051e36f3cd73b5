/* SQLite driver, what its files share.
 *
 * Theory.  A *file* is a database by its device and inode.  All pools of this process on one file
 * share one *gate*, found in a registry, and every connection passes it before it may write.  A
 * *database* is one lg_sqlite_open: the driver's arg.  A *connection* is the pool's resource; only
 * one thread at a time uses it, the holder of its lease or the pool, so it needs no lock.
 *
 *     lg_sqlite_*  sqlite.c       the calls of the header
 *     file         sqlite_file.c  names, permissions, creating and removing
 *     gate         sqlite_gate.c  the registry; fork
 *     connection   sqlite_connection.c  open, close, check, reset; entering and leaving the gate
 *     cache        sqlite_cache.c       prepared statements
 *     error        sqlite_error.c       SQLite's codes as statuses and words
 *
 * The gate is held by a connection exactly while it has, or is about to have, a write transaction:
 * taken before the first statement that writes, left when no such transaction is open any more. */
#ifndef LG_DRIVERS_SQLITE_PARTS_H
#define LG_DRIVERS_SQLITE_PARTS_H

#include <lifeguard/sqlite.h>

#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>

/* ---- error ---- */

void lg__sqlite_error_clear(void);

/* Set this thread's text; returns status. */
int lg__sqlite_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same from a result code of SQLite; LG_OK for SQLITE_OK, _ROW and _DONE.  handle may be NULL. */
int lg__sqlite_fail_code(sqlite3 *handle, int code, const char *file);

/* ---- memory ---- */

/* Zeroed; NULL when memory is out, or when a test says so.  Freed by free().  Not SQLite's
 * allocator: its mutex may be held for ever in a child of fork(), where we must still say no. */
void *lg__sqlite_alloc(size_t size);
char *lg__sqlite_copy(const char *text);
extern bool (*lg__sqlite_alloc_fails)(void); /* NULL but in tests */

/* ---- file ---- */

/* r/o after lg__sqlite_file_identify */
struct lg__sqlite_file {
    char *path;       /* absolute, without symbolic links */
    const char *base; /* its last part */
    dev_t device;
    ino_t inode;
    bool is_created; /* by lg__sqlite_file_find: nobody had it before */
};

/* Resolve a name, say in words what is wrong with it, and create the file if it may be. */
int lg__sqlite_file_find(const char *name, bool read_only, bool must_exist,
                         struct lg__sqlite_file *out);
int lg__sqlite_file_identify(struct lg__sqlite_file *file);
/* Whether the path still leads to the file that was identified. */
bool lg__sqlite_file_is_same(const struct lg__sqlite_file *file);
/* Remove what _find created, as long as nobody has put anything in. */
void lg__sqlite_file_undo(const struct lg__sqlite_file *file);
void lg__sqlite_file_free(struct lg__sqlite_file *file);

/* ---- gate ---- */

struct lg__sqlite_gate;

int lg__sqlite_gate_get(const struct lg__sqlite_file *file, struct lg__sqlite_gate **out);
void lg__sqlite_gate_put(struct lg__sqlite_gate *gate);
struct lg_pool *lg__sqlite_gate_pool(struct lg__sqlite_gate *gate);

/* How many forks lie between the first process and this one: a connection of another number was
 * inherited and must not be touched. */
uint32_t lg__sqlite_forks(void);

/* ---- cache ---- */

struct lg__sqlite_statement;

/* Guard: the user of the connection. */
struct lg__sqlite_cache {
    struct lg__sqlite_statement *entries;
    uint32_t count;
    uint32_t room;
    uint32_t limit;       /* more are kept only while one lease uses them all */
    uint64_t clock;       /* counts uses */
    uint64_t lease_start; /* clock at the last checkin: what was used after it must not go */
};

int lg__sqlite_cache_get(struct lg__sqlite_cache *cache, sqlite3 *handle, const char *file,
                         const char *sql, sqlite3_stmt **out);
/* A lease has ended: shrink to the limit. */
void lg__sqlite_cache_trim(struct lg__sqlite_cache *cache);
void lg__sqlite_cache_free(struct lg__sqlite_cache *cache);

/* ---- database, connection ---- */

struct lg__sqlite_connection;

/* r/o after lg_sqlite_open, but for `first` */
struct lg__sqlite_database {
    struct lg__sqlite_file file;
    struct lg__sqlite_gate *gate;
    bool read_only;
    bool is_detached; /* leases of this pool belong to nobody, so the gate's do not either */
    enum lg_sqlite_sync sync;
    uint32_t statements;
    uint64_t page_max;
    char *setup;
    char *vfs;
    struct lg__sqlite_connection *first; /* atomic: tried by lg_sqlite_open, taken by one open */
};

/* Guard: the user of the connection. */
struct lg__sqlite_connection {
    sqlite3 *handle;
    const struct lg__sqlite_database *database;
    lg_deadline deadline;           /* for the busy handler: of the call that runs */
    const struct lg_cancel *cancel; /* while opening */
    uint32_t forks;
    struct lg_lease gate;          /* resource not NULL: held */
    struct lg_context *gatekeeper; /* who took it */
    bool is_immediate; /* a BEGIN IMMEDIATE of lg_sqlite_begin has not ended yet, as known */
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    sqlite3_stmt *rollback;
    sqlite3_stmt *look;
    struct lg__sqlite_cache cache;
};

extern const struct lg_driver lg__sqlite_driver;

int lg__sqlite_connect(const struct lg__sqlite_database *database, lg_deadline deadline,
                       const struct lg_cancel *cancel, struct lg__sqlite_connection **out);
void lg__sqlite_disconnect(struct lg__sqlite_connection *connection);

/* Take the gate unless it is held. */
int lg__sqlite_enter(struct lg__sqlite_connection *connection, lg_deadline deadline,
                     const char *place);
/* Leave the gate if it is held and no write transaction is open. */
void lg__sqlite_settle(struct lg__sqlite_connection *connection);

/* Run a statement of our own to its end. */
int lg__sqlite_run(struct lg__sqlite_connection *connection, sqlite3_stmt *statement,
                   lg_deadline deadline);

#endif
