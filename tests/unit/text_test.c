/* Bounded text, JSON and DOT strings, and places that may be gone.  The JSON checker that judges
 * the library is judged here itself. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "support/support.h"

#include "plat/text.h"
#include "support/json.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- The checker ----------------------------------------------------------------------------- */

static void test_checker_takes_json_only(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        " [ ] ",
        "0",
        "-1.5e+3",
        "\"\"",
        "\"\\u00e9\\n\\\"\\\\\\/\"",
        "{\"a\":[1,2,{\"b\":null}],\"c\":true}",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
    };
    static const char *const bad[] = {
        "",
        "{",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":1,\"a\":2}",
        "[01]",
        "1.",
        "+1",
        "nul",
        "\"a",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\xff\"",
        "\"\xc3\"",
        "\"\xc0\xaf\"",
        "\"\xed\xa0\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "{} {}",
        "'a'",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(json_is_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (json_is_valid(bad[i]))
            fail_msg("taken for JSON: %s", bad[i]);
}

static void test_checker_finds_values(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[10,{\"b\":\"x\\\"y\",\"c\":null}],\"d\":{}}";
    char value[16];
    assert_true(json_get(text, "a.0", value, sizeof value));
    assert_string_equal(value, "10");
    assert_true(json_get(text, "a.1.b", value, sizeof value));
    assert_string_equal(value, "x\"y");
    assert_true(json_get(text, "a.1.c", value, sizeof value));
    assert_string_equal(value, "null");
    assert_false(json_get(text, "a.2", value, sizeof value));
    assert_false(json_get(text, "e", value, sizeof value));
    assert_false(json_get(text, "a.0.b", value, sizeof value));
}

/* ---- Bounded text ---------------------------------------------------------------------------- */

static void write_all_kinds(struct lg__text *text)
{
    lg__text_add(text, "plain ");
    lg__text_addf(text, "%s=%d ", "number", 42);
    lg__text_add_json(text, "a\"b\n");
    lg__text_add(text, "");
    lg__text_add_dot(text, "c\"d\n");
}

/* Whatever the size: the length is that of the whole, what fits is its beginning, 0 ends it, and
 * nothing is written behind it. */
static void test_every_size_is_kept(void **state)
{
    (void)state;
    static const char whole[] = "plain number=42 \"a\\\"b\\u000a\"c\\\"d ";
    for (size_t size = 0; size <= sizeof whole + 3; size++) {
        char buffer[sizeof whole + 8];
        struct lg__text text;
        memset(buffer, '#', sizeof buffer);
        lg__text_begin(&text, size > 0 ? buffer : NULL, size);
        write_all_kinds(&text);
        assert_int_equal(text.length, sizeof whole - 1);
        size_t fits = size == 0 ? 0 : size - 1 < sizeof whole - 1 ? size - 1 : sizeof whole - 1;
        assert_memory_equal(buffer, whole, fits);
        if (size > 0)
            assert_int_equal(buffer[fits], 0);
        for (size_t i = size > 0 ? fits + 1 : 0; i < sizeof buffer; i++)
            assert_int_equal(buffer[i], '#');
    }
}

/* On its way to a file nothing is cut, wherever the buffer's end falls. */
static void test_every_buffer_streams_the_whole(void **state)
{
    (void)state;
    static const char whole[] = "plain number=42 \"a\\\"b\\u000a\"c\\\"d ";
    for (size_t size = 2; size <= sizeof whole + 3; size++) {
        char buffer[sizeof whole + 8], file[sizeof whole + 8] = "";
        struct lg__text text;
        int fd = memfd_create("text", 0);
        lg__text_begin_fd(&text, buffer, size, fd);
        write_all_kinds(&text);
        assert_true(lg__text_flush(&text));
        assert_int_equal(text.length, sizeof whole - 1);
        assert_int_equal(pread(fd, file, sizeof file - 1, 0), sizeof whole - 1);
        assert_string_equal(file, whole);
        close(fd);
        lg__text_begin_fd(&text, buffer, size, fd); /* closed by now */
        write_all_kinds(&text);
        assert_int_equal(text.length, sizeof whole - 1);
        assert_false(lg__text_flush(&text));
    }
}

static void test_a_long_formatted_line_is_cut(void **state)
{
    (void)state;
    char wide[2000];
    struct lg__text text;
    lg__text_begin(&text, wide, sizeof wide);
    lg__text_addf(&text, "%1000d", 1);
    assert_int_equal(text.length, 511);
    assert_int_equal(strlen(wide), 511);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

struct escape {
    const char *plain, *written;
};

static void test_json_strings(void **state)
{
    (void)state;
    static const struct escape escapes[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"\x01\t\n\x1f\x7f", "\"\\u0001\\u0009\\u000a\\u001f\\u007f\""},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {"a\xff"
         "b",
         "\"a?b\""},
        {"\xc3", "\"?\""}, /* cut in the middle */
        {"\xe2\x82", "\"??\""},
        {"\xc0\xaf", "\"??\""},      /* overlong */
        {"\xe0\x9f\xbf", "\"???\""}, /* overlong */
        {"\xed\xa0\x80", "\"???\""}, /* half of a surrogate pair */
        {"\xf0\x8f\xbf\xbf", "\"????\""},
        {"\xf4\x90\x80\x80", "\"????\""}, /* past the last character */
        {"\xf5", "\"?\""},
        {"\x80", "\"?\""},
    };
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        char buffer[64];
        struct lg__text text;
        lg__text_begin(&text, buffer, sizeof buffer);
        lg__text_add_json(&text, escapes[i].plain);
        assert_string_equal(buffer, escapes[i].written);
        assert_true(json_is_valid(buffer));
    }
}

/* Random bytes, of which many are near misses of UTF-8. */
static void test_json_of_any_bytes_is_json(void **state)
{
    (void)state;
    static const unsigned char likely[] = {0x7f, 0x80, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xa0, 0x9f,
                                           0xed, 0xef, 0xf0, 0x90, 0x8f, 0xf4, 0xf5, '"',  '\\'};
    struct support_random random;
    support_random_begin(&random, 1);
    for (int round = 0; round < 20000; round++) {
        char bytes[9] = {0};
        char buffer[128];
        struct lg__text text;
        for (int i = 0; i < 8; i++)
            bytes[i] =
                (char)(support_below(&random, 2) ? likely[support_below(&random, sizeof likely)]
                                                 : 1 + support_below(&random, 255));
        lg__text_begin(&text, buffer, sizeof buffer);
        lg__text_add_json(&text, bytes);
        if (!json_is_valid(buffer))
            fail_msg("not JSON: %s", buffer);
    }
}

static void test_json_commas(void **state)
{
    (void)state;
    char buffer[128];
    struct lg__text text;
    lg__text_begin(&text, buffer, sizeof buffer);
    lg__text_add(&text, "{");
    lg__json_string(&text, "a", "{");
    lg__json_number(&text, "b", UINT64_MAX);
    lg__json_key(&text, "c");
    lg__text_add(&text, "{");
    lg__json_string(&text, "d", "[");
    lg__text_add(&text, "}}");
    assert_string_equal(buffer, "{\"a\":\"{\",\"b\":18446744073709551615,\"c\":{\"d\":\"[\"}}");
}

/* The commas do not depend on what fitted. */
static void test_json_commas_when_nothing_fits(void **state)
{
    (void)state;
    char all[64];
    struct lg__text whole, none;
    lg__text_begin(&whole, all, sizeof all);
    lg__text_begin(&none, NULL, 0);
    struct lg__text *both[] = {&whole, &none};
    for (int i = 0; i < 2; i++) {
        lg__text_add(both[i], "{");
        lg__json_number(both[i], "a", 1);
        lg__json_number(both[i], "b", 2);
        lg__text_add(both[i], "}");
    }
    assert_string_equal(all, "{\"a\":1,\"b\":2}");
    assert_int_equal(none.length, whole.length);
}

/* ---- Names and places ------------------------------------------------------------------------ */

static void test_names_are_cut(void **state)
{
    (void)state;
    char out[6];
    lg__copy_name(out, sizeof out, "12345");
    assert_string_equal(out, "12345");
    lg__copy_name(out, sizeof out, "123456789");
    assert_string_equal(out, "12345");
    lg__copy_name(out, sizeof out, "");
    assert_string_equal(out, "");
    lg__copy_name(out, sizeof out, NULL);
    assert_string_equal(out, "");
    lg__copy_name(out, 1, "abc");
    assert_string_equal(out, "");
}

static void test_places_are_copied(void **state)
{
    (void)state;
    char out[64];
    lg__copy_place(out, sizeof out, LG_HERE);
    assert_non_null(strstr(out, "text_test.c:"));
    lg__copy_place(out, sizeof out, NULL);
    assert_string_equal(out, "");
    lg__copy_place(out, 8, "a/long/path.c:123");
    assert_string_equal(out, "h.c:123"); /* the end says more */
    lg__copy_place(out, sizeof out, "two\nlines");
    assert_string_equal(out, "");
    lg__copy_place(out, sizeof out, "caf\xc3\xa9.c:1");
    assert_string_equal(out, "");
}

/* Two pages, the second unmapped on demand; places end at, before and over the border. */
static void test_places_at_the_end_of_memory(void **state)
{
    (void)state;
    char out[64];
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    strcpy(pages + 4096 - 4, "abc");
    lg__copy_place(out, sizeof out, pages + 4096 - 4);
    assert_string_equal(out, "abc");
    strcpy(pages + 4096 - 4, "over the border");
    lg__copy_place(out, sizeof out, pages + 4096 - 4);
    assert_string_equal(out, "over the border");
    munmap(pages + 4096, 4096);
    lg__copy_place(out, sizeof out, pages + 4096 - 4); /* no 0 can be read: what there is */
    assert_string_equal(out, "over");
    lg__copy_place(out, sizeof out, pages + 4096);
    assert_string_equal(out, "");
    munmap(pages, 4096);
    lg__copy_place(out, sizeof out, pages);
    assert_string_equal(out, "");
    lg__copy_place(out, sizeof out, (const char *)(uintptr_t)8);
    assert_string_equal(out, "");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_checker_takes_json_only),
        SUPPORT_TEST(test_checker_finds_values),
        SUPPORT_TEST(test_every_size_is_kept),
        SUPPORT_TEST(test_every_buffer_streams_the_whole),
        SUPPORT_TEST(test_a_long_formatted_line_is_cut),
        SUPPORT_TEST(test_json_strings),
        SUPPORT_TEST(test_json_of_any_bytes_is_json),
        SUPPORT_TEST(test_json_commas),
        SUPPORT_TEST(test_json_commas_when_nothing_fits),
        SUPPORT_TEST(test_names_are_cut),
        SUPPORT_TEST(test_places_are_copied),
        SUPPORT_TEST(test_places_at_the_end_of_memory),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
