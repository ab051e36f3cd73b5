/* lifeguard bank: the database file.
 *
 * A bank's file carries an application id in its header.  A file that has tables and not this id is
 * somebody else's: it is looked at with a plain connection first, because opening it as a pool would
 * already change it (to WAL mode).  A file that this run created is removed if its tables cannot be
 * made. */
#include "bank.h"
#include "verb.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID  0x4c474231 /* "LGB1" */
#define OPENING_BALANCE 1000

/* ---- Whose file is it? ---- */

enum content { CONTENT_NOTHING, CONTENT_BANK, CONTENT_FOREIGN, CONTENT_UNKNOWN };

static bool read_number(sqlite3 *handle, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    bool is_read = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_ROW;
    if (is_read)
        *out = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return is_read;
}

static enum content content_of(sqlite3 *handle)
{
    int64_t id, entries;
    if (!read_number(handle, "PRAGMA application_id", &id) ||
        !read_number(handle, "SELECT count(*) FROM sqlite_master", &entries))
        return CONTENT_UNKNOWN;
    if (id == APPLICATION_ID && entries)
        return CONTENT_BANK;
    return id == 0 && entries == 0 ? CONTENT_NOTHING : CONTENT_FOREIGN;
}

/* What cannot be opened is unknown here: lg_sqlite_open has the words for it. */
static enum content look_at(const char *file)
{
    struct stat info;
    if (stat(file, &info))
        return errno == ENOENT ? CONTENT_NOTHING : CONTENT_UNKNOWN;
    if (!S_ISREG(info.st_mode))
        return CONTENT_UNKNOWN;
    sqlite3 *handle = NULL;
    enum content content = CONTENT_UNKNOWN;
    if (sqlite3_open_v2(file, &handle, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(handle, 1000);
        content = content_of(handle);
    }
    sqlite3_close(handle);
    return content;
}

static int refuse_foreign(const struct bank *bank)
{
    fprintf(stderr, "lifeguard bank: %s holds other data, which stays untouched; name a new file\n",
            bank->file);
    return EXIT_USAGE;
}

/* ---- Tables ---- */

static int create_tables(struct bank *bank, struct lg_lease *lease)
{
    char sql[1024];
    snprintf(sql, sizeof sql,
             "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL,"
             " opening INTEGER NOT NULL);"
             "CREATE TABLE ledger (id INTEGER PRIMARY KEY, source INTEGER NOT NULL,"
             " target INTEGER NOT NULL, amount INTEGER NOT NULL);"
             "PRAGMA application_id = %d;"
             "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number"
             " WHERE n < %u) INSERT INTO account SELECT n, %d, %d FROM number;",
             APPLICATION_ID, bank->accounts, OPENING_BALANCE, OPENING_BALANCE);
    lg_deadline deadline = lg_after_ms(BANK_PATIENCE_MS);
    int status = lg_sqlite_begin(lease, deadline);
    /* Another process may have been faster. */
    if (status == LG_OK && content_of(lg_sqlite_handle(lease)) != CONTENT_NOTHING)
        return lg_sqlite_rollback(lease);
    if (status == LG_OK)
        status = lg_sqlite_exec(lease, sql, deadline);
    return status == LG_OK ? lg_sqlite_commit(lease, deadline) : status;
}

static int fail(int status)
{
    const char *words = lg_sqlite_error();
    if (!*words && status == LG_EOPEN)
        words = lg_report_last()->detail;
    fprintf(stderr, "lifeguard bank: %s\n", *words ? words : lg_status_text(status));
    return EXIT_UNREACHABLE;
}

/* A bank's file: its number of accounts counts. */
static int continue_bank(struct bank *bank, sqlite3 *handle)
{
    int64_t accounts = 0;
    uint32_t wanted = bank->options.accounts;
    if (!read_number(handle, "SELECT count(*) FROM account", &accounts) || accounts < 2) {
        fprintf(stderr, "lifeguard bank: %s is a damaged bank; name a new file\n", bank->file);
        return EXIT_UNREACHABLE;
    }
    if (wanted && wanted != accounts) {
        fprintf(stderr,
                "lifeguard bank: --accounts %u: %s has %lld; leave --accounts out or name a new "
                "file\n",
                wanted, bank->file, (long long)accounts);
        return EXIT_USAGE;
    }
    bank->accounts = (uint32_t)accounts;
    return EXIT_GOOD;
}

static int use_tables(struct bank *bank, sqlite3 *handle)
{
    switch (content_of(handle)) {
    case CONTENT_BANK:
        return continue_bank(bank, handle);
    case CONTENT_FOREIGN:
    case CONTENT_NOTHING:
        return refuse_foreign(bank);
    case CONTENT_UNKNOWN:
        break;
    }
    fprintf(stderr, "lifeguard bank: %s: %s\n", bank->file, sqlite3_errmsg(handle));
    return EXIT_UNREACHABLE;
}

/* With one connection: create the tables if there are none, then look what is there. */
static int prepare_tables(struct bank *bank)
{
    struct lg_lease lease;
    int status = lg_pool_checkout(bank->pool, lg_after_ms(BANK_PATIENCE_MS), &lease);
    if (status != LG_OK)
        return fail(status);
    sqlite3 *handle = lg_sqlite_handle(&lease);
    if (content_of(handle) == CONTENT_NOTHING)
        status = create_tables(bank, &lease);
    int code = status == LG_OK ? use_tables(bank, handle) : fail(status);
    status = lg_pool_checkin(bank->pool, &lease);
    return code == EXIT_GOOD && status != LG_OK ? fail(status) : code;
}

/* ---- Books ---- */

/* What the accounts should have: opening + ledger.  Index: id - 1. */
struct account {
    int64_t balance;
    int64_t right;
};

static bool is_account(const struct bank *bank, int64_t id)
{
    return id >= 1 && id <= (int64_t)bank->accounts;
}

static int read_accounts(struct bank *bank, struct lg_lease *lease, struct account *accounts,
                         struct bank_books *out)
{
    sqlite3_stmt *statement;
    int has_row = 0;
    lg_deadline deadline = lg_after_ms(BANK_PATIENCE_MS);
    int status = lg_sqlite_prepare(lease, "SELECT id, balance, opening FROM account", &statement);
    while (status == LG_OK) {
        status = lg_sqlite_step(lease, statement, deadline, &has_row);
        if (status != LG_OK || !has_row)
            break;
        int64_t id = sqlite3_column_int64(statement, 0);
        struct account account = {sqlite3_column_int64(statement, 1),
                                  sqlite3_column_int64(statement, 2)};
        out->money += account.balance;
        out->opening_money += account.right;
        if (is_account(bank, id))
            accounts[id - 1] = account;
    }
    return status;
}

static int apply_ledger(struct bank *bank, struct lg_lease *lease, struct account *accounts,
                        struct bank_books *out)
{
    sqlite3_stmt *statement;
    int has_row = 0;
    lg_deadline deadline = lg_after_ms(BANK_PATIENCE_MS);
    int status = lg_sqlite_prepare(lease, "SELECT source, target, amount FROM ledger", &statement);
    while (status == LG_OK) {
        status = lg_sqlite_step(lease, statement, deadline, &has_row);
        if (status != LG_OK || !has_row)
            break;
        int64_t source = sqlite3_column_int64(statement, 0);
        int64_t target = sqlite3_column_int64(statement, 1);
        int64_t amount = sqlite3_column_int64(statement, 2);
        out->rows++;
        if (is_account(bank, source))
            accounts[source - 1].right -= amount;
        if (is_account(bank, target))
            accounts[target - 1].right += amount;
    }
    return status;
}

static void compare_accounts(const struct bank *bank, const struct account *accounts,
                             struct bank_books *out)
{
    for (uint32_t i = 0; i < bank->accounts; i++) {
        if (accounts[i].balance == accounts[i].right)
            continue;
        if (out->wrong++)
            continue;
        out->wrong_account = i + 1;
        out->wrong_balance = accounts[i].balance;
        out->right_balance = accounts[i].right;
    }
}

/* Both tables in one read transaction. */
static int read_books(struct bank *bank, struct lg_lease *lease, struct account *accounts,
                      struct bank_books *out)
{
    int status = lg_sqlite_exec(lease, "BEGIN", lg_after_ms(BANK_PATIENCE_MS));
    if (status == LG_OK)
        status = read_accounts(bank, lease, accounts, out);
    if (status == LG_OK)
        status = apply_ledger(bank, lease, accounts, out);
    if (status == LG_OK)
        compare_accounts(bank, accounts, out);
    return status;
}

int bank_store_read(struct bank *bank, struct bank_books *out)
{
    *out = (struct bank_books){0};
    struct account *accounts = calloc(bank->accounts, sizeof *accounts);
    if (!accounts)
        return LG_ENOMEM;
    struct lg_lease lease;
    int status = lg_pool_checkout(bank->pool, lg_after_ms(BANK_PATIENCE_MS), &lease);
    if (status == LG_OK) {
        status = read_books(bank, &lease, accounts, out);
        int checkin_status = lg_pool_checkin(bank->pool, &lease);
        if (status == LG_OK)
            status = checkin_status;
    }
    free(accounts);
    return status;
}

/* ---- Open and close ---- */

static int make_temporary(struct bank *bank)
{
    const char *parent = getenv("TMPDIR");
    if (!parent || !*parent)
        parent = "/tmp";
    int length = snprintf(bank->folder, sizeof bank->folder, "%s/lifeguard-bank-XXXXXX", parent);
    if (length < (int)sizeof bank->folder - 16 && mkdtemp(bank->folder)) {
        memcpy(bank->file, bank->folder, (size_t)length);
        strcpy(bank->file + length, "/bank.db");
        return EXIT_GOOD;
    }
    fprintf(stderr,
            "lifeguard bank: no temporary folder in %s: %s; name a file with --db sqlite:FILE\n",
            parent, strerror(errno));
    bank->folder[0] = 0;
    return EXIT_UNREACHABLE;
}

static void remove_files(const struct bank *bank)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[PATH_MAX + 16];
        snprintf(path, sizeof path, "%s%s", bank->file, suffixes[i]);
        unlink(path);
    }
}

/* Each connection has two descriptors. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_pool(struct bank *bank)
{
    struct lg_pool_options pool_options = LG_POOL_OPTIONS_INIT;
    pool_options.name = "db";
    pool_options.capacity = bank->options.pool;
    pool_options.declared_threads = bank->options.threads;
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    options.pool = &pool_options;
    int status = lg_sqlite_open(bank->file, &options, &bank->pool);
    return status == LG_OK ? EXIT_GOOD : fail(status);
}

/* The books as this run finds them; wrong ones would be blamed on it. */
static int check_before(struct bank *bank)
{
    int status = bank_store_read(bank, &bank->before);
    if (status != LG_OK)
        return fail(status);
    if (!bank->before.wrong)
        return EXIT_GOOD;
    fprintf(stderr,
            "lifeguard bank: the books of %s were wrong before: account %u has %lld, its ledger "
            "says %lld; name a new file\n",
            bank->file, bank->before.wrong_account, (long long)bank->before.wrong_balance,
            (long long)bank->before.right_balance);
    return EXIT_BAD;
}

int bank_store_open(struct bank *bank)
{
    const char *file = bank->options.file;
    raise_file_limit();
    if (!file && make_temporary(bank) != EXIT_GOOD)
        return EXIT_UNREACHABLE;
    if (file && (size_t)snprintf(bank->file, sizeof bank->file, "%s", file) >= sizeof bank->file) {
        fprintf(stderr, "lifeguard bank: the name of the file is too long\n");
        return EXIT_USAGE;
    }
    if (look_at(bank->file) == CONTENT_FOREIGN)
        return refuse_foreign(bank);
    bool is_created = access(bank->file, F_OK) != 0;
    int code = open_pool(bank);
    if (code != EXIT_GOOD)
        return code;
    code = prepare_tables(bank);
    if (code == EXIT_GOOD)
        return check_before(bank);
    if (is_created) {
        bank_store_close(bank);
        remove_files(bank);
    }
    return code;
}

void bank_store_close(struct bank *bank)
{
    if (bank->pool) {
        (void)lg_pool_close(bank->pool, lg_after_ms(BANK_PATIENCE_MS), NULL, 0, NULL);
        lg_pool_destroy(bank->pool);
        bank->pool = NULL;
    }
    if (*bank->folder) {
        remove_files(bank);
        rmdir(bank->folder);
        bank->folder[0] = 0;
    }
}
