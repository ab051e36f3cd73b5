/* The command line of lifeguard bank: one argument a line. */
#define _GNU_SOURCE /* open_memstream */
#include "fuzz.h"

#include "../../cli/bank.h"
#include "../../cli/terminal.h"
#include "../../cli/verb.h"

#define WORDS_MAX 24
#define WORD_SIZE 128

static char words[WORDS_MAX][WORD_SIZE];
static char *vector[WORDS_MAX + 1];

static int split(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    int count = 0;
    strcpy(words[0], "bank");
    vector[count++] = words[0];
    while (input.left > 0 && count < WORDS_MAX) {
        fuzz_text(&input, words[count], WORD_SIZE);
        vector[count] = words[count];
        count++;
    }
    vector[count] = NULL;
    return count;
}

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

/* Whether a text begins with a word as messages show it. */
static bool begins_with_shown(const char *text, const char *word)
{
    char *shown = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&shown, &length);
    FUZZ_CHECK(out != NULL);
    terminal_print_line(out, word);
    fclose(out);
    bool begins = strncmp(text, shown, length - 1) == 0;
    free(shown);
    return begins;
}

/* One line that says what is wrong, and of something that was written there. */
static void check_refusal(const char *text, size_t length, int count)
{
    static const char unknown[] = "lifeguard bank: unknown option ";
    FUZZ_CHECK(strncmp(text, "lifeguard bank: ", 16) == 0);
    FUZZ_CHECK(length == strlen(text) && strchr(text, '\n') == text + length - 1);
    if (strncmp(text, unknown, sizeof unknown - 1) != 0)
        return;
    const char *word = text + sizeof unknown - 1;
    bool is_written = false;
    for (int i = 1; i < count; i++)
        is_written |= words[i][0] == '-' && begins_with_shown(word, words[i]);
    FUZZ_CHECK(is_written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bank_options options;
    char *said = NULL;
    size_t length = 0;
    FILE *channel = stderr, *kept = open_memstream(&said, &length);
    int count = split(data, size);
    FUZZ_CHECK(kept != NULL);
    stderr = kept;
    int code = bank_options_parse(count, vector, &options);
    stderr = channel;
    fclose(kept);
    FUZZ_CHECK(code == EXIT_GOOD || code == EXIT_USAGE);
    if (code == EXIT_USAGE)
        check_refusal(said, length, count);
    else
        FUZZ_CHECK(length == 0);
    if (code == EXIT_GOOD && !options.must_help)
        check_accepted(&options);
    free(said);
    return 0;
}
