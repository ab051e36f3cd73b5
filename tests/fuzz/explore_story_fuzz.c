/* What the runtime says through its pipe comes out of the explored program's process: whatever it is, the reader
 * ends, the columns have no more lines than they may, the JSON is JSON, and the page's elements are closed. */
#define _GNU_SOURCE /* fmemopen, open_memstream */
#include "fuzz.h"

#include "support/json.h"

#include "../../cli/explore.h"

#define LINES 12

static struct explore_result result;

/* Modules are files, which would be opened. */
static void read_lines(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    FUZZ_CHECK(copy);
    memcpy(copy, data, size);
    copy[size] = 0;
    for (char *at = copy; (at = memmem(at, size - (size_t)(at - copy), "module", 6)); at++)
        *at = 'M';
    FILE *in = fmemopen(copy, size, "r");
    FUZZ_CHECK(in);
    memset(&result, 0, sizeof result);
    explore_result_read(in, &result);
    fclose(in);
    free(copy);
}

static FILE *begin(char **text, size_t *size)
{
    *text = NULL;
    FILE *out = open_memstream(text, size);
    FUZZ_CHECK(out);
    return out;
}

static void check_columns(void)
{
    char *text;
    size_t size, lines = 0;
    FILE *out = begin(&text, &size);
    size_t said = explore_print_columns(&result, LINES, out);
    fclose(out);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    FUZZ_CHECK(said <= LINES && lines == said && !strpbrk(text, "\r\t\033\177"));
    FUZZ_CHECK(explore_columns_wanted(&result, LINES) <= LINES);
    free(text);
}

static void check_json(void)
{
    char *text;
    size_t size;
    FILE *out = begin(&text, &size);
    explore_print_story_json(&result, out);
    fclose(out);
    FUZZ_CHECK(json_is_valid(text));
    free(text);
}

/* Elements are closed in their turn; what is no element has no mark-up. */
static void check_elements(const char *text)
{
    static const char *const single[] = {"!DOCTYPE", "meta", "br"};
    char open[64][16];
    size_t depth = 0;
    while ((text = strchr(text, '<'))) {
        size_t length = strcspn(++text, " >\n");
        bool is_end = *text == '/', is_single = false;
        for (size_t i = 0; i < sizeof single / sizeof *single; i++)
            is_single |= length == strlen(single[i]) && !strncmp(text, single[i], length);
        FUZZ_CHECK(length && length < 16 && text[strcspn(text, "<>")] == '>');
        if (is_end)
            FUZZ_CHECK(depth && strlen(open[depth - 1]) == length - 1 &&
                       !strncmp(open[--depth], text + 1, length - 1));
        else if (!is_single)
            FUZZ_CHECK(depth < 64 && snprintf(open[depth++], 16, "%.*s", (int)length, text));
    }
    FUZZ_CHECK(!depth);
}

static void check_page(void)
{
    char *text;
    size_t size;
    FILE *out = begin(&text, &size);
    FUZZ_CHECK(explore_write_html(&result, out));
    fclose(out);
    FUZZ_CHECK(strlen(text) == size);
    check_elements(text);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    read_lines(data, size);
    FUZZ_CHECK(result.story.step_count <= EXPLORE_STEPS_MAX);
    check_columns();
    check_json();
    check_page();
    explore_result_free(&result);
    return 0;
}
