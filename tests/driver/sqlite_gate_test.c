/* The writer's gate: order, what passes it, and that it is part of the graph. */
#include "driver/database.h"

#include "support/crew.h"

#include <sys/wait.h>

/* What a worker works on.  Guard: its worker while it has steps to do. */
struct writer {
    struct lg_pool *pool;
    struct lg_lease lease;
    struct lg_mutex *mutex;
    uint64_t deadline_ms;
    const char *sql;
    struct lg_report report; /* after LG_EDEADLK and LG_ETIMEDOUT */
};

/* Not on the stack: a test that fails leaves its workers in the middle of a step. */
static struct writer one, two;

static struct writer writer_on(struct lg_pool *pool)
{
    return (struct writer){.pool = pool, .deadline_ms = LONG_MS};
}

static int step_take(void *arg)
{
    struct writer *writer = arg;
    return lg_pool_checkout(writer->pool, lg_after_ms(LONG_MS), &writer->lease);
}

static int step_give(void *arg)
{
    struct writer *writer = arg;
    return lg_pool_checkin(writer->pool, &writer->lease);
}

static int step_begin(void *arg)
{
    struct writer *writer = arg;
    int status = lg_sqlite_begin(&writer->lease, lg_after_ms(writer->deadline_ms));
    writer->report = *lg_report_last();
    return status;
}

static int step_exec(void *arg)
{
    struct writer *writer = arg;
    return lg_sqlite_exec(&writer->lease, writer->sql, lg_after_ms(writer->deadline_ms));
}

static int step_commit(void *arg)
{
    struct writer *writer = arg;
    return lg_sqlite_commit(&writer->lease, lg_after_ms(writer->deadline_ms));
}

static struct crew_worker *hire_with_connection(const char *name, struct writer *writer)
{
    struct crew_worker *worker = crew_hire(name);
    assert_int_equal(crew_do(worker, step_take, writer), LG_OK);
    return worker;
}

/* ---- Order ---- */

enum { QUEUE = 6 };

static void test_first_come_first_served(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", QUEUE);
    struct crew_worker *workers[QUEUE];
    static struct writer writers[QUEUE];
    for (unsigned i = 0; i < QUEUE; i++) {
        writers[i] = writer_on(pool);
        workers[i] = crew_hire_numbered("writer-", i);
        assert_int_equal(crew_do(workers[i], step_take, &writers[i]), LG_OK);
        crew_run(workers[i], step_begin, &writers[i]);
        if (i == 0)
            assert_int_equal(crew_wait(workers[0]), LG_OK);
        else
            crew_wait_blocked(workers[i]);
    }
    for (unsigned i = 0; i < QUEUE; i++) {
        assert_int_equal(crew_wait(workers[i]), LG_OK);
        for (unsigned later = i + 1; later < QUEUE; later++)
            assert_false(crew_is_idle(workers[later]));
        assert_int_equal(crew_do(workers[i], step_commit, &writers[i]), LG_OK);
    }
    for (unsigned i = 0; i < QUEUE; i++)
        assert_int_equal(crew_do(workers[i], step_give, &writers[i]), LG_OK);
    close_pool(pool);
}

/* ---- What passes it ---- */

/* A statement that writes without lg_sqlite_begin waits in the graph too, and not in SQLite. */
static void test_single_statements_pass_it(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    one = two = writer_on(pool);
    struct crew_worker *a = hire_with_connection("A", &one), *b = hire_with_connection("B", &two);
    one.sql = "CREATE TABLE t (n); INSERT INTO t VALUES (1)";
    two.sql = "INSERT INTO t VALUES (2)";
    assert_int_equal(crew_do(a, step_exec, &one), LG_OK);
    assert_int_equal(crew_do(a, step_begin, &one), LG_OK);
    crew_run(b, step_exec, &two);
    crew_wait_blocked(b);
    assert_int_equal(crew_do(a, step_give, &one), LG_OK);
    assert_int_equal(crew_wait(b), LG_OK);
    two.sql = "BEGIN; SELECT * FROM t; INSERT INTO t VALUES (3)"; /* from here it has the gate */
    assert_int_equal(crew_do(b, step_exec, &two), LG_OK);
    assert_int_equal(crew_do(a, step_take, &one), LG_OK);
    crew_run(a, step_begin, &one);
    crew_wait_blocked(a);
    two.sql = "COMMIT";
    assert_int_equal(crew_do(b, step_exec, &two), LG_OK);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_give, &one), LG_OK);
    assert_int_equal(crew_do(b, step_give, &two), LG_OK);
    close_pool(pool);
    assert_int_equal(look(path_of("a.db"), "SELECT count(*) FROM t"), 3);
}

static void test_readers_do_not(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    struct lg_lease first = take(pool), second = take(pool);
    run(&first, "CREATE TABLE t (n)");
    assert_int_equal(lg_sqlite_begin(&first, lg_after_ms(LONG_MS)), LG_OK);
    run(&first, "INSERT INTO t VALUES (1)");
    assert_int_equal(lg_sqlite_exec(&second, "SELECT * FROM t", LG_TRY), LG_OK);
    assert_int_equal(lg_sqlite_exec(&second, "INSERT INTO t VALUES (2)", LG_TRY), LG_EBUSY);
    give(pool, &first);
    assert_int_equal(lg_sqlite_exec(&second, "INSERT INTO t VALUES (2)", LG_TRY), LG_OK);
    give(pool, &second);
    close_pool(pool);
}

/* INSERT ... RETURNING writes until its last row was read, or it is reset. */
static void test_rows_of_a_write(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    struct lg_lease first = take(pool), second = take(pool);
    const char *sql = "INSERT INTO t VALUES (1), (2) RETURNING n";
    sqlite3_stmt *statement;
    int has_row;
    run(&first, "CREATE TABLE t (n)");
    assert_int_equal(lg_sqlite_prepare(&first, sql, &statement), LG_OK);
    assert_int_equal(lg_sqlite_step(&first, statement, lg_after_ms(LONG_MS), &has_row), LG_OK);
    assert_int_equal(has_row, 1);
    assert_int_equal(lg_sqlite_begin(&second, LG_TRY), LG_EBUSY);
    assert_int_equal(lg_sqlite_prepare(&first, sql, &statement), LG_OK); /* resets it */
    assert_int_equal(lg_sqlite_begin(&second, LG_TRY), LG_OK);
    give(pool, &first);
    give(pool, &second);
    close_pool(pool);
}

static void test_one_gate_a_file(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 1), *other = open_pool("b.db", 1);
    assert_int_equal(symlink(path_of("a.db"), path_of("link.db")), 0);
    struct lg_pool *same = open_pool("link.db", 1);
    struct lg_lease first = take(pool), second = take(same), three = take(other);
    assert_int_equal(lg_sqlite_begin(&first, lg_after_ms(LONG_MS)), LG_OK);
    assert_int_equal(lg_sqlite_begin(&second, LG_TRY), LG_EBUSY);
    assert_int_equal(lg_sqlite_begin(&three, LG_TRY), LG_OK);
    give(pool, &first);
    close_pool(pool); /* the gate lives on with the other pool */
    assert_int_equal(lg_sqlite_begin(&second, LG_TRY), LG_OK);
    give(same, &second);
    give(other, &three);
    close_pool(same);
    close_pool(other);
}

/* ---- In the graph ---- */

/* The gate has one place and always will: what is advised is what a user of SQLite can do. */
static void assert_advice_fits(const struct lg_report *report, bool is_for_gate)
{
    static const char advice[] = "roll back or finish the transaction that holds the writer gate";
    char text[4096], json[8192];
    (void)lg_report_write(report, LG_REPORT_TEXT, text, sizeof text);
    (void)lg_report_write(report, LG_REPORT_JSON, json, sizeof json);
    assert_true((strstr(text, advice) != NULL) == is_for_gate);
    assert_true((strstr(json, advice) != NULL) == is_for_gate);
    assert_null(strstr(text, "a pool of"));
    assert_null(strstr(text, "nested = share"));
    assert_null(strstr(text, "check in"));
    assert_int_equal(report->minimum, 0);
    assert_int_equal(support_log_count("pool-too-small"), 0);
}

/* One context that writes through two connections would wait for itself. */
static void test_second_writer_of_one_context(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    struct lg_lease first = take(pool), second = take(pool);
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(lg_sqlite_begin(&first, lg_after_ms(LONG_MS)), LG_OK);
    assert_int_equal(lg_sqlite_begin(&second, lg_after_ms(LONG_MS)), LG_EDEADLK);
    assert_advice_fits(lg_report_last(), true);
    assert_string_equal(lg_report_last()->name, "a.db writer");
    assert_non_null(strstr(lg_report_last()->members[0].holds[0].place, "sqlite_gate_test.c"));
    assert_non_null(strstr(lg_sqlite_error(), "never have ended"));
    give(pool, &first);
    assert_int_equal(lg_sqlite_begin(&second, lg_after_ms(LONG_MS)), LG_OK);
    give(pool, &second);
    close_pool(pool);
}

static int step_lock_then_begin(void *arg)
{
    struct writer *writer = arg;
    int status = lg_mutex_lock(writer->mutex, lg_after_ms(LONG_MS));
    if (status != LG_OK)
        return status;
    status = step_begin(writer);
    lg_mutex_unlock(writer->mutex);
    return status;
}

static int step_lock_then_roll_back(void *arg)
{
    struct writer *writer = arg;
    int status = lg_mutex_lock(writer->mutex, lg_after_ms(LONG_MS));
    writer->report = *lg_report_last();
    if (status == LG_OK)
        lg_mutex_unlock(writer->mutex);
    int end = lg_sqlite_rollback(&writer->lease);
    return end == LG_OK ? status : end;
}

static bool names(const struct lg_report *report, const char *name)
{
    for (uint32_t i = 0; i < report->member_count && i < LG_REPORT_MEMBERS; i++)
        if (!strcmp(report->members[i].waits_name, name))
            return true;
    return false;
}

/* A has the gate and wants the mutex, B has the mutex and wants the gate. */
static void test_deadlock_with_a_mutex(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    struct lg_mutex mutex = LG_MUTEX_INIT("prices");
    one = two = writer_on(pool);
    support_log_begin(LG_LOG_WARN);
    struct crew_worker *a = hire_with_connection("A", &one), *b = hire_with_connection("B", &two);
    one.mutex = two.mutex = &mutex;
    assert_int_equal(crew_do(a, step_begin, &one), LG_OK);
    crew_run(b, step_lock_then_begin, &two);
    crew_wait_blocked(b);
    crew_run(a, step_lock_then_roll_back, &one);
    int status_a = crew_wait(a), status_b = crew_wait(b);
    assert_true((status_a == LG_EDEADLK) != (status_b == LG_EDEADLK));
    assert_true(status_a == LG_OK || status_b == LG_OK);
    const struct lg_report *report = status_a == LG_EDEADLK ? &one.report : &two.report;
    assert_int_equal(report->kind, LG_REPORT_DEADLOCK);
    assert_int_equal(report->member_count, 2);
    assert_true(names(report, "a.db writer"));
    assert_true(names(report, "prices"));
    assert_advice_fits(report, strcmp(report->victim, "A") == 0); /* B releases a mutex */
    assert_int_equal(crew_do(a, step_give, &one), LG_OK);
    assert_int_equal(crew_do(b, step_give, &two), LG_OK);
    close_pool(pool);
}

/* The gate and the pool are one graph: the writer wants a connection that the waiters have. */
static int step_begin_then_take(void *arg)
{
    struct writer *writer = arg;
    struct lg_lease second;
    int status = lg_pool_checkout(writer->pool, lg_after_ms(LONG_MS), &second);
    writer->report = *lg_report_last();
    if (status == LG_OK)
        status = lg_pool_checkin(writer->pool, &second);
    int end = lg_sqlite_rollback(&writer->lease);
    return end == LG_OK ? status : end;
}

static int step_begin_and_give(void *arg)
{
    struct writer *writer = arg;
    int status = step_begin(writer);
    int end = step_give(writer);
    return end == LG_OK ? status : end;
}

static void test_deadlock_with_the_pool(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    one = two = writer_on(pool);
    struct crew_worker *a = hire_with_connection("A", &one), *b = hire_with_connection("B", &two);
    assert_int_equal(crew_do(a, step_begin, &one), LG_OK);
    crew_run(b, step_begin_and_give, &two);
    crew_wait_blocked(b);
    crew_run(a, step_begin_then_take, &one);
    int status_a = crew_wait(a), status_b = crew_wait(b);
    assert_true((status_a == LG_EDEADLK) != (status_b == LG_EDEADLK));
    assert_true(status_a == LG_OK || status_b == LG_OK);
    const struct lg_report *report = status_a == LG_EDEADLK ? &one.report : &two.report;
    assert_true(names(report, "a.db writer"));
    assert_true(names(report, "db"));
    assert_int_equal(crew_do(a, step_give, &one), LG_OK);
    close_pool(pool);
}

static void test_timeout_names_the_writer(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    one = two = writer_on(pool);
    struct crew_worker *a = hire_with_connection("A", &one), *b = hire_with_connection("B", &two);
    assert_int_equal(crew_do(a, step_begin, &one), LG_OK);
    two.deadline_ms = 5;
    assert_int_equal(crew_do(b, step_begin, &two), LG_ETIMEDOUT);
    assert_int_equal(two.report.kind, LG_REPORT_TIMEOUT);
    assert_string_equal(two.report.name, "a.db writer");
    bool names_holder = false;
    for (uint32_t i = 0; i < two.report.member_count; i++)
        names_holder = names_holder || !strcmp(two.report.members[i].context, "A");
    assert_true(names_holder);
    assert_int_equal(crew_do(a, step_give, &one), LG_OK);
    assert_int_equal(crew_do(b, step_give, &two), LG_OK);
    close_pool(pool);
}

/* ---- Leases that wander ---- */

/* Not advised, but sound: the gate goes back whoever ends the transaction. */
static void test_lease_given_within_a_transaction(void **state)
{
    (void)state;
    struct lg_pool *pool = open_pool("a.db", 2);
    one = two = writer_on(pool);
    struct crew_worker *a = hire_with_connection("A", &one), *b = crew_hire("B");
    support_log_begin(LG_LOG_WARN);
    assert_int_equal(crew_do(a, step_begin, &one), LG_OK);
    assert_int_equal(crew_do(b, step_take, &two), LG_OK);
    assert_int_equal(crew_do(b, step_give, &two), LG_OK);
    assert_int_equal(lg_lease_give(&one.lease, crew_context(b)), LG_OK);
    assert_int_equal(crew_do(b, step_commit, &one), LG_OK);
    assert_int_equal(crew_do(b, step_give, &one), LG_OK);
    assert_int_equal(crew_do(a, step_take, &two), LG_OK);
    assert_int_equal(crew_do(a, step_begin, &two), LG_OK);
    assert_int_equal(crew_do(a, step_give, &two), LG_OK);
    assert_int_equal(support_log_count(NULL), 0);
    close_pool(pool);
}

static void test_detached_pool(void **state)
{
    (void)state;
    struct lg_pool_options pool_options = LG_POOL_OPTIONS_INIT;
    pool_options.detached = 1;
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    options.pool = &pool_options;
    struct lg_pool *pool;
    assert_int_equal(lg_sqlite_open(path_of("a.db"), &options, &pool), LG_OK);
    struct lg_lease first = take(pool), second = take(pool);
    assert_int_equal(lg_sqlite_begin(&first, lg_after_ms(LONG_MS)), LG_OK);
    assert_int_equal(lg_sqlite_begin(&second, lg_after_ms(5)), LG_ETIMEDOUT); /* who knows? */
    give(pool, &first);
    assert_int_equal(lg_sqlite_begin(&second, lg_after_ms(LONG_MS)), LG_OK);
    give(pool, &second);
    close_pool(pool);
}

/* ---- Other processes ---- */

/* Lock the file, say so, and unlock it when told to. */
static int lock_from_outside(const char *path, int ready, int release)
{
    sqlite3 *handle;
    char byte = 'x';
    if (sqlite3_open(path, &handle) || sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL))
        return 1;
    if (write(ready, &byte, 1) != 1 || read(release, &byte, 1) != 1)
        return 1;
    return sqlite3_exec(handle, "COMMIT", NULL, NULL, NULL);
}

/* A wait for another process belongs to the scope that it is in. */
struct scoped {
    struct lg_cancel *token;
    const struct lg_lease *lease;
};

static int begin_in_scope(void *arg)
{
    const struct scoped *scoped = arg;
    struct lg_cancel_scope scope;
    int status = lg_cancel_enter(scoped->token, &scope);
    if (status != LG_OK)
        return status;
    struct lg_lease lease = *scoped->lease;
    status = lg_sqlite_begin(&lease, LG_FOREVER);
    lg_cancel_leave(&scope);
    return status;
}

static void cancel_begin(const struct lg_lease *lease)
{
    struct scoped scoped = {.lease = lease};
    assert_int_equal(lg_cancel_create(NULL, lg_after_ms(5), &scoped.token), LG_OK);
    assert_int_equal(begin_in_scope(&scoped), LG_ETIMEDOUT); /* the token's deadline */
    lg_cancel_destroy(scoped.token);
    assert_int_equal(lg_cancel_create(NULL, LG_FOREVER, &scoped.token), LG_OK);
    struct crew_worker *worker = crew_hire("cancelled");
    crew_run(worker, begin_in_scope, &scoped);
    lg_cancel_request(scoped.token);
    assert_int_equal(crew_wait(worker), LG_ECANCELED);
    lg_cancel_destroy(scoped.token);
}

static void test_another_process_writes(void **state)
{
    (void)state;
    const char *path = path_of("a.db");
    int ready[2], release[2], result;
    char byte;
    close_pool(open_pool("a.db", 1)); /* makes it a WAL database */
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(release), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(lock_from_outside(path, ready[1], release[0]));
    assert_true(child > 0);
    assert_int_equal(read(ready[0], &byte, 1), 1);

    struct lg_pool *pool = open_pool("a.db", 2);
    one = writer_on(pool);
    struct lg_lease lease = take(pool);
    assert_int_equal(lg_sqlite_begin(&lease, lg_after_ms(10)), LG_ETIMEDOUT);
    assert_non_null(strstr(lg_sqlite_error(), "another process"));
    cancel_begin(&lease);
    struct crew_worker *a = hire_with_connection("A", &one);
    crew_run(a, step_begin, &one); /* has the gate and waits for the child */
    assert_int_equal(write(release[1], "x", 1), 1);
    assert_int_equal(crew_wait(a), LG_OK);
    assert_int_equal(crew_do(a, step_give, &one), LG_OK);
    assert_int_equal(lg_sqlite_begin(&lease, lg_after_ms(LONG_MS)), LG_OK);
    give(pool, &lease);
    close_pool(pool);
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(release[i]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_first_come_first_served),
        FOLDER_TEST(test_single_statements_pass_it),
        FOLDER_TEST(test_readers_do_not),
        FOLDER_TEST(test_rows_of_a_write),
        FOLDER_TEST(test_one_gate_a_file),
        FOLDER_TEST(test_second_writer_of_one_context),
        FOLDER_TEST(test_deadlock_with_a_mutex),
        FOLDER_TEST(test_deadlock_with_the_pool),
        FOLDER_TEST(test_timeout_names_the_writer),
        FOLDER_TEST(test_lease_given_within_a_transaction),
        FOLDER_TEST(test_detached_pool),
        FOLDER_TEST(test_another_process_writes),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
