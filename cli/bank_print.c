/* lifeguard bank: the result, as a few aligned lines or as one JSON object. */
#include "bank.h"
#include "terminal.h"

#include <inttypes.h>
#include <stdio.h>

struct totals {
    uint64_t transfers;
    uint64_t deadlocks;
    struct lg_histogram waits;
    struct lg_pool_stats pool;
    struct lg_pool_advice advice;
};

static void add_up(const struct bank *bank, struct totals *out)
{
    *out = (struct totals){.pool = LG_POOL_STATS_INIT, .advice = LG_POOL_ADVICE_INIT};
    for (uint32_t i = 0; i < bank->options.threads; i++) {
        const struct bank_worker *worker = &bank->workers[i];
        out->transfers += atomic_load_explicit(&worker->transfers, memory_order_relaxed);
        out->deadlocks += atomic_load_explicit(&worker->deadlocks, memory_order_relaxed);
        lg_histogram_add(&out->waits, &worker->waits);
    }
    lg_pool_stats(bank->pool, &out->pool);
    lg_pool_advice(bank->pool, &out->advice);
}

/* More rows than ours are another process's. */
static bool is_ledger_good(const struct bank *bank, uint64_t transfers)
{
    return !bank->after.wrong && bank->after.rows >= bank->before.rows + transfers;
}

static bool is_money_good(const struct bank *bank)
{
    return bank->after.money == bank->before.money && !bank->has_audit_failed;
}

bool bank_is_good(const struct bank *bank)
{
    struct totals totals;
    add_up(bank, &totals);
    return is_money_good(bank) && is_ledger_good(bank, totals.transfers);
}

static double rate_of(const struct bank *bank, uint64_t transfers)
{
    return bank->seconds > 0 ? (double)transfers / bank->seconds : 0;
}

static double micros(uint64_t ns)
{
    return (double)ns * 1e-3;
}

/* ---- JSON ---- */

static void print_times(const char *key, const struct lg_histogram_summary *ns)
{
    printf(", \"%s\": {\"count\": %" PRIu64 ", \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, "
           "\"p999\": %.1f, \"max\": %.1f}",
           key, ns->count, micros(ns->p50), micros(ns->p90), micros(ns->p99), micros(ns->p999),
           micros(ns->max));
}

static void print_json(const struct bank *bank, const struct totals *totals)
{
    const struct bank_options *options = &bank->options;
    const struct lg_histogram *waits = &totals->waits;
    char name[PATH_MAX + 16];
    snprintf(name, sizeof name, "sqlite:%s", bank->file);
    printf("{\"db\": ");
    terminal_print_json(stdout, name);
    printf(", \"threads\": %u, \"pool\": %u, \"transfers\": %" PRIu64, options->threads,
           options->pool, totals->transfers);
    printf(", \"money_before\": %" PRId64 ", \"money_after\": %" PRId64 ", \"ledger_ok\": %s",
           bank->before.money, bank->after.money,
           is_ledger_good(bank, totals->transfers) ? "true" : "false");
    printf(", \"seconds\": %.3f, \"transfers_per_second\": %.1f", bank->seconds,
           rate_of(bank, totals->transfers));
    printf(", \"wait_us\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}",
           micros(lg_histogram_quantile(waits, 0.50)), micros(lg_histogram_quantile(waits, 0.99)),
           micros(waits->max));
    printf(", \"deadlocks\": %" PRIu64 ", \"opened\": %" PRIu64 ", \"lent\": %" PRIu64
           ", \"returned\": %" PRIu64,
           totals->deadlocks, totals->pool.opened, totals->pool.lent, totals->pool.returned);
    print_times("queued_us", &totals->pool.wait_ns);
    print_times("held_us", &totals->pool.hold_ns);
    print_times("open_us", &totals->pool.open_ns);
    printf(", \"pool_minimum\": %u}\n", totals->advice.minimum);
}

/* ---- People ---- */

static void print_label(const char *label)
{
    printf("  %s%-13s%s", terminal_colour(stdout, COLOUR_DIM), label,
           terminal_colour(stdout, COLOUR_OFF));
}

static void print_verdict(bool is_good, const char *text)
{
    printf("   %s%s%s\n", terminal_colour(stdout, is_good ? COLOUR_GOOD : COLOUR_BAD), text,
           terminal_colour(stdout, COLOUR_OFF));
}

static void print_head(const struct bank *bank)
{
    const struct bank_options *options = &bank->options;
    char accounts[GROUPED_SIZE];
    if (options->file)
        printf("sqlite:%s: ", options->file);
    printf("%u threads, pool of %u, %s accounts, lock %s%s\n", options->threads, options->pool,
           terminal_grouped(bank->accounts, accounts), bank_lock_name(options->lock),
           options->is_nested ? ", nested" : "");
}

/* In the sum at the end, and in the auditor's sums while it ran. */
static void print_money(const struct bank *bank)
{
    char before[GROUPED_SIZE], after[GROUPED_SIZE], number[GROUPED_SIZE], text[160];
    int64_t change = bank->after.money - bank->before.money;
    print_label("money");
    printf("%s -> %s", terminal_grouped(bank->before.money, before),
           terminal_grouped(bank->after.money, after));
    if (bank->has_audit_failed)
        snprintf(text, sizeof text, "an audit saw %s", terminal_grouped(bank->audit_money, number));
    else if (change < 0)
        snprintf(text, sizeof text, "%s lost", terminal_grouped(-change, number));
    else if (change > 0)
        snprintf(text, sizeof text, "%s from nowhere", terminal_grouped(change, number));
    else if (bank->audits)
        snprintf(text, sizeof text, "all there, in %s audits while it ran too",
                 terminal_grouped((int64_t)bank->audits, number));
    else
        snprintf(text, sizeof text, "all there");
    print_verdict(is_money_good(bank), text);
}

static void print_ledger(const struct bank *bank, uint64_t transfers)
{
    const struct bank_books *after = &bank->after;
    char rows[GROUPED_SIZE], text[160];
    print_label("ledger");
    printf("%s rows", terminal_grouped((int64_t)after->rows, rows));
    if (is_ledger_good(bank, transfers)) {
        print_verdict(true, "every account agrees");
        return;
    }
    if (after->wrong)
        snprintf(text, sizeof text,
                 "%u of %u accounts disagree: account %u has %" PRId64 ", should have %" PRId64,
                 after->wrong, bank->accounts, after->wrong_account, after->wrong_balance,
                 after->right_balance);
    else
        snprintf(text, sizeof text, "at least %" PRIu64 " were to be expected",
                 bank->before.rows + transfers);
    print_verdict(false, text);
}

static void print_waits(const struct totals *totals)
{
    char max[GROUPED_SIZE];
    print_label("checkout");
    printf("p50 %.1f us, p99 %.1f us, max %s us\n",
           micros(lg_histogram_quantile(&totals->waits, 0.50)),
           micros(lg_histogram_quantile(&totals->waits, 0.99)),
           terminal_grouped((int64_t)micros(totals->waits.max), max));
    char queued[GROUPED_SIZE];
    const struct lg_pool_stats *pool = &totals->pool;
    print_label("of them");
    printf("%s queued, p50 %.1f us, p99 %.1f us; then held p50 %.1f us, p99 %.1f us\n",
           terminal_grouped((int64_t)pool->wait_ns.count, queued), micros(pool->wait_ns.p50),
           micros(pool->wait_ns.p99), micros(pool->hold_ns.p50), micros(pool->hold_ns.p99));
    print_label("connections");
    char opened[GROUPED_SIZE], lent[GROUPED_SIZE], returned[GROUPED_SIZE];
    printf("%s opened, %s lent, %s returned\n",
           terminal_grouped((int64_t)totals->pool.opened, opened),
           terminal_grouped((int64_t)totals->pool.lent, lent),
           terminal_grouped((int64_t)totals->pool.returned, returned));
}

static void print_deadlocks(const struct bank *bank, const struct totals *totals)
{
    char deadlocks[GROUPED_SIZE];
    if (!totals->deadlocks && !bank->options.is_nested)
        return;
    print_label("deadlocks");
    if (totals->deadlocks)
        printf("%s, each found when it closed, its victim retried; the first:\n%s",
               terminal_grouped((int64_t)totals->deadlocks, deadlocks), bank->report);
    else
        puts("none");
    if (totals->advice.minimum > totals->advice.capacity) {
        print_label("advice");
        printf("a pool of %u: %s\n", totals->advice.suggested, totals->advice.reason);
    }
}

/* The four statements in the order in which they happened. */
static void print_interleaving(const struct bank_touch *lost, const struct bank_touch *over)
{
    const struct bank_touch *first = lost->read_start < over->read_start ? lost : over;
    const struct bank_touch *second = first == lost ? over : lost;
    print_label("how");
    printf("T%u read account %u = %" PRId64 ", T%u read account %u = %" PRId64
           ", T%u wrote %" PRId64 ", T%u wrote %" PRId64 "\n",
           first->thread, first->account, first->seen, second->thread, second->account,
           second->seen, lost->thread, lost->written, over->thread, over->written);
    print_label("");
    printf("T%u had not seen the %" PRId64 " of T%u and wrote over it: its %+" PRId64 " is gone\n",
           over->thread, lost->written, lost->thread, lost->written - lost->seen);
}

static void print_unsafe(const struct bank_trace *trace)
{
    if (trace->is_found) {
        print_interleaving(&trace->lost, &trace->over);
        return;
    }
    print_label("how");
    printf("no update was lost this time; it is a race, try again or longer\n");
}

static void print_people(const struct bank *bank, const struct totals *totals)
{
    char count[GROUPED_SIZE], rate[GROUPED_SIZE];
    print_head(bank);
    print_label("transfers");
    printf("%s in %.2f s, %s a second\n", terminal_grouped((int64_t)totals->transfers, count),
           bank->seconds, terminal_grouped((int64_t)rate_of(bank, totals->transfers), rate));
    print_money(bank);
    print_ledger(bank, totals->transfers);
    if (bank->trace)
        print_unsafe(bank->trace);
    else
        print_waits(totals);
    print_deadlocks(bank, totals);
}

void bank_print(struct bank *bank)
{
    struct totals totals;
    add_up(bank, &totals);
    if (bank->options.is_json)
        print_json(bank, &totals);
    else
        print_people(bank, &totals);
}
