/* The command line of lifeguard explore: one argument a line. */
#define _GNU_SOURCE /* open_memstream */
#include "words.h"

#include "../../cli/explore.h"

static bool is_one_of(const char *word, const char *words)
{
    const char *found = strstr(words, word);
    return *word && !strchr(word, ' ') && found && (found == words || found[-1] == ' ');
}

static void check_file_name(const char *name)
{
    FUZZ_CHECK(!name || (*name && strlen(name) < 500));
}

static void check_accepted(const struct explore_options *options, const struct fuzz_words *words)
{
    FUZZ_CHECK(is_one_of(options->strategy, "auto surw rf pos pct periods random"));
    FUZZ_CHECK(is_one_of(options->races, "report fail off"));
    FUZZ_CHECK(options->seconds == 0 || (options->seconds >= 1e-3 && options->seconds <= 1e9));
    FUZZ_CHECK(options->seconds > 0 || options->schedules > 0);
    FUZZ_CHECK(options->program > words->vector &&
               options->program <= words->vector + words->count);
    FUZZ_CHECK(*options->program || options->replay);
    FUZZ_CHECK(!options->replay || (!options->output && options->schedules == 0));
    check_file_name(options->output);
    check_file_name(options->replay);
    check_file_name(options->html);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_words words;
    struct explore_options options;
    struct fuzz_ear ear;
    fuzz_split(&words, "explore", data, size);
    fuzz_listen(&ear);
    bool is_good = explore_options_read(words.count, words.vector, &options);
    fuzz_hear(&ear);
    if (!is_good)
        fuzz_check_refusal(&words, &ear);
    else
        FUZZ_CHECK(ear.length == 0);
    if (is_good && !options.must_help)
        check_accepted(&options, &words);
    free(ear.text);
    return 0;
}
