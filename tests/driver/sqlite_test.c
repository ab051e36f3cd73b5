/* Connections in use: transactions, statements, what a checkin and a discard undo, forks. */
#include "driver/database.h"

#include <pthread.h>

static void create_table(struct lg_pool *pool)
{
    struct lg_lease lease = take(pool);
    run(&lease, "CREATE TABLE t (n INTEGER UNIQUE)");
    give(pool, &lease);
}

static int count_rows(struct lg_lease *lease)
{
    sqlite3_stmt *statement;
    int has_row = 0;
    assert_int_equal(lg_sqlite_prepare(lease, "SELECT count(*) FROM t", &statement), LG_OK);
    assert_int_equal(lg_sqlite_step(lease, statement, lg_after_ms(LONG_MS), &has_row), LG_OK);
    assert_int_equal(has_row, 1);
    int count = sqlite3_column_int(statement, 0);
    assert_int_equal(lg_sqlite_step(lease, statement, lg_after_ms(LONG_MS), &has_row), LG_OK);
    assert_int_equal(has_row, 0);
    return count;
}

/* ---- Transactions ---- */

static void test_commit_and_rollback(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    create_table(pool);
    struct lg_lease lease = take(pool);
    assert_int_equal(lg_sqlite_begin(&lease, lg_after_ms(LONG_MS)), LG_OK);
    run(&lease, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);");
    assert_int_equal(lg_sqlite_commit(&lease, lg_after_ms(LONG_MS)), LG_OK);
    assert_int_equal(lg_sqlite_begin(&lease, lg_after_ms(LONG_MS)), LG_OK);
    run(&lease, "DELETE FROM t");
    assert_int_equal(lg_sqlite_rollback(&lease), LG_OK);
    assert_int_equal(count_rows(&lease), 2);
    give(pool, &lease);
    close_pool(pool);
}

static void test_wrong_order(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 1);
    struct lg_lease lease = take(pool), empty = {0};
    lg_deadline deadline = lg_after_ms(LONG_MS);
    int has_row;
    assert_int_equal(lg_sqlite_commit(&lease, deadline), LG_EINVAL);
    assert_string_equal(lg_sqlite_error(), "no transaction is open");
    assert_int_equal(lg_sqlite_rollback(&lease), LG_OK);
    assert_string_equal(lg_sqlite_error(), "");
    assert_int_equal(lg_sqlite_begin(&lease, deadline), LG_OK);
    assert_int_equal(lg_sqlite_begin(&lease, deadline), LG_EINVAL);
    assert_non_null(strstr(lg_sqlite_error(), "already"));
    assert_int_equal(lg_sqlite_exec(&lease, NULL, deadline), LG_EINVAL);
    assert_int_equal(lg_sqlite_step(&lease, NULL, deadline, &has_row), LG_EINVAL);
    assert_int_equal(lg_sqlite_begin(&empty, deadline), LG_EINVAL);
    assert_int_equal(lg_sqlite_rollback(NULL), LG_EINVAL);
    assert_null(lg_sqlite_handle(&empty));
    give(pool, &lease);
    assert_int_equal(lg_sqlite_exec(&lease, "SELECT 1", deadline), LG_EINVAL);
    close_pool(pool);
}

static void test_words_of_sql_errors(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 1);
    create_table(pool);
    struct lg_lease lease = take(pool);
    lg_deadline deadline = lg_after_ms(LONG_MS);
    sqlite3_stmt *statement = (sqlite3_stmt *)1;
    assert_int_equal(lg_sqlite_exec(&lease, "SELEC 1", deadline), LG_EDRIVER);
    assert_non_null(strstr(lg_sqlite_error(), "syntax error"));
    assert_int_equal(lg_sqlite_prepare(&lease, "SELECT x FROM t", &statement), LG_EDRIVER);
    assert_null(statement);
    assert_non_null(strstr(lg_sqlite_error(), "no such column"));
    const char *twice = "INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)";
    assert_int_equal(lg_sqlite_exec(&lease, twice, deadline), LG_EDRIVER);
    assert_non_null(strstr(lg_sqlite_error(), "UNIQUE"));
    assert_int_equal(count_rows(&lease), 1);
    give(pool, &lease);
    close_pool(pool);
}

/* A reader's transaction that would write after the data changed can only begin again. */
static void test_stale_snapshot(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    create_table(pool);
    struct lg_lease reader = take(pool), writer = take(pool);
    run(&reader, "BEGIN");
    assert_int_equal(count_rows(&reader), 0);
    run(&writer, "INSERT INTO t VALUES (1)");
    const char *sql = "INSERT INTO t VALUES (2)";
    assert_int_equal(lg_sqlite_exec(&reader, sql, lg_after_ms(LONG_MS)), LG_EBUSY);
    assert_non_null(strstr(lg_sqlite_error(), "roll back and begin again"));
    assert_int_equal(lg_sqlite_rollback(&reader), LG_OK);
    run(&reader, sql);
    assert_int_equal(count_rows(&reader), 2);
    give(pool, &reader);
    give(pool, &writer);
    close_pool(pool);
}

/* ---- Checkin, discard ---- */

static void test_checkin_rolls_back(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 1);
    create_table(pool);
    struct lg_lease lease = take(pool);
    assert_int_equal(lg_sqlite_begin(&lease, lg_after_ms(LONG_MS)), LG_OK);
    run(&lease, "INSERT INTO t VALUES (1)");
    give(pool, &lease);
    lease = take(pool);
    assert_int_equal(count_rows(&lease), 0);
    run(&lease, "INSERT INTO t VALUES (2)"); /* the gate is free */
    give(pool, &lease);
    close_pool(pool);
}

/* A statement that is not read to its end would keep an old snapshot, and the WAL, for ever. */
static void test_checkin_ends_statements(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 1);
    create_table(pool);
    struct lg_lease lease = take(pool);
    sqlite3_stmt *cached, *own;
    int has_row;
    run(&lease, "INSERT INTO t VALUES (1), (2)");
    assert_int_equal(lg_sqlite_prepare(&lease, "SELECT n FROM t", &cached), LG_OK);
    assert_int_equal(lg_sqlite_step(&lease, cached, lg_after_ms(LONG_MS), &has_row), LG_OK);
    sqlite3 *handle = lg_sqlite_handle(&lease);
    assert_int_equal(sqlite3_prepare_v2(handle, "SELECT n + 1 FROM t", -1, &own, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(own), SQLITE_ROW);
    assert_int_equal(sqlite3_txn_state(handle, "main"), SQLITE_TXN_READ);
    give(pool, &lease);
    assert_int_equal(sqlite3_txn_state(handle, "main"), SQLITE_TXN_NONE);
    sqlite3_finalize(own);
    close_pool(pool);
}

static void test_discard(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 1);
    struct lg_pool_stats stats = LG_POOL_STATS_INIT;
    create_table(pool);
    struct lg_lease lease = take(pool);
    assert_int_equal(lg_sqlite_begin(&lease, lg_after_ms(LONG_MS)), LG_OK);
    run(&lease, "INSERT INTO t VALUES (1)");
    assert_int_equal(lg_pool_discard(pool, &lease), LG_OK);
    lease = take(pool);
    run(&lease, "INSERT INTO t VALUES (2)");
    assert_int_equal(count_rows(&lease), 1);
    give(pool, &lease);
    lg_pool_stats(pool, &stats);
    assert_int_equal(stats.opened, 2);
    assert_int_equal(stats.closed, 1);
    close_pool(pool);
}

/* All connections of a generation are closed, also those that are in a transaction now. */
static void test_clear(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    create_table(pool);
    struct lg_lease lease = take(pool);
    assert_int_equal(lg_sqlite_begin(&lease, lg_after_ms(LONG_MS)), LG_OK);
    run(&lease, "INSERT INTO t VALUES (1)");
    assert_int_equal(lg_pool_clear(pool, 0), LG_OK);
    assert_int_equal(lg_sqlite_commit(&lease, lg_after_ms(LONG_MS)), LG_OK);
    give(pool, &lease);
    lease = take(pool);
    assert_int_equal(count_rows(&lease), 1);
    give(pool, &lease);
    close_pool(pool);
}

/* ---- Statements ---- */

static sqlite3_stmt *prepare(struct lg_lease *lease, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(lg_sqlite_prepare(lease, sql, &statement), LG_OK);
    assert_non_null(statement);
    return statement;
}

static void test_same_text_same_statement(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 1);
    struct lg_lease lease = take(pool);
    char text[] = "SELECT ?1; -- with a remark";
    sqlite3_stmt *first = prepare(&lease, "SELECT ?1; -- with a remark");
    int has_row;
    sqlite3_bind_int(first, 1, 5);
    assert_int_equal(lg_sqlite_step(&lease, first, lg_after_ms(LONG_MS), &has_row), LG_OK);
    assert_ptr_equal(prepare(&lease, text), first);
    assert_false(sqlite3_stmt_busy(first));
    assert_int_equal(lg_sqlite_step(&lease, first, lg_after_ms(LONG_MS), &has_row), LG_OK);
    assert_int_equal(sqlite3_column_type(first, 0), SQLITE_NULL); /* unbound again */
    text[7] = '2'; /* the same address, another text */
    text[8] = ' ';
    assert_ptr_not_equal(prepare(&lease, text), first);
    give(pool, &lease);
    lease = take(pool);
    assert_ptr_equal(prepare(&lease, "SELECT ?1; -- with a remark"), first);
    give(pool, &lease);
    close_pool(pool);
}

static void test_one_statement_only(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 1);
    struct lg_lease lease = take(pool);
    static const char *const wrong[] = {"", "  ", "-- nothing", "SELECT 1; SELECT 2",
                                        "SELECT 1; SELEC"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        sqlite3_stmt *statement;
        assert_int_equal(lg_sqlite_prepare(&lease, wrong[i], &statement), LG_EINVAL);
        assert_null(statement);
    }
    prepare(&lease, "SELECT 1;;  ; ");
    give(pool, &lease);
    close_pool(pool);
}

static unsigned count_statements(sqlite3 *handle)
{
    unsigned count = 0;
    for (sqlite3_stmt *s = sqlite3_next_stmt(handle, NULL); s; s = sqlite3_next_stmt(handle, s))
        count++;
    return count;
}

/* More statements than are kept: each stays good until the checkin, then the oldest go. */
static void test_statement_limit(void **state)
{
    (void)state;
    enum { LIMIT = 4, USED = 40 };
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    struct lg_pool *pool;
    options.statements = LIMIT;
    assert_int_equal(lg_sqlite_open(path_of("a.db"), &options, &pool), LG_OK);
    struct lg_lease lease = take(pool);
    unsigned own = count_statements(lg_sqlite_handle(&lease));
    sqlite3_stmt *statements[USED];
    char sql[32];
    for (int i = 0; i < USED; i++) {
        snprintf(sql, sizeof sql, "SELECT %d", i);
        statements[i] = prepare(&lease, sql);
    }
    for (int i = 0; i < USED; i++) {
        int has_row;
        int status = lg_sqlite_step(&lease, statements[i], lg_after_ms(LONG_MS), &has_row);
        assert_int_equal(status, LG_OK);
        assert_int_equal(sqlite3_column_int(statements[i], 0), i);
    }
    sqlite3 *handle = lg_sqlite_handle(&lease);
    give(pool, &lease);
    assert_int_equal(count_statements(handle), own + LIMIT);
    lease = take(pool);
    assert_ptr_equal(prepare(&lease, sql), statements[USED - 1]);
    prepare(&lease, "SELECT 'new'"); /* takes the place of one from the last lease */
    assert_int_equal(count_statements(handle), own + LIMIT);
    give(pool, &lease);
    close_pool(pool);
}

/* A user's own busy timeout is gone with the lease. */
static void test_busy_handler_comes_back(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 1);
    create_table(pool);
    struct lg_lease lease = take(pool);
    sqlite3_busy_timeout(lg_sqlite_handle(&lease), 3600 * 1000);
    give(pool, &lease);
    lease = take(pool);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(path_of("a.db"), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(lg_sqlite_begin(&lease, lg_after_ms(5)), LG_ETIMEDOUT);
    sqlite3_close(other);
    give(pool, &lease);
    close_pool(pool);
}

/* ---- Fork ---- */

static struct lg_lease forked_lease;

static int use_in_child(void *arg)
{
    struct lg_pool *pool = arg, *second;
    struct lg_lease lease;
    SUPPORT_CHECK(lg_pool_checkout(pool, lg_after_ms(LONG_MS), &lease) == LG_EFORK);
    SUPPORT_CHECK(lg_sqlite_begin(&forked_lease, LG_TRY) == LG_EFORK);
    SUPPORT_CHECK(lg_sqlite_exec(&forked_lease, "SELECT 1", LG_TRY) == LG_EFORK);
    SUPPORT_CHECK(lg_sqlite_handle(&forked_lease) == NULL);
    SUPPORT_CHECK(lg_pool_checkin(pool, &forked_lease) == LG_EFORK);
    SUPPORT_CHECK(lg_sqlite_open(path_of("a.db"), NULL, &second) == LG_EFORK);
    SUPPORT_CHECK(strstr(lg_sqlite_error(), "fork") != NULL);
    if (SUPPORT_TSAN)
        return 0; /* which allows no new threads in a child of a program with threads */
    SUPPORT_CHECK(lg_sqlite_open(path_of("child.db"), NULL, &second) == LG_OK);
    SUPPORT_CHECK(lg_pool_checkout(second, lg_after_ms(LONG_MS), &lease) == LG_OK);
    SUPPORT_CHECK(lg_sqlite_begin(&lease, lg_after_ms(LONG_MS)) == LG_OK);
    SUPPORT_CHECK(lg_pool_checkin(second, &lease) == LG_OK);
    lg_pool_destroy(second);
    return 0;
}

static void test_fork(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    create_table(pool);
    forked_lease = take(pool);
    assert_int_equal(lg_sqlite_begin(&forked_lease, lg_after_ms(LONG_MS)), LG_OK);
    run(&forked_lease, "INSERT INTO t VALUES (1)");
    assert_int_equal(support_fork(use_in_child, pool), 0);
    run(&forked_lease, "INSERT INTO t VALUES (2)");
    assert_int_equal(lg_sqlite_commit(&forked_lease, lg_after_ms(LONG_MS)), LG_OK);
    assert_int_equal(count_rows(&forked_lease), 2);
    give(pool, &forked_lease);
    close_pool(pool);
}

/* A child may open what nobody has open any more. */
static int open_in_child(void *arg)
{
    (void)arg;
    struct lg_pool *pool;
    if (SUPPORT_TSAN)
        return 0;
    SUPPORT_CHECK(lg_sqlite_open(path_of("a.db"), NULL, &pool) == LG_OK);
    lg_pool_destroy(pool);
    return 0;
}

static void test_fork_after_close(void **state)
{
    (void)state;
    close_pool(open_pool("a.db", 2));
    assert_int_equal(support_fork(open_in_child, NULL), 0);
}

/* ---- Many threads ---- */

enum { ACCOUNTS = 10, OPENING = 100, THREADS = 8, TRANSFERS = 100 };

struct mover {
    struct lg_pool *pool;
    unsigned number;
    int status; /* of the first failure */
};

/* Moves 1; every 7th is rolled back by its checkin, every 31st by closing the connection. */
static int move_one(struct mover *mover, struct support_random *random, int turn)
{
    struct lg_lease lease;
    lg_deadline deadline = lg_after_ms(LONG_MS);
    char sql[200];
    uint32_t from = support_below(random, ACCOUNTS);
    uint32_t to = (from + 1 + support_below(random, ACCOUNTS - 1)) % ACCOUNTS;
    snprintf(sql, sizeof sql,
             "UPDATE account SET balance = balance - 1 WHERE id = %u;"
             "UPDATE account SET balance = balance + 1 WHERE id = %u",
             from, to);
    int status = lg_pool_checkout(mover->pool, deadline, &lease);
    if (status != LG_OK)
        return status;
    status = lg_sqlite_begin(&lease, deadline);
    if (status == LG_OK)
        status = lg_sqlite_exec(&lease, sql, deadline);
    if (status == LG_OK && turn % 7 && turn % 31)
        status = lg_sqlite_commit(&lease, deadline);
    int end =
        turn % 31 ? lg_pool_checkin(mover->pool, &lease) : lg_pool_discard(mover->pool, &lease);
    return status == LG_OK ? end : status;
}

static void *move_many(void *arg)
{
    struct mover *mover = arg;
    struct support_random random;
    support_random_begin(&random, mover->number);
    for (int i = 1; i <= SUPPORT_ROUNDS(TRANSFERS) && mover->status == LG_OK; i++)
        mover->status = move_one(mover, &random, i);
    return NULL;
}

static void test_threads_conserve_money(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 3);
    struct lg_lease lease = take(pool);
    run(&lease, "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER);"
                "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9)"
                "INSERT INTO account SELECT i, 100 FROM n");
    give(pool, &lease);
    struct mover movers[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        movers[i] = (struct mover){pool, i, LG_OK};
        assert_int_equal(pthread_create(&threads[i], NULL, move_many, &movers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(movers[i].status, LG_OK);
    close_pool(pool);
    assert_int_equal(look(path_of("a.db"), "SELECT sum(balance) FROM account"), ACCOUNTS * OPENING);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_commit_and_rollback),
        FOLDER_TEST(test_wrong_order),
        FOLDER_TEST(test_words_of_sql_errors),
        FOLDER_TEST(test_stale_snapshot),
        FOLDER_TEST(test_checkin_rolls_back),
        FOLDER_TEST(test_checkin_ends_statements),
        FOLDER_TEST(test_discard),
        FOLDER_TEST(test_clear),
        FOLDER_TEST(test_same_text_same_statement),
        FOLDER_TEST(test_one_statement_only),
        FOLDER_TEST(test_statement_limit),
        FOLDER_TEST(test_busy_handler_comes_back),
        FOLDER_TEST(test_fork),
        FOLDER_TEST(test_fork_after_close),
        FOLDER_TEST(test_threads_conserve_money),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
