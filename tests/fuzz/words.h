/* Fuzz: a verb's command line from an input, one argument a line, and what the verb says of it. */
#ifndef LG_TEST_FUZZ_WORDS_H
#define LG_TEST_FUZZ_WORDS_H

#include "fuzz.h"

#include "../../cli/terminal.h"

#define FUZZ_WORDS_MAX 24
#define FUZZ_WORD_SIZE 128

/* As main gets it. */
struct fuzz_words {
    char texts[FUZZ_WORDS_MAX][FUZZ_WORD_SIZE];
    char *vector[FUZZ_WORDS_MAX + 1];
    int count;
};

static inline void fuzz_split(struct fuzz_words *words, const char *verb, const uint8_t *data,
                              size_t size)
{
    struct fuzz_input input = {data, size};
    snprintf(words->texts[0], FUZZ_WORD_SIZE, "%s", verb);
    words->vector[0] = words->texts[0];
    words->count = 1;
    while (input.left > 0 && words->count < FUZZ_WORDS_MAX) {
        char *text = words->texts[words->count];
        fuzz_text(&input, text, FUZZ_WORD_SIZE);
        words->vector[words->count++] = text;
    }
    words->vector[words->count] = NULL;
}

/* What goes to standard error between these two; *text is the caller's to free. */
struct fuzz_ear {
    FILE *channel;
    char *text;
    size_t length;
};

static inline void fuzz_listen(struct fuzz_ear *ear)
{
    FILE *kept = open_memstream(&ear->text, &ear->length);
    FUZZ_CHECK(kept != NULL);
    ear->channel = stderr;
    stderr = kept;
}

static inline void fuzz_hear(struct fuzz_ear *ear)
{
    fclose(stderr);
    stderr = ear->channel;
}

/* Whether a text begins with a word as messages show it. */
static inline bool fuzz_begins_with_shown(const char *text, const char *word)
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
static inline void fuzz_check_refusal(const struct fuzz_words *words, const struct fuzz_ear *ear)
{
    char begin[64], unknown[96];
    snprintf(begin, sizeof begin, "lifeguard %.20s: ", words->texts[0]);
    snprintf(unknown, sizeof unknown, "%sunknown option ", begin);
    const char *text = ear->text;
    FUZZ_CHECK(strncmp(text, begin, strlen(begin)) == 0);
    FUZZ_CHECK(ear->length == strlen(text) && strchr(text, '\n') == text + ear->length - 1);
    if (strncmp(text, unknown, strlen(unknown)) != 0)
        return;
    bool is_written = false;
    for (int i = 1; i < words->count; i++)
        is_written |= words->texts[i][0] == '-' &&
                      fuzz_begins_with_shown(text + strlen(unknown), words->texts[i]);
    FUZZ_CHECK(is_written);
}

#endif
