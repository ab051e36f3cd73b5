/* Bank: the same transfers over SQLite, through our pool and by hand.
 *
 * By hand is what a careful program does: a connection a thread, statements prepared once, one
 * mutex a file around BEGIN IMMEDIATE .. COMMIT, because SQLite has one writer and its own way to
 * wait for it is to poll.  All files lie in one temporary folder. */
#include "harness.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lifeguard/lifeguard.h>
#include <lifeguard/sqlite.h>
#include <sqlite3.h>

#define ACCOUNTS    100
#define BALANCE     1000
#define THREADS_MAX 8

static const char schema[] =
    "CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);"
    "CREATE TABLE ledger(id INTEGER PRIMARY KEY, source INTEGER, target INTEGER, amount INTEGER);"
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)"
    " INSERT INTO account SELECT i, 1000 FROM n;";

#define READ_SQL  "SELECT balance FROM account WHERE id = ?1"
#define WRITE_SQL "UPDATE account SET balance = ?2 WHERE id = ?1"
#define ENTER_SQL "INSERT INTO ledger(source, target, amount) VALUES(?1, ?2, ?3)"

/* -- files ------------------------------------------------------------------------------------ */

static char folder[256];

static void path_of(char *path, size_t size, const char *name)
{
    if ((size_t)snprintf(path, size, "%s/%s", folder, name) >= size)
        bench_fail("the temporary folder's name is too long");
}

static void remove_files(void)
{
    static const char *const names[] = {"hand.db", "hand.db-wal", "hand.db-shm",
                                        "pool.db", "pool.db-wal", "pool.db-shm"};
    char path[300];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_of(path, sizeof(path), names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/lifeguard-bench-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(folder) == NULL)
        bench_fail("cannot make a folder in %s; set TMPDIR", base != NULL ? base : "/tmp");
    atexit(remove_files);
}

static void check_sqlite(sqlite3 *db, int status, const char *what)
{
    if (status != SQLITE_OK && status != SQLITE_DONE && status != SQLITE_ROW)
        bench_fail("bank: %s: %s", what, sqlite3_errmsg(db));
}

static sqlite3 *open_file(const char *path)
{
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int status = sqlite3_open_v2(path, &db, flags, NULL);
    check_sqlite(db, status, path);
    check_sqlite(db, sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), "WAL");
    check_sqlite(db, sqlite3_exec(db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL), "NORMAL");
    return db;
}

static void make_bank(const char *path)
{
    sqlite3 *db = open_file(path);
    check_sqlite(db, sqlite3_exec(db, schema, NULL, NULL, NULL), "schema");
    sqlite3_close(db);
}

/* Speed with a wrong result is worth nothing. */
static void check_money(const char *path)
{
    sqlite3_stmt *statement;
    sqlite3 *db = open_file(path);
    check_sqlite(db,
                 sqlite3_prepare_v2(db, "SELECT sum(balance) FROM account", -1, &statement, NULL),
                 "prepare");
    check_sqlite(db, sqlite3_step(statement), "sum");
    if (sqlite3_column_int64(statement, 0) != ACCOUNTS * BALANCE)
        bench_fail("bank: %s has lost money", path);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

/* -- a transfer ------------------------------------------------------------------------------- */

struct transfer {
    int source;
    int target;
    int amount;
};

static struct transfer pick(struct bench_worker *worker)
{
    uint64_t random = bench_random(worker);
    int source = (int)(random % ACCOUNTS);
    int target = (int)((unsigned)source + 1 + random / ACCOUNTS % (ACCOUNTS - 1)) % ACCOUNTS;
    return (struct transfer){source, target, 1};
}

/* -- by hand ---------------------------------------------------------------------------------- */

enum { BEGIN, READ, WRITE, ENTER, COMMIT, STATEMENTS };

struct hand {
    pthread_mutex_t writer;
    sqlite3 *connections[THREADS_MAX];
    sqlite3_stmt *statements[THREADS_MAX][STATEMENTS];
};

static struct hand hand = {.writer = PTHREAD_MUTEX_INITIALIZER};

static void open_hand(const char *path)
{
    static const char *const texts[] = {"BEGIN IMMEDIATE", READ_SQL, WRITE_SQL, ENTER_SQL,
                                        "COMMIT"};
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        sqlite3 *db = hand.connections[i] = open_file(path);
        for (unsigned j = 0; j < STATEMENTS; j++)
            check_sqlite(db, sqlite3_prepare_v2(db, texts[j], -1, &hand.statements[i][j], NULL),
                         texts[j]);
    }
}

static void close_hand(void)
{
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        for (unsigned j = 0; j < STATEMENTS; j++)
            sqlite3_finalize(hand.statements[i][j]);
        sqlite3_close(hand.connections[i]);
    }
}

static void hand_run(sqlite3 *db, sqlite3_stmt *statement)
{
    check_sqlite(db, sqlite3_step(statement), "step");
    sqlite3_reset(statement);
}

static int hand_read(sqlite3 *db, sqlite3_stmt *statement, int account)
{
    sqlite3_bind_int(statement, 1, account);
    check_sqlite(db, sqlite3_step(statement), "read");
    int balance = sqlite3_column_int(statement, 0);
    sqlite3_reset(statement);
    return balance;
}

static void hand_write(sqlite3 *db, sqlite3_stmt *statement, int account, int balance)
{
    sqlite3_bind_int(statement, 1, account);
    sqlite3_bind_int(statement, 2, balance);
    hand_run(db, statement);
}

static void hand_transfer(sqlite3 *db, sqlite3_stmt **statements, struct transfer transfer)
{
    pthread_mutex_lock(&hand.writer);
    hand_run(db, statements[BEGIN]);
    int source = hand_read(db, statements[READ], transfer.source);
    int target = hand_read(db, statements[READ], transfer.target);
    hand_write(db, statements[WRITE], transfer.source, source - transfer.amount);
    hand_write(db, statements[WRITE], transfer.target, target + transfer.amount);
    sqlite3_bind_int(statements[ENTER], 1, transfer.source);
    sqlite3_bind_int(statements[ENTER], 2, transfer.target);
    sqlite3_bind_int(statements[ENTER], 3, transfer.amount);
    hand_run(db, statements[ENTER]);
    hand_run(db, statements[COMMIT]);
    pthread_mutex_unlock(&hand.writer);
}

static uint64_t hand_loop(void *self, struct bench_worker *worker)
{
    uint64_t done = 0;
    (void)self;
    for (; !bench_is_stopped(worker); done++)
        hand_transfer(hand.connections[worker->index], hand.statements[worker->index],
                      pick(worker));
    return done;
}

/* -- through our pool ------------------------------------------------------------------------- */

static void must(int status, const char *what)
{
    if (status != LG_OK)
        bench_fail("bank: %s: %s (%s)", what, lg_status_name(status), lg_sqlite_error());
}

static sqlite3_stmt *prepare(struct lg_lease *lease, const char *sql)
{
    sqlite3_stmt *statement;
    must(lg_sqlite_prepare(lease, sql, &statement), "prepare");
    return statement;
}

static int step(struct lg_lease *lease, sqlite3_stmt *statement)
{
    int has_row;
    must(lg_sqlite_step(lease, statement, LG_FOREVER, &has_row), "step");
    return has_row;
}

static int pool_read(struct lg_lease *lease, int account)
{
    sqlite3_stmt *statement = prepare(lease, READ_SQL);
    sqlite3_bind_int(statement, 1, account);
    if (!step(lease, statement))
        bench_fail("bank: account %d is gone", account);
    int balance = sqlite3_column_int(statement, 0);
    sqlite3_reset(statement);
    return balance;
}

static void pool_write(struct lg_lease *lease, int account, int balance)
{
    sqlite3_stmt *statement = prepare(lease, WRITE_SQL);
    sqlite3_bind_int(statement, 1, account);
    sqlite3_bind_int(statement, 2, balance);
    (void)step(lease, statement);
}

static void pool_transfer(struct lg_pool *pool, struct transfer transfer)
{
    struct lg_lease lease;
    must(lg_pool_checkout(pool, LG_FOREVER, &lease), "checkout");
    must(lg_sqlite_begin(&lease, LG_FOREVER), "begin");
    int source = pool_read(&lease, transfer.source);
    int target = pool_read(&lease, transfer.target);
    pool_write(&lease, transfer.source, source - transfer.amount);
    pool_write(&lease, transfer.target, target + transfer.amount);
    sqlite3_stmt *statement = prepare(&lease, ENTER_SQL);
    sqlite3_bind_int(statement, 1, transfer.source);
    sqlite3_bind_int(statement, 2, transfer.target);
    sqlite3_bind_int(statement, 3, transfer.amount);
    (void)step(&lease, statement);
    must(lg_sqlite_commit(&lease, LG_FOREVER), "commit");
    must(lg_pool_checkin(pool, &lease), "checkin");
}

static uint64_t pool_loop(void *self, struct bench_worker *worker)
{
    uint64_t done = 0;
    for (; !bench_is_stopped(worker); done++)
        pool_transfer(self, pick(worker));
    return done;
}

static struct lg_pool *open_pool(const char *path, unsigned capacity)
{
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    struct lg_pool_options pool_options = LG_POOL_OPTIONS_INIT;
    struct lg_pool *pool;
    pool_options.capacity = capacity;
    options.must_exist = 1;
    options.pool = &pool_options;
    must(lg_sqlite_open(path, &options, &pool), "open");
    return pool;
}

/* -- side by side ----------------------------------------------------------------------------- */

struct column {
    const char *group;
    unsigned threads;
    struct bench_crew *crew;
    struct lg_pool *pools[3]; /* of each variant */
    double totals[3][BENCH_CREW_MAX];
};

enum { HAND, POOL, SMALL_POOL };

static double sample(void *arg, size_t variant)
{
    struct column *column = arg;
    struct bench_phase phase = {.loop = variant == HAND ? hand_loop : pool_loop,
                                .self = column->pools[variant],
                                .ms = bench_phase_ms(200),
                                .thread_totals = column->totals[variant]};
    return bench_crew_run(column->crew, &phase) / 1e3;
}

static void run_column(struct column *column, const char *pool_path)
{
    const struct bench_variant variants[] = {
        {.name = "by hand", .is_baseline = true},
        {.name = "lg_pool"},
        {.name = "lg_pool, 4 connections", .every = 2},
    };
    const struct bench_goal goals[] = {{POOL, HAND, BENCH_AT_LEAST, 0.95}};
    struct bench_trial trial = {.bench = "bank",
                                .group = column->group,
                                .unit = "k/s",
                                .rounds = 20,
                                .variants = variants,
                                .variant_count = column->threads > 4 ? 3 : 2,
                                .goals = goals,
                                .goal_count = 1,
                                .sample = sample,
                                .arg = column};
    if (!bench_is_wanted(trial.group))
        return;
    column->pools[POOL] = open_pool(pool_path, column->threads);
    column->pools[SMALL_POOL] = open_pool(pool_path, 4);
    column->crew = bench_crew_start(column->threads, false);
    bench_trial_run(&trial);
    bench_crew_end(column->crew);
    for (size_t i = 0; i < trial.variant_count; i++)
        trial.shares[i] = bench_share(column->totals[i], column->threads);
    bench_trial_report(&trial);
    bench_trial_free(&trial);
    for (size_t i = POOL; i <= SMALL_POOL; i++) {
        (void)lg_pool_close(column->pools[i], LG_FOREVER, NULL, 0, NULL);
        lg_pool_destroy(column->pools[i]);
    }
}

void bench_bank(void)
{
    static struct column columns[] = {
        {.group = "transfers on SQLite, 1 thread, a connection each", .threads = 1},
        {.group = "transfers on SQLite, 2 threads, a connection each", .threads = 2},
        {.group = "transfers on SQLite, 8 threads, a connection each", .threads = 8},
    };
    char hand_path[300];
    char pool_path[300];
    make_folder();
    path_of(hand_path, sizeof(hand_path), "hand.db");
    path_of(pool_path, sizeof(pool_path), "pool.db");
    make_bank(hand_path);
    make_bank(pool_path);
    open_hand(hand_path);
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        run_column(&columns[i], pool_path);
    close_hand();
    check_money(hand_path);
    check_money(pool_path);
}
