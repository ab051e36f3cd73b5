/* The command line of lifeguard bank: one argument a line. */
#define _GNU_SOURCE /* open_memstream */
#include "words.h"

#include "../../cli/bank.h"
#include "../../cli/verb.h"

static bool is_in(uint64_t value, uint64_t min, uint64_t max)
{
    return value >= min && value <= max;
}

static void check_accepted(const struct bank_options *options)
{
    FUZZ_CHECK(!options->file || (*options->file && strcmp(options->file, ":memory:") != 0));
    FUZZ_CHECK(options->accounts == 0 || is_in(options->accounts, 2, 1000000));
    FUZZ_CHECK(is_in(options->threads, 1, 1000));
    FUZZ_CHECK(is_in(options->pool, options->is_nested ? 2 : 1, 1000));
    FUZZ_CHECK(options->transfers <= 1000000000);
    FUZZ_CHECK((options->transfers > 0) != (options->seconds > 0));
    FUZZ_CHECK(options->transfers > 0 || (options->seconds >= 0.1 && options->seconds <= 86400));
    FUZZ_CHECK(bank_lock_name(options->lock) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_words words;
    struct bank_options options;
    struct fuzz_ear ear;
    fuzz_split(&words, "bank", data, size);
    fuzz_listen(&ear);
    int code = bank_options_parse(words.count, words.vector, &options);
    fuzz_hear(&ear);
    FUZZ_CHECK(code == EXIT_GOOD || code == EXIT_USAGE);
    if (code == EXIT_USAGE)
        fuzz_check_refusal(&words, &ear);
    else
        FUZZ_CHECK(ear.length == 0);
    if (code == EXIT_GOOD && !options.must_help)
        check_accepted(&options);
    free(ear.text);
    return 0;
}
