/* lifeguard bank: the verb, from command line to exit code. */
#include "bank.h"
#include "verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNTS_DEFAULT 100
#define ACCOUNTS_HOT     4 /* few, so that transfers without locks meet soon */

static int run_out(void)
{
    fputs("lifeguard bank: out of memory\n", stderr);
    return EXIT_UNREACHABLE;
}

/* What the options ask for: workers, and mutexes or a trace. */
static int create_parts(struct bank *bank)
{
    const struct bank_options *options = &bank->options;
    bank->workers = calloc(options->threads, sizeof *bank->workers);
    if (options->lock == BANK_LOCK_MUTEX)
        bank->locks = calloc(bank->accounts, sizeof *bank->locks);
    if (options->lock == BANK_LOCK_NONE)
        bank->trace = calloc(1, sizeof *bank->trace);
    if (!bank->workers || (options->lock == BANK_LOCK_MUTEX && !bank->locks) ||
        (options->lock == BANK_LOCK_NONE && !bank->trace))
        return run_out();
    for (uint32_t i = 0; i < options->threads; i++) {
        bank->workers[i].bank = bank;
        bank->workers[i].number = i + 1;
        bank->workers[i].random = options->seed * 1000003 + i;
    }
    for (uint32_t i = 0; bank->locks && i < bank->accounts; i++)
        if (lg_mutex_init(&bank->locks[i], "account", 0) != LG_OK)
            return run_out();
    return EXIT_GOOD;
}

static int read_after(struct bank *bank)
{
    int status = bank_store_read(bank, &bank->after);
    if (status == LG_OK)
        return EXIT_GOOD;
    fprintf(stderr, "lifeguard bank: the books cannot be read: %s\n", lg_sqlite_error());
    return EXIT_UNREACHABLE;
}

static bool may_go_on(const struct bank *bank)
{
    const struct bank_options *options = &bank->options;
    return options->transfers ? atomic_load(&bank->left) > 0 : bank->seconds < options->seconds;
}

/* Run and read the books.  Lost updates may cancel out in the sum, or even make money: a lost
 * withdrawal.  Then go on, until money is lost or the limit is reached. */
static int run_to_result(struct bank *bank)
{
    int code, read_code;
    bool is_undecided;
    do {
        atomic_store(&bank->is_stopping, false);
        code = bank_run(bank);
        read_code = read_after(bank);
        is_undecided = bank->trace && bank->trace->is_found &&
                       bank->after.money >= bank->before.money && may_go_on(bank);
        if (is_undecided)
            bank->trace->is_found = false;
    } while (code == EXIT_GOOD && read_code == EXIT_GOOD && is_undecided);
    if (read_code != EXIT_GOOD)
        return read_code;
    bank_print(bank);
    if (code != EXIT_GOOD)
        return code;
    return bank_is_good(bank) ? EXIT_GOOD : EXIT_BAD;
}

/* --nested makes the pool too small on purpose: that is said with the result. */
static void say(void *arg, const struct lg_log_event *event)
{
    (void)arg;
    if (strcmp(event->code, "pool-too-small") != 0)
        fprintf(stderr, "lifeguard: %s\n", event->text);
}

static int run_bank(struct bank *bank)
{
    if (bank->options.is_nested)
        lg_log_set(LG_LOG_WARN, say, NULL);
    bool is_hot = bank->options.lock == BANK_LOCK_NONE;
    bank->accounts = bank->options.accounts;
    if (!bank->accounts)
        bank->accounts = is_hot ? ACCOUNTS_HOT : ACCOUNTS_DEFAULT;
    atomic_init(&bank->left, (int64_t)bank->options.transfers);
    bank_catch_signals();
    int code = bank_store_open(bank);
    if (code == EXIT_GOOD)
        code = create_parts(bank);
    if (code == EXIT_GOOD)
        code = run_to_result(bank);
    bank_store_close(bank);
    free(bank->workers);
    free(bank->locks);
    free(bank->trace);
    return code;
}

static int run_verb(int argc, char **argv)
{
    struct bank_options options;
    int code = bank_options_parse(argc, argv, &options);
    if (options.must_help)
        fputs(bank_help, stdout);
    if (code != EXIT_GOOD || options.must_help)
        return code;
    struct bank *bank = calloc(1, sizeof *bank);
    if (!bank)
        return run_out();
    bank->options = options;
    code = run_bank(bank);
    free(bank);
    return code;
}

const struct verb bank_verb = {
    .name = "bank",
    .summary = "move money over a database with many threads, and prove that none was lost",
    .help = bank_help,
    .run = run_verb,
};
