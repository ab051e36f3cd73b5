/* Text from outside on its way out: JSON strings of both writers, DOT, names and places. */
#define _GNU_SOURCE /* open_memstream */
#include "fuzz.h"

#include "plat/text.h"
#include "support/dot.h"
#include "support/json.h"

#include "../../cli/terminal.h"

#define ROOM 65536

static char out[ROOM];

static void check_json(const char *string)
{
    struct lg__text text;
    char *said = NULL;
    size_t length = 0;
    lg__text_begin(&text, out, sizeof out);
    lg__text_add(&text, "{");
    lg__json_string(&text, "key", string);
    lg__json_number(&text, "number", strlen(string));
    lg__text_add(&text, "}");
    FUZZ_CHECK(json_is_valid(out));
    lg__text_begin(&text, out, sizeof out);
    lg__text_add_json(&text, string);
    FILE *stream = open_memstream(&said, &length);
    FUZZ_CHECK(stream != NULL);
    terminal_print_json(stream, string);
    fclose(stream);
    FUZZ_CHECK(json_is_valid(said));
    FUZZ_CHECK(strcmp(said, out) == 0); /* the library and the program agree */
    free(said);
}

/* No mark-up, no control, and entities only where one of the five characters was. */
static void check_html(const char *string)
{
    char *said = NULL;
    size_t length = 0, marks = 0, entities = 0;
    FILE *stream = open_memstream(&said, &length);
    FUZZ_CHECK(stream != NULL);
    terminal_print_html(stream, string);
    fclose(stream);
    FUZZ_CHECK(!strpbrk(said, "<>\"'\r\033\177"));
    for (const char *at = string; (at = strpbrk(at, "&<>\"'")); at++)
        marks++;
    for (const char *at = said; (at = strchr(at, '&')); at++)
        entities++;
    FUZZ_CHECK(marks == entities);
    free(said);
}

static void check_dot(const char *string)
{
    struct lg__text text;
    lg__text_begin(&text, out, sizeof out);
    lg__text_add(&text, "digraph waits {\n  \"");
    lg__text_add_dot(&text, string);
    lg__text_add(&text, "\" [label=\"");
    lg__text_add_dot(&text, string);
    lg__text_add(&text, "\"];\n}\n");
    FUZZ_CHECK(dot_is_valid(out));
}

static void check_plain(const char *string)
{
    struct lg__text text;
    lg__text_begin(&text, out, sizeof out);
    lg__text_add_plain(&text, string);
    FUZZ_CHECK(strlen(out) == strlen(string) && !strpbrk(out, "\n\r\t\033\177"));
    char *plain = strdup(out);
    FUZZ_CHECK(plain != NULL);
    lg__text_begin(&text, out, sizeof out);
    lg__text_add_plain(&text, plain);
    FUZZ_CHECK(strcmp(out, plain) == 0);
    free(plain);
}

static void check_copies(const char *string, size_t room)
{
    size_t length = strlen(string);
    memset(out, 0x55, sizeof out);
    lg__copy_name(out, room, string);
    size_t fits = length < room ? length : room - 1;
    FUZZ_CHECK(memcmp(out, string, fits) == 0 && out[fits] == 0 && out[room] == 0x55);
    memset(out, 0x55, sizeof out);
    lg__copy_place(out, room, string);
    FUZZ_CHECK(strlen(out) < room && out[room] == 0x55);
    for (const char *s = out; *s; s++)
        FUZZ_CHECK(*s >= 0x20 && *s <= 0x7e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    size_t room = 1 + fuzz_byte(&input);
    char *string = malloc(input.left + 1); /* its own size: a read past its end is seen */
    FUZZ_CHECK(string != NULL);
    size_t length = input.left;
    fuzz_fill(&input, string, length);
    string[length] = 0;
    if (length < ROOM / 16) {
        check_json(string);
        check_dot(string);
        check_html(string);
        check_plain(string);
        check_copies(string, room);
    }
    free(string);
    return 0;
}
