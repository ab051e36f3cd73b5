/* lifeguard bank: one transfer, in each way of locking.
 *
 *     row    checkout, BEGIN IMMEDIATE, read, compute, write, COMMIT, checkin
 *     mutex  lock both accounts, checkout, read, compute, BEGIN IMMEDIATE, write, COMMIT, checkin
 *     none   checkout, read, compute, write, checkin: each statement its own transaction
 *
 * --nested puts a checkout around that which reads both balances and keeps its connection.  A
 * deadlock's victim lets go of all it has, backs off and begins again. */
#include "bank.h"

#include <sqlite3.h>
#include <time.h>

struct plan {
    uint32_t source;
    uint32_t target;
    int64_t wish;
    lg_deadline deadline; /* for all of it, retries included */
};

struct balances {
    int64_t source;
    int64_t target;
};

/* splitmix64 */
static uint64_t draw(struct bank_worker *worker)
{
    uint64_t mixed = worker->random += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

#define WISH_MAX 50

static struct plan draw_plan(struct bank_worker *worker)
{
    uint32_t accounts = worker->bank->accounts;
    uint32_t source = (uint32_t)(draw(worker) % accounts);
    uint32_t distance = 1 + (uint32_t)(draw(worker) % (accounts - 1));
    return (struct plan){
        .source = source + 1,
        .target = (source + distance) % accounts + 1,
        .wish = 1 + (int64_t)(draw(worker) % WISH_MAX),
        .deadline = lg_after_ms(BANK_PATIENCE_MS),
    };
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int checkout(struct bank_worker *worker, const struct plan *plan, struct lg_lease *lease,
                    const char *place)
{
    uint64_t start = now_ns();
    int status = lg_pool_checkout_at(worker->bank->pool, plan->deadline, lease, place);
    lg_histogram_record(&worker->waits, now_ns() - start);
    return status;
}

static void checkin(struct bank_worker *worker, struct lg_lease *lease)
{
    int status = lg_pool_checkin(worker->bank->pool, lease);
    if (status != LG_OK)
        bank_fail(worker->bank, status);
}

/* ---- Statements ---- */

static int read_balance(struct lg_lease *lease, const struct plan *plan, uint32_t account,
                        int64_t *out)
{
    sqlite3_stmt *statement;
    int has_row = 0;
    int status = lg_sqlite_prepare(lease, "SELECT balance FROM account WHERE id = ?1", &statement);
    if (status != LG_OK)
        return status;
    sqlite3_bind_int64(statement, 1, account);
    status = lg_sqlite_step(lease, statement, plan->deadline, &has_row);
    if (status == LG_OK)
        *out = has_row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement); /* or it would go on reading */
    return status;
}

static int write_balance(struct lg_lease *lease, const struct plan *plan, uint32_t account,
                         int64_t balance)
{
    sqlite3_stmt *statement;
    int has_row;
    int status =
        lg_sqlite_prepare(lease, "UPDATE account SET balance = ?2 WHERE id = ?1", &statement);
    if (status != LG_OK)
        return status;
    sqlite3_bind_int64(statement, 1, account);
    sqlite3_bind_int64(statement, 2, balance);
    return lg_sqlite_step(lease, statement, plan->deadline, &has_row);
}

static int write_ledger(struct lg_lease *lease, const struct plan *plan, int64_t amount)
{
    sqlite3_stmt *statement;
    int has_row;
    int status = lg_sqlite_prepare(
        lease, "INSERT INTO ledger (source, target, amount) VALUES (?1, ?2, ?3)", &statement);
    if (status != LG_OK)
        return status;
    sqlite3_bind_int64(statement, 1, plan->source);
    sqlite3_bind_int64(statement, 2, plan->target);
    sqlite3_bind_int64(statement, 3, amount);
    return lg_sqlite_step(lease, statement, plan->deadline, &has_row);
}

static int read_both(struct lg_lease *lease, const struct plan *plan, struct balances *out)
{
    int status = read_balance(lease, plan, plan->source, &out->source);
    return status == LG_OK ? read_balance(lease, plan, plan->target, &out->target) : status;
}

static int write_all(struct lg_lease *lease, const struct plan *plan, const struct balances *seen,
                     int64_t amount)
{
    int status = write_balance(lease, plan, plan->source, seen->source - amount);
    if (status == LG_OK)
        status = write_balance(lease, plan, plan->target, seen->target + amount);
    return status == LG_OK ? write_ledger(lease, plan, amount) : status;
}

/* What can be moved: never more than there is. */
static int64_t amount_of(const struct plan *plan, const struct balances *seen)
{
    return plan->wish < seen->source ? plan->wish : seen->source;
}

/* ---- The three ways; each gives *amount 0 when there was nothing to move ---- */

static int move_in_transaction(struct lg_lease *lease, const struct plan *plan, int64_t *amount)
{
    struct balances seen;
    int status = lg_sqlite_begin(lease, plan->deadline);
    if (status == LG_OK)
        status = read_both(lease, plan, &seen);
    if (status != LG_OK)
        return status;
    *amount = amount_of(plan, &seen);
    if (*amount <= 0)
        return lg_sqlite_rollback(lease);
    status = write_all(lease, plan, &seen, *amount);
    return status == LG_OK ? lg_sqlite_commit(lease, plan->deadline) : status;
}

/* The caller holds both accounts' mutexes; the transaction only makes the writes one. */
static int move_under_mutexes(struct lg_lease *lease, const struct plan *plan, int64_t *amount)
{
    struct balances seen;
    int status = read_both(lease, plan, &seen);
    if (status != LG_OK)
        return status;
    *amount = amount_of(plan, &seen);
    if (*amount <= 0)
        return LG_OK;
    status = lg_sqlite_begin(lease, plan->deadline);
    if (status == LG_OK)
        status = write_all(lease, plan, &seen, *amount);
    return status == LG_OK ? lg_sqlite_commit(lease, plan->deadline) : status;
}

static int traced_read(struct bank_trace *trace, struct lg_lease *lease, const struct plan *plan,
                       uint32_t account, struct bank_touch *touch)
{
    touch->account = account;
    touch->read_start = bank_trace_mark(trace);
    int status = read_balance(lease, plan, account, &touch->seen);
    touch->read_end = bank_trace_mark(trace);
    return status;
}

static int traced_write(struct bank_trace *trace, struct lg_lease *lease, const struct plan *plan,
                        int64_t change, struct bank_touch *touch)
{
    touch->written = touch->seen + change;
    touch->write_start = bank_trace_mark(trace);
    int status = write_balance(lease, plan, touch->account, touch->written);
    touch->write_end = bank_trace_mark(trace);
    return status;
}

/* The deposit first: who writes first is overwritten more often, and money is lost, not made. */
static int move_unsafely(struct bank_worker *worker, struct lg_lease *lease,
                         const struct plan *plan, int64_t *amount)
{
    struct bank_trace *trace = worker->bank->trace;
    struct bank_touch source = {.thread = worker->number};
    struct bank_touch target = {.thread = worker->number};
    int status = traced_read(trace, lease, plan, plan->source, &source);
    if (status == LG_OK)
        status = traced_read(trace, lease, plan, plan->target, &target);
    if (status != LG_OK)
        return status;
    struct balances seen = {source.seen, target.seen};
    *amount = amount_of(plan, &seen);
    if (*amount <= 0)
        return LG_OK;
    status = traced_write(trace, lease, plan, *amount, &target);
    if (status == LG_OK)
        status = traced_write(trace, lease, plan, -*amount, &source);
    if (status == LG_OK)
        status = write_ledger(lease, plan, *amount);
    if (status != LG_OK)
        return status;
    bank_trace_add(trace, &source);
    if (bank_trace_add(trace, &target))
        bank_stop(worker->bank);
    return LG_OK;
}

/* ---- Around them: connections and mutexes ---- */

static int move_with_connection(struct bank_worker *worker, const struct plan *plan,
                                int64_t *amount)
{
    struct lg_lease lease;
    int status = checkout(worker, plan, &lease, LG_HERE);
    if (status != LG_OK)
        return status;
    switch (worker->bank->options.lock) {
    case BANK_LOCK_ROW:
        status = move_in_transaction(&lease, plan, amount);
        break;
    case BANK_LOCK_MUTEX:
        status = move_under_mutexes(&lease, plan, amount);
        break;
    case BANK_LOCK_NONE:
        status = move_unsafely(worker, &lease, plan, amount);
        break;
    }
    checkin(worker, &lease);
    return status;
}

/* As in the wild: a function that has a connection calls one that takes its own. */
static int move_nested(struct bank_worker *worker, const struct plan *plan, int64_t *amount)
{
    struct lg_lease lease;
    struct balances seen = {0};
    int status = checkout(worker, plan, &lease, LG_HERE);
    if (status != LG_OK)
        return status;
    status = read_both(&lease, plan, &seen);
    if (status == LG_OK && seen.source > 0)
        status = move_with_connection(worker, plan, amount);
    checkin(worker, &lease);
    return status;
}

static int move_once(struct bank_worker *worker, const struct plan *plan, int64_t *amount)
{
    return worker->bank->options.is_nested ? move_nested(worker, plan, amount)
                                           : move_with_connection(worker, plan, amount);
}

/* In the order of the accounts, so that two transfers cannot lock crosswise. */
static int move_locked(struct bank_worker *worker, const struct plan *plan, int64_t *amount)
{
    struct lg_mutex *locks = worker->bank->locks;
    if (!locks)
        return move_once(worker, plan, amount);
    bool is_ordered = plan->source < plan->target;
    struct lg_mutex *first = &locks[is_ordered ? plan->source - 1 : plan->target - 1];
    struct lg_mutex *second = &locks[is_ordered ? plan->target - 1 : plan->source - 1];
    int status = lg_mutex_lock(first, plan->deadline);
    if (status != LG_OK)
        return status;
    status = lg_mutex_lock(second, plan->deadline);
    if (status == LG_OK) {
        status = move_once(worker, plan, amount);
        lg_mutex_unlock(second);
    }
    lg_mutex_unlock(first);
    return status;
}

int bank_move(struct bank_worker *worker, bool *is_moved)
{
    struct plan plan = draw_plan(worker);
    int64_t amount;
    int status;
    for (unsigned attempt = 0;; attempt++) {
        amount = 0;
        status = move_locked(worker, &plan, &amount);
        if (status != LG_EDEADLK)
            break;
        bank_note_deadlock(worker);
        if (bank_is_stopping(worker->bank)) {
            status = LG_OK; /* nothing has happened, and nothing needs to */
            amount = 0;
            break;
        }
        if (!lg_retry(attempt, plan.deadline))
            break;
    }
    *is_moved = status == LG_OK && amount > 0;
    return status;
}
