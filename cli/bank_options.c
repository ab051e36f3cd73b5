/* lifeguard bank: its command line. */
#include "bank.h"
#include "options.h"
#include "terminal.h"
#include "verb.h"

#include <getopt.h>
#include <string.h>

const char bank_help[] =
    "usage: lifeguard bank [--db sqlite:FILE] [--accounts N] [--threads N] [--pool N]\n"
    "                      [--transfers N | --seconds S] [--lock none|mutex|row] [--unsafe]\n"
    "                      [--nested] [--seed N] [--json] [--quiet]\n"
    "\n"
    "Moves money between accounts of a database with many threads, and proves at the end that\n"
    "none was lost: by the sum, and account by account from the ledger.\n"
    "\n"
    "  --db sqlite:FILE  database file, created if missing, continued if it is a bank's\n"
    "                    (default: a temporary one)\n"
    "  --accounts N      2 to 1,000,000 accounts of 1,000 each (default 100; unsafe: 4)\n"
    "  --threads N       1 to 1,000 threads that move money (default 8)\n"
    "  --pool N          1 to 1,000 connections that they share (default 4)\n"
    "  --transfers N     stop after N transfers\n"
    "  --seconds S       stop after S seconds, 0.1 to 86,400 (default 5)\n"
    "  --lock row        a transaction that takes the write lock before it reads (default)\n"
    "  --lock mutex      a mutex for each account, locked in the order of the accounts\n"
    "  --lock none       nothing: read, compute, write, until money is lost; --unsafe is the same\n"
    "  --nested          read with one connection, move with a second: drains the pool, and each\n"
    "                    deadlock is found and resolved; needs --pool 2 or more\n"
    "  --seed N          other random transfers (default 1)\n"
    "  --json            print one JSON object and nothing else\n"
    "  --quiet           no progress line\n"
    "\n"
    "exit status: 0 all money there and the ledger agrees, 1 not, 2 wrong use,\n"
    "             3 database unreachable\n";

enum option_key {
    OPTION_DB = OPTIONS_LONG,
    OPTION_ACCOUNTS,
    OPTION_THREADS,
    OPTION_POOL,
    OPTION_TRANSFERS,
    OPTION_SECONDS,
    OPTION_LOCK,
    OPTION_UNSAFE,
    OPTION_NESTED,
    OPTION_SEED,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"db", required_argument, NULL, OPTION_DB},
    {"accounts", required_argument, NULL, OPTION_ACCOUNTS},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"pool", required_argument, NULL, OPTION_POOL},
    {"transfers", required_argument, NULL, OPTION_TRANSFERS},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"lock", required_argument, NULL, OPTION_LOCK},
    {"unsafe", no_argument, NULL, OPTION_UNSAFE},
    {"nested", no_argument, NULL, OPTION_NESTED},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"json", no_argument, NULL, OPTION_JSON},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static const char *const lock_names[] = {
    [BANK_LOCK_ROW] = "row", [BANK_LOCK_MUTEX] = "mutex", [BANK_LOCK_NONE] = "none"};

const char *bank_lock_name(enum bank_lock lock)
{
    return lock_names[lock];
}

#define refuse(...) options_refuse("bank", __VA_ARGS__)

static int parse_number(const char *option, const char *text, uint64_t min, uint64_t max,
                        uint64_t *out)
{
    char low[GROUPED_SIZE], high[GROUPED_SIZE];
    if (options_read_number(text, min, max, out))
        return EXIT_GOOD;
    return refuse("--%s %s: must be a whole number from %s to %s", option, options_shown(text),
                  terminal_grouped((int64_t)min, low),
                  max > INT64_MAX ? "2^64 - 1" : terminal_grouped((int64_t)max, high));
}

static int parse_small(const char *option, const char *text, uint32_t min, uint32_t max,
                       uint32_t *out)
{
    uint64_t number = 0;
    int code = parse_number(option, text, min, max, &number);
    if (code == EXIT_GOOD)
        *out = (uint32_t)number;
    return code;
}

static int parse_seconds(const char *text, double *out)
{
    if (options_read_real(text, 0.1, 86400, out))
        return EXIT_GOOD;
    return refuse("--seconds %s: must be a number from 0.1 to 86,400", options_shown(text));
}

static int parse_lock(const char *text, enum bank_lock *out)
{
    for (size_t i = 0; i < sizeof lock_names / sizeof *lock_names; i++)
        if (!strcmp(lock_names[i], text)) {
            *out = (enum bank_lock)i;
            return EXIT_GOOD;
        }
    return refuse("--lock %s: must be none, mutex or row", options_shown(text));
}

static int parse_db(const char *text, const char **out)
{
    static const char scheme[] = "sqlite:";
    if (strncmp(text, scheme, sizeof scheme - 1))
        return refuse("--db %s: must be sqlite:FILE", options_shown(text));
    *out = text + sizeof scheme - 1;
    if (!**out || !strcmp(*out, ":memory:"))
        return refuse("--db %s: must name a file, as in sqlite:bank.db", text);
    return EXIT_GOOD;
}

static int parse_option(int key, char **argv, struct bank_options *out)
{
    switch (key) {
    case OPTION_DB:
        return parse_db(optarg, &out->file);
    case OPTION_ACCOUNTS:
        return parse_small("accounts", optarg, 2, 1000000, &out->accounts);
    case OPTION_THREADS:
        return parse_small("threads", optarg, 1, 1000, &out->threads);
    case OPTION_POOL:
        return parse_small("pool", optarg, 1, 1000, &out->pool);
    case OPTION_TRANSFERS:
        return parse_number("transfers", optarg, 1, 1000000000, &out->transfers);
    case OPTION_SECONDS:
        return parse_seconds(optarg, &out->seconds);
    case OPTION_LOCK:
        return parse_lock(optarg, &out->lock);
    case OPTION_UNSAFE:
        out->lock = BANK_LOCK_NONE;
        return EXIT_GOOD;
    case OPTION_NESTED:
        out->is_nested = true;
        return EXIT_GOOD;
    case OPTION_SEED:
        return parse_number("seed", optarg, 0, UINT64_MAX, &out->seed);
    case OPTION_JSON:
        out->is_json = true;
        return EXIT_GOOD;
    case OPTION_QUIET:
        out->is_quiet = true;
        return EXIT_GOOD;
    case OPTION_HELP:
    case 'h':
        out->must_help = true;
        return EXIT_GOOD;
    }
    return options_refuse_word("bank", key, argv);
}

/* What no option says alone. */
static int check_together(struct bank_options *options, int argc, char **argv)
{
    if (optind < argc)
        return refuse("unexpected argument %s; see lifeguard help bank",
                      options_shown(argv[optind]));
    if (options->transfers && options->seconds > 0)
        return refuse("--transfers and --seconds exclude each other; give one");
    if (options->is_nested && options->pool < 2)
        return refuse("--nested needs --pool 2 or more: one connection reads, a second moves");
    if (!options->transfers && options->seconds <= 0)
        options->seconds = 5;
    return EXIT_GOOD;
}

int bank_options_parse(int argc, char **argv, struct bank_options *out)
{
    *out = (struct bank_options){.threads = 8, .pool = 4, .lock = BANK_LOCK_ROW, .seed = 1};
    /* glibc's way to forget the words of a call before; 1 would go on within the last. */
    optind = 0;
    int key;
    while ((key = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
        int code = parse_option(key, argv, out);
        if (code != EXIT_GOOD || out->must_help)
            return code;
    }
    return check_together(out, argc, argv);
}
