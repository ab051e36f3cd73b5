/* lifeguard bank, what its files share.
 *
 * Theory.  N threads move money between accounts of a database.  A transfer reads two balances,
 * computes, and writes them back: correct only if nobody else changes them in between.  --lock says
 * what keeps others out.  Every transfer leaves a row in a ledger, so at the end each balance can
 * be computed a second way: what the account opened with, and its rows.
 *
 *     bank.c          the verb: options, store, run, books, result
 *     bank_options.c  the command line
 *     bank_store.c    the database file: tables, books
 *     bank_move.c     one transfer, in each way of locking
 *     bank_run.c      threads: workers, auditor, progress
 *     bank_trace.c    --lock none: who read and wrote what, and the first lost update
 *     bank_print.c    the result, for people and as JSON */
#ifndef LG_CLI_BANK_H
#define LG_CLI_BANK_H

#include <lifeguard/lifeguard.h>
#include <lifeguard/sqlite.h>

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>

/* ---- Options ---- */

enum bank_lock { BANK_LOCK_ROW, BANK_LOCK_MUTEX, BANK_LOCK_NONE };

struct bank_options {
    const char *file;  /* NULL: a temporary one */
    uint32_t accounts; /* 0: not given */
    uint32_t threads;
    uint32_t pool;
    uint64_t transfers; /* 0: until the time is over */
    double seconds;
    enum bank_lock lock;
    bool is_nested;
    uint64_t seed;
    bool is_json;
    bool is_quiet;
    bool must_help; /* and do nothing else; what is said of the others is not checked */
};

extern const char bank_help[];

/* Returns an exit code; EXIT_GOOD means that out is filled. */
int bank_options_parse(int argc, char **argv, struct bank_options *out);
const char *bank_lock_name(enum bank_lock lock);

/* ---- Trace ---- */

/* One account touched by one transfer.  The marks are drawn from one counter before and after the
 * statement, so "end of A < start of B" proves that A was over when B began. */
struct bank_touch {
    uint32_t thread;
    uint32_t account;
    int64_t seen;
    int64_t written;
    uint64_t read_start;
    uint64_t read_end;
    uint64_t write_start;
    uint64_t write_end;
};

#define TRACE_BUCKETS 64
#define TRACE_DEPTH   32

/* All but `marks` and the mutex itself: under mutex. */
struct bank_trace {
    _Atomic uint64_t marks;
    struct lg_mutex mutex;
    struct bank_touch recent[TRACE_BUCKETS][TRACE_DEPTH]; /* by account; a ring each */
    uint32_t next[TRACE_BUCKETS];
    bool is_found;
    struct bank_touch lost; /* the write that was overwritten unseen ... */
    struct bank_touch over; /* ... and the one that did it */
};

uint64_t bank_trace_mark(struct bank_trace *trace);
/* Returns whether a lost update is known now. */
bool bank_trace_add(struct bank_trace *trace, const struct bank_touch *touch);

/* ---- The bank ---- */

/* What a look at all accounts and all ledger rows says. */
struct bank_books {
    uint64_t rows;
    int64_t money;
    int64_t opening_money;
    uint32_t wrong;         /* accounts whose balance is not opening + ledger ... */
    uint32_t wrong_account; /* ... the first of them */
    int64_t wrong_balance;
    int64_t right_balance;
};

#define FAILURE_SIZE 640
#define REPORT_SIZE  8192

struct bank_worker;

struct bank {
    struct bank_options options; /* r/o */
    char file[PATH_MAX];         /* r/o; of the database */
    char folder[PATH_MAX];       /* r/o; the temporary folder, or "" */
    uint32_t accounts;           /* r/o */
    struct lg_pool *pool;        /* r/o */
    struct lg_mutex *locks;      /* r/o array: one an account; NULL unless --lock mutex */
    struct bank_trace *trace;    /* r/o; NULL unless --lock none */
    struct bank_worker *workers; /* r/o array; each guarded by its thread until joined */
    struct bank_books before;    /* r/o while threads run */
    struct bank_books after;     /* main thread */
    double seconds;              /* main thread */

    atomic_bool is_stopping; /* set by anybody; relaxed: it carries no data */
    _Atomic int64_t left;    /* transfers not begun yet; relaxed: a number of its own */
    struct lg_mutex mutex;   /* rank: taken with nothing else held but leases */
    struct lg_condition change;
    uint32_t running;                /* under mutex: workers */
    uint64_t audits;                 /* under mutex */
    bool has_audit_failed;           /* under mutex */
    int64_t audit_money;             /* under mutex: what the failed audit saw */
    int failure;                     /* under mutex: status of the first failure */
    char failure_text[FAILURE_SIZE]; /* under mutex */
    char report[REPORT_SIZE];        /* under mutex: the first deadlock, as text */
};

struct bank_worker {
    struct bank *bank;          /* r/o */
    uint32_t number;            /* r/o; from 1 */
    uint64_t random;            /* own thread */
    struct lg_histogram waits;  /* own thread until joined */
    _Atomic uint64_t transfers; /* written by its thread, read by the progress line: relaxed */
    _Atomic uint64_t deadlocks; /* likewise */
};

/* How long anything is waited for. */
#define BANK_PATIENCE_MS 20000

/* ---- Store ---- */

/* Open or create the database and its tables.  Returns an exit code, after saying what is wrong. */
int bank_store_open(struct bank *bank);
/* Read everything.  Returns LG_OK or a status, with words in lg_sqlite_error(). */
int bank_store_read(struct bank *bank, struct bank_books *out);
void bank_store_close(struct bank *bank);

/* ---- Move, run ---- */

/* Move some money once.  LG_OK with *is_moved false: the source had none. */
int bank_move(struct bank_worker *worker, bool *is_moved);

/* From here on SIGINT, SIGTERM and SIGHUP end the run, once it has begun, and not the program. */
void bank_catch_signals(void);
/* Run all threads to the end.  Returns an exit code. */
int bank_run(struct bank *bank);
bool bank_is_stopping(const struct bank *bank);
void bank_stop(struct bank *bank);
/* Keep the first failure's words and stop. */
void bank_fail(struct bank *bank, int status);
void bank_note_deadlock(struct bank_worker *worker);

/* ---- Print ---- */

bool bank_is_good(const struct bank *bank);
void bank_print(struct bank *bank);

#endif
