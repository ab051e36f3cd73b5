/* lifeguard bank: the threads.  Workers move money until the time or the transfers are over, an
 * auditor looks at the sum meanwhile, and the main thread draws the progress line and keeps the
 * time.
 *
 * Who wakes whom: bank->change is broadcast when a worker ends and when somebody stops the run; the
 * main thread and the auditor sleep there, with short deadlines. */
#include "bank.h"
#include "terminal.h"
#include "verb.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define TICK_MS 100

/* ---- Stopping ---- */

static volatile sig_atomic_t is_interrupted;

static void interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

/* A second signal ends the program at once.  A hang-up that is ignored stays so: nohup. */
void bank_catch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND}, before;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (!sigaction(SIGHUP, NULL, &before) && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
}

bool bank_is_stopping(const struct bank *bank)
{
    return atomic_load_explicit(&bank->is_stopping, memory_order_relaxed);
}

void bank_stop(struct bank *bank)
{
    atomic_store_explicit(&bank->is_stopping, true, memory_order_relaxed);
    lg_condition_broadcast(&bank->change);
}

/* The words are collected first: taking the mutex may overwrite this thread's report. */
void bank_fail(struct bank *bank, int status)
{
    char text[FAILURE_SIZE];
    const struct lg_report *report = lg_report_last();
    const char *words = lg_sqlite_error();
    if (!*words && status == LG_EOPEN)
        words = report->detail;
    else if (!*words && status == LG_ETIMEDOUT && report->cause != LG_EXHAUSTION_NONE)
        words = lg_exhaustion_text(report->cause);
    snprintf(text, sizeof text, "%s", *words ? words : lg_status_text(status));
    if (lg_mutex_lock(&bank->mutex, LG_FOREVER) == LG_OK) {
        if (!bank->failure) {
            bank->failure = status;
            memcpy(bank->failure_text, text, sizeof text);
        }
        lg_mutex_unlock(&bank->mutex);
    }
    bank_stop(bank);
}

void bank_note_deadlock(struct bank_worker *worker)
{
    struct bank *bank = worker->bank;
    if (atomic_fetch_add_explicit(&worker->deadlocks, 1, memory_order_relaxed))
        return;
    char text[REPORT_SIZE];
    lg_report_write(lg_report_last(), LG_REPORT_TEXT, text, sizeof text);
    if (lg_mutex_lock(&bank->mutex, LG_FOREVER) == LG_OK) {
        if (!*bank->report)
            memcpy(bank->report, text, sizeof text);
        lg_mutex_unlock(&bank->mutex);
    }
}

/* Sleep until something changes or the deadline comes.  Returns whether workers run.  The analysis
 * cannot see that a condition may come back without the mutex: after any other status than these. */
LG_NO_THREAD_SAFETY_ANALYSIS
static bool wait_for_change(struct bank *bank, lg_deadline deadline)
{
    int status = lg_mutex_lock(&bank->mutex, LG_FOREVER);
    if (status == LG_OK && bank->running > 0)
        status = lg_condition_wait(&bank->change, &bank->mutex, deadline);
    if (status != LG_OK && status != LG_ETIMEDOUT)
        return false;
    bool runs = bank->running > 0;
    lg_mutex_unlock(&bank->mutex);
    return runs;
}

/* ---- Workers ---- */

/* Whether there is one more transfer to do. */
static bool take_turn(struct bank *bank)
{
    if (bank_is_stopping(bank))
        return false;
    return !bank->options.transfers ||
           atomic_fetch_sub_explicit(&bank->left, 1, memory_order_relaxed) > 0;
}

static void work(struct bank_worker *worker)
{
    struct bank *bank = worker->bank;
    while (take_turn(bank)) {
        bool is_moved = false;
        while (!is_moved && !bank_is_stopping(bank)) {
            int status = bank_move(worker, &is_moved);
            if (status != LG_OK)
                bank_fail(bank, status);
        }
        if (is_moved)
            atomic_fetch_add_explicit(&worker->transfers, 1, memory_order_relaxed);
    }
}

static void *run_worker(void *arg)
{
    struct bank_worker *worker = arg;
    struct bank *bank = worker->bank;
    char name[LG_NAME_SIZE];
    snprintf(name, sizeof name, "worker-%u", worker->number);
    int status = lg_context_set_name(name);
    if (status == LG_OK)
        work(worker);
    else
        bank_fail(bank, status);
    if (lg_mutex_lock(&bank->mutex, LG_FOREVER) == LG_OK) {
        bank->running--;
        lg_condition_broadcast(&bank->change);
        lg_mutex_unlock(&bank->mutex);
    }
    return NULL;
}

/* ---- Auditor ---- */

/* One statement sees one moment of the database. */
static int read_sum(struct bank *bank, int64_t *out)
{
    struct lg_lease lease;
    sqlite3_stmt *statement;
    int has_row = 0;
    lg_deadline deadline = lg_after_ms(BANK_PATIENCE_MS);
    int status = lg_pool_checkout(bank->pool, deadline, &lease);
    if (status != LG_OK)
        return status;
    status = lg_sqlite_prepare(&lease, "SELECT sum(balance) FROM account", &statement);
    if (status == LG_OK)
        status = lg_sqlite_step(&lease, statement, deadline, &has_row);
    if (status == LG_OK)
        *out = sqlite3_column_int64(statement, 0);
    int checkin_status = lg_pool_checkin(bank->pool, &lease);
    return status == LG_OK ? checkin_status : status;
}

static void note_audit(struct bank *bank, int64_t money)
{
    bool is_right = money == bank->before.money;
    if (lg_mutex_lock(&bank->mutex, LG_FOREVER) != LG_OK)
        return;
    bank->audits++;
    if (!is_right && !bank->has_audit_failed) {
        bank->has_audit_failed = true;
        bank->audit_money = money;
    }
    lg_mutex_unlock(&bank->mutex);
    if (!is_right)
        bank_stop(bank);
}

/* Whether there is somebody to audit after the next tick. */
static bool wait_tick(struct bank *bank)
{
    lg_deadline tick = lg_after_ms(TICK_MS);
    bool runs = true;
    while (runs && !bank_is_stopping(bank) && lg_after_ms(0) < tick)
        runs = wait_for_change(bank, tick);
    return runs && !bank_is_stopping(bank);
}

static void *run_auditor(void *arg)
{
    struct bank *bank = arg;
    int status = lg_context_set_name("auditor");
    while (status == LG_OK && wait_tick(bank)) {
        int64_t money = 0;
        status = read_sum(bank, &money);
        if (status == LG_OK)
            note_audit(bank, money);
    }
    if (status != LG_OK)
        bank_fail(bank, status);
    return NULL;
}

/* ---- The main thread ---- */

static void draw_progress(struct bank *bank, double seconds)
{
    const struct bank_options *options = &bank->options;
    uint64_t transfers = 0, deadlocks = 0;
    for (uint32_t i = 0; i < options->threads; i++) {
        transfers += atomic_load_explicit(&bank->workers[i].transfers, memory_order_relaxed);
        deadlocks += atomic_load_explicit(&bank->workers[i].deadlocks, memory_order_relaxed);
    }
    double done = options->transfers ? (double)transfers / (double)options->transfers
                                     : seconds / options->seconds;
    char count[GROUPED_SIZE], rate[GROUPED_SIZE], stuck[GROUPED_SIZE], text[160];
    int length = snprintf(text, sizeof text, "%s transfers   %s/s",
                          terminal_grouped((int64_t)transfers, count),
                          terminal_grouped((int64_t)((double)transfers / seconds), rate));
    if (options->is_nested)
        snprintf(text + length, sizeof text - (size_t)length, "   %s deadlocks resolved",
                 terminal_grouped((int64_t)deadlocks, stuck));
    terminal_progress(stderr, done < 1 ? done : 1, text);
}

static double seconds_since(lg_deadline start)
{
    return (double)(lg_after_ms(0) - start) * 1e-9;
}

/* Until the next look at the time. */
static lg_deadline next_tick(const struct bank_options *options, lg_deadline start)
{
    double left = options->transfers ? 3600 : options->seconds - seconds_since(start);
    uint64_t left_ms = left > 0 ? (uint64_t)(left * 1000) + 1 : TICK_MS;
    return lg_after_ms(left_ms < TICK_MS ? left_ms : TICK_MS);
}

/* Wait until no worker runs; stop them when it is time. */
static void watch(struct bank *bank, lg_deadline start, bool is_drawn)
{
    const struct bank_options *options = &bank->options;
    while (wait_for_change(bank, next_tick(options, start))) {
        double seconds = seconds_since(start);
        if (is_interrupted || (!options->transfers && seconds >= options->seconds))
            bank_stop(bank);
        if (is_drawn && !bank_is_stopping(bank))
            draw_progress(bank, seconds);
    }
}

/* Start a thread for each worker; returns how many could be started. */
static uint32_t start_workers(struct bank *bank, pthread_t *threads)
{
    uint32_t threads_wanted = bank->options.threads;
    uint32_t started = 0;
    bank->running = threads_wanted; /* before any of them counts itself out */
    while (started < threads_wanted &&
           !pthread_create(&threads[started], NULL, run_worker, &bank->workers[started]))
        started++;
    if (started == threads_wanted)
        return started;
    snprintf(bank->failure_text, sizeof bank->failure_text,
             "only %u of %u threads could be started; ask for fewer with --threads", started,
             threads_wanted);
    bank_stop(bank);
    if (lg_mutex_lock(&bank->mutex, LG_FOREVER) == LG_OK) {
        bank->failure = LG_ESYS;
        bank->running -= threads_wanted - started;
        lg_mutex_unlock(&bank->mutex);
    }
    return started;
}

int bank_run(struct bank *bank)
{
    pthread_t threads[1000], auditor;
    bool is_drawn = !bank->options.is_quiet && terminal_obeys(stderr);
    /* Without transactions the sum is right only when nobody moves anything. */
    bool is_audited = bank->options.lock != BANK_LOCK_NONE;
    lg_deadline start = lg_after_ms(0);
    uint32_t started = start_workers(bank, threads);
    if (is_audited)
        is_audited = !pthread_create(&auditor, NULL, run_auditor, bank);
    watch(bank, start, is_drawn);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    bank->seconds += seconds_since(start);
    if (is_audited)
        pthread_join(auditor, NULL);
    if (is_drawn)
        terminal_progress_end(stderr);
    if (!bank->failure)
        return EXIT_GOOD;
    fprintf(stderr, "lifeguard bank: %s\n", bank->failure_text);
    return EXIT_UNREACHABLE;
}
