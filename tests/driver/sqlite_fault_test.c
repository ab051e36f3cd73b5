/* Faults: the N-th call of SQLite's file system, or the N-th allocation, fails, for all N until a
 * run no longer gets that far.  Whatever fails, each call gives a clean status with words, nothing
 * half-created stays after a failed open, and the database stays consistent: money conserved,
 * integrity_check ok, and what was committed is there. */
#include "driver/database.h"

#include "drivers/sqlite_parts.h"

#include <stdatomic.h>

/* ---- The countdown: all faults of a run come from here ---- */

enum fault_kind { FAULT_IO, FAULT_FULL, FAULT_BUSY, FAULT_MEMORY };

static struct {
    _Atomic long long left; /* calls until the fault; below 1: it has come */
    atomic_bool is_armed;
    atomic_bool has_hit;
    enum fault_kind kind; /* r/o while armed */
    bool is_persistent;   /* r/o while armed: all calls after it fail too */
} countdown;

static void arm(enum fault_kind kind, long long n, bool is_persistent)
{
    countdown.kind = kind;
    countdown.is_persistent = is_persistent;
    atomic_store(&countdown.has_hit, false);
    atomic_store(&countdown.left, n);
    atomic_store(&countdown.is_armed, true);
}

/* Whether the run got as far as the fault. */
static bool disarm(void)
{
    atomic_store(&countdown.is_armed, false);
    return atomic_load(&countdown.has_hit);
}

static bool strikes(void)
{
    if (!atomic_load(&countdown.is_armed))
        return false;
    long long left = atomic_fetch_sub(&countdown.left, 1);
    if (left > 1 || (left < 1 && !countdown.is_persistent))
        return false;
    atomic_store(&countdown.has_hit, true);
    return true;
}

static bool io_strikes(void)
{
    return countdown.kind != FAULT_MEMORY && strikes();
}

/* ---- A file system that fails ---- */

struct faulty_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *real_vfs;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct faulty_file *)file)->real;
}

static int faulty_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int faulty_read(sqlite3_file *file, void *out, int amount, sqlite3_int64 offset)
{
    if (io_strikes())
        return SQLITE_IOERR_READ;
    return real_of(file)->pMethods->xRead(real_of(file), out, amount, offset);
}

static int faulty_write(sqlite3_file *file, const void *in, int amount, sqlite3_int64 offset)
{
    if (io_strikes())
        return countdown.kind == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    return real_of(file)->pMethods->xWrite(real_of(file), in, amount, offset);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (io_strikes())
        return SQLITE_IOERR_TRUNCATE;
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return io_strikes() ? SQLITE_IOERR_FSYNC : SQLITE_OK; /* nobody pulls the plug here */
}

static int faulty_file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    if (io_strikes())
        return SQLITE_IOERR_FSTAT;
    return real_of(file)->pMethods->xFileSize(real_of(file), out);
}

static int faulty_lock(sqlite3_file *file, int level)
{
    if (io_strikes())
        return countdown.kind == FAULT_BUSY ? SQLITE_BUSY : SQLITE_IOERR_LOCK;
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int faulty_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int faulty_check_lock(sqlite3_file *file, int *out)
{
    if (io_strikes())
        return SQLITE_IOERR_CHECKRESERVEDLOCK;
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int faulty_control(sqlite3_file *file, int code, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), code, arg);
}

static int faulty_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int faulty_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int faulty_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    if (io_strikes())
        return countdown.kind == FAULT_FULL ? SQLITE_IOERR_SHMSIZE : SQLITE_IOERR_SHMMAP;
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int faulty_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    bool is_unlock = flags & SQLITE_SHM_UNLOCK;
    if (!is_unlock && io_strikes())
        return countdown.kind == FAULT_BUSY ? SQLITE_BUSY : SQLITE_IOERR_SHMLOCK;
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void faulty_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int faulty_shm_unmap(sqlite3_file *file, int is_last)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), is_last);
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 2,
    .xClose = faulty_close,
    .xRead = faulty_read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_file_size,
    .xLock = faulty_lock,
    .xUnlock = faulty_unlock,
    .xCheckReservedLock = faulty_check_lock,
    .xFileControl = faulty_control,
    .xSectorSize = faulty_sector,
    .xDeviceCharacteristics = faulty_device,
    .xShmMap = faulty_shm_map,
    .xShmLock = faulty_shm_lock,
    .xShmBarrier = faulty_shm_barrier,
    .xShmUnmap = faulty_shm_unmap,
};

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    struct faulty_file *faulty = (struct faulty_file *)file;
    faulty->base.pMethods = NULL;
    if (io_strikes())
        return SQLITE_CANTOPEN;
    faulty->real = (sqlite3_file *)(faulty + 1);
    int code = real_vfs->xOpen(real_vfs, name, faulty->real, flags, out);
    if (code == SQLITE_OK)
        faulty->base.pMethods = &faulty_methods;
    return code;
}

static int faulty_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    if (io_strikes())
        return SQLITE_IOERR_DELETE;
    return real_vfs->xDelete(real_vfs, name, sync);
}

static int faulty_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    if (io_strikes())
        return SQLITE_IOERR_ACCESS;
    return real_vfs->xAccess(real_vfs, name, flags, out);
}

static int faulty_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    if (io_strikes())
        return SQLITE_CANTOPEN;
    return real_vfs->xFullPathname(real_vfs, name, size, out);
}

static void register_faulty_vfs(void)
{
    static sqlite3_vfs faulty;
    real_vfs = sqlite3_vfs_find(NULL);
    faulty = *real_vfs;
    faulty.pNext = NULL;
    faulty.zName = "faulty";
    faulty.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
    faulty.xOpen = faulty_open;
    faulty.xDelete = faulty_delete;
    faulty.xAccess = faulty_access;
    faulty.xFullPathname = faulty_full_path;
    sqlite3_vfs_register(&faulty, 0);
}

/* ---- Memory that runs out: SQLite's and the driver's ---- */

static sqlite3_mem_methods real_memory;

static bool memory_strikes(void)
{
    return countdown.kind == FAULT_MEMORY && strikes();
}

static void *faulty_malloc(int size)
{
    return memory_strikes() ? NULL : real_memory.xMalloc(size);
}

static void *faulty_realloc(void *memory, int size)
{
    return memory_strikes() ? NULL : real_memory.xRealloc(memory, size);
}

static int install_memory(void)
{
    sqlite3_mem_methods faulty;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory))
        return -1;
    faulty = real_memory;
    faulty.xMalloc = faulty_malloc;
    faulty.xRealloc = faulty_realloc;
    lg__sqlite_alloc_fails = memory_strikes;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty);
}

/* ---- One run ---- */

enum { ACCOUNTS = 4, OPENING = 1000, TRANSFERS = 2, BUSY_MS = 50 };

/* What a run did.  Main thread. */
struct run {
    struct lg_pool *pool;
    unsigned committed;
    unsigned uncertain; /* commits that failed */
    bool was_clean;     /* each status known, each failure in words */
};

/* Note a status of the driver; returns whether it is LG_OK. */
static bool is_ok(struct run *run, int status)
{
    if (status == LG_OK)
        return true;
    bool is_known = strcmp(lg_status_name(status), "LG_E?") != 0;
    if (!is_known || !*lg_sqlite_error()) {
        print_error("status %d, words \"%s\"\n", status, lg_sqlite_error());
        run->was_clean = false;
    }
    return false;
}

static bool transact(struct run *run, struct lg_lease *lease, const char *sql)
{
    lg_deadline deadline = lg_after_ms(BUSY_MS);
    if (!is_ok(run, lg_sqlite_begin(lease, deadline)))
        return false;
    if (is_ok(run, lg_sqlite_exec(lease, sql, deadline))) {
        if (is_ok(run, lg_sqlite_commit(lease, deadline)))
            return true;
        run->uncertain++;
    }
    (void)is_ok(run, lg_sqlite_rollback(lease));
    return false;
}

static void move_money(struct run *run, struct lg_lease *lease, int turn)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "UPDATE account SET balance = balance - 10 WHERE id = %d;"
             "INSERT INTO ledger VALUES (%d, zeroblob(3000));"
             "UPDATE account SET balance = balance + 10 WHERE id = %d",
             turn % ACCOUNTS, turn, (turn + 1) % ACCOUNTS);
    if (transact(run, lease, sql))
        run->committed++;
}

static void look_at_sum(struct run *run, struct lg_lease *lease)
{
    sqlite3_stmt *statement;
    int has_row = 0;
    if (!is_ok(run, lg_sqlite_prepare(lease, "SELECT sum(balance) FROM account", &statement)))
        return;
    if (is_ok(run, lg_sqlite_step(lease, statement, lg_after_ms(BUSY_MS), &has_row)))
        assert_int_equal(sqlite3_column_int(statement, 0), ACCOUNTS * OPENING);
    sqlite3_reset(statement); /* a reader would hold the checkpoint up */
}

static void use_connections(struct run *run)
{
    struct lg_lease one, two;
    if (lg_pool_checkout(run->pool, lg_after_ms(LONG_MS), &one) != LG_OK)
        return;
    bool has_tables =
        transact(run, &one,
                 "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER);"
                 "CREATE TABLE ledger (turn INTEGER PRIMARY KEY, note);"
                 "INSERT INTO account VALUES (0, 1000), (1, 1000), (2, 1000), (3, 1000)");
    int status = lg_pool_checkout(run->pool, lg_after_ms(LONG_MS), &two);
    for (int turn = 0; turn < TRANSFERS && has_tables; turn++)
        move_money(run, turn % 2 && status == LG_OK ? &two : &one, turn);
    if (status == LG_OK && has_tables)
        look_at_sum(run, &two);
    const char *checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    (void)is_ok(run, lg_sqlite_exec(&one, checkpoint, lg_after_ms(BUSY_MS)));
    if (status == LG_OK)
        assert_int_equal(lg_pool_checkin(run->pool, &two), LG_OK);
    assert_int_equal(lg_pool_checkin(run->pool, &one), LG_OK);
}

static void play(struct run *run)
{
    struct lg_pool_options pool_options = LG_POOL_OPTIONS_INIT;
    pool_options.capacity = 2;
    pool_options.open_timeout_ms = BUSY_MS;
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    options.vfs = "faulty";
    options.pool = &pool_options;
    if (is_ok(run, lg_sqlite_open(path_of("a.db"), &options, &run->pool))) {
        use_connections(run);
        close_pool(run->pool);
    } else {
        assert_null(run->pool);
        assert_int_equal(count_files(folder), 0);
    }
}

/* Through plain SQLite, with nothing failing any more. */
static void verify(const struct run *run)
{
    const char *path = path_of("a.db");
    assert_true(run->was_clean);
    if (access(path, F_OK))
        return;
    assert_int_equal(look(path, "SELECT count(*) FROM pragma_integrity_check"
                                " WHERE integrity_check = 'ok'"),
                     1);
    if (look(path, "SELECT count(*) FROM sqlite_master") == 0) {
        assert_int_equal(run->committed, 0);
        return;
    }
    assert_int_equal(look(path, "SELECT sum(balance) FROM account"), ACCOUNTS * OPENING);
    long long rows = look(path, "SELECT count(*) FROM ledger");
    assert_in_range(rows, run->committed, run->committed + run->uncertain);
}

/* Sanitized builds, being slow, try only some N. */
#define STRIDE (SUPPORT_TSAN || SUPPORT_ASAN ? 9 : 1)

static void fail_each(enum fault_kind kind, bool is_persistent)
{
    bool has_hit = true;
    for (long long n = 1; has_hit; n += STRIDE) {
        struct run run = {.was_clean = true};
        empty_folder(folder);
        arm(kind, n, is_persistent);
        play(&run);
        has_hit = disarm();
        verify(&run);
        if (!has_hit) {
            assert_int_equal(run.committed, TRANSFERS);
            assert_true(n > 50); /* the faults do reach the driver */
        }
    }
}

static void test_io_fails_once(void **state)
{
    (void)state;
    fail_each(FAULT_IO, false);
}

static void test_io_fails_from_then_on(void **state)
{
    (void)state;
    fail_each(FAULT_IO, true);
}

static void test_disk_is_full_from_then_on(void **state)
{
    (void)state;
    fail_each(FAULT_FULL, true);
}

static void test_lock_is_busy_once(void **state)
{
    (void)state;
    fail_each(FAULT_BUSY, false);
}

static void test_memory_fails_once(void **state)
{
    (void)state;
    fail_each(FAULT_MEMORY, false);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_io_fails_once),
        FOLDER_TEST(test_io_fails_from_then_on),
        FOLDER_TEST(test_disk_is_full_from_then_on),
        FOLDER_TEST(test_lock_is_busy_once),
        FOLDER_TEST(test_memory_fails_once),
    };
    if (install_memory())
        return 1;
    register_faulty_vfs();
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
