/* Status codes, their words, and the panic. */
#include "support/support.h"

#include "plat/panic.h"

#include <lifeguard/lifeguard.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct code {
    int number;
    const char *name;
};

/* Written once more, by hand: a code that changes its number breaks programs that are compiled
 * already, and nothing but a second list notices. */
static const struct code codes[] = {
    {0, "LG_OK"},        {-1, "LG_EINVAL"},        {-2, "LG_ETIMEDOUT"}, {-3, "LG_EDEADLK"},
    {-4, "LG_EBUSY"},    {-5, "LG_EOWNERDEAD"},    {-6, "LG_ESTALE"},    {-7, "LG_EFOREIGN"},
    {-8, "LG_ENESTED"},  {-9, "LG_ECLOSED"},       {-10, "LG_EOPEN"},    {-11, "LG_EFORK"},
    {-12, "LG_ENOMEM"},  {-13, "LG_ECANCELED"},    {-14, "LG_EVERSION"}, {-15, "LG_ESYS"},
    {-16, "LG_EDRIVER"}, {-17, "LG_EREADONLY"},    {-18, "LG_EFULL"},    {-19, "LG_ENOTDB"},
    {-20, "LG_EPAUSED"}, {-21, "LG_EOVERRELEASE"}, {-22, "LG_EBROKEN"},
};
#define CODE_COUNT (sizeof codes / sizeof codes[0])

static void test_each_code_keeps_number_and_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODE_COUNT; i++)
        assert_string_equal(lg_status_name(codes[i].number), codes[i].name);
    assert_int_equal(LG_EPAUSED, -20);
    assert_int_equal(LG_EOVERRELEASE, -21);
}

static void test_each_code_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODE_COUNT; i++) {
        const char *text = lg_status_text(codes[i].number);
        assert_true(strlen(text) > 5);
        assert_false(ispunct((unsigned char)text[strlen(text) - 1]) &&
                     text[strlen(text) - 1] != ')');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(text, lg_status_text(codes[j].number));
    }
}

static void test_other_numbers_are_named_as_such(void **state)
{
    (void)state;
    static const int others[] = {1, -(int)CODE_COUNT, -1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_string_equal(lg_status_name(others[i]), "LG_E?");
        assert_true(strlen(lg_status_text(others[i])) > 0);
    }
}

static void test_version_is_that_of_the_header(void **state)
{
    (void)state;
    assert_int_equal(lg_version(), LG_VERSION);
}

static int panic_now(void *arg)
{
    lg__panic("a rule was broken", arg);
}

static int panic_and_return(void *arg)
{
    (void)arg;
    lg__panic("a rule was broken", "thing");
}

static void test_handler_gets_rule_and_object(void **state)
{
    (void)state;
    static char object[] = "the thing";
    struct support_panic panic = support_panic_of(panic_now, object);
    assert_true(panic.has_happened);
    assert_string_equal(panic.rule, "a rule was broken");
    assert_string_equal(panic.object, "the thing");
}

static void ignore(void *arg, const char *rule, const char *object)
{
    (void)arg, (void)rule, (void)object;
}

static int panic_with_a_handler_that_returns(void *arg)
{
    lg_panic_set(ignore, NULL);
    return panic_and_return(arg);
}

/* The child is killed by SIGABRT, whether or not there is a handler. */
static void test_panic_without_a_way_out_aborts(void **state)
{
    (void)state;
    assert_int_equal(support_fork(panic_with_a_handler_that_returns, NULL), 1000 + 6);
}

static int panic_by_default(void)
{
    lg__panic("a rule was broken", "the thing");
}

static void test_default_panic_prints_one_line(void **state)
{
    (void)state;
    char output[512];
    assert_int_equal(support_spawn("panic", NULL, output, sizeof output), 1000 + 6);
    assert_non_null(strstr(output, "lifeguard: panic: the thing: a rule was broken\n"));
}

static int panic_with_a_long_name(void)
{
    static char name[1000];
    memset(name, 'n', sizeof name - 1);
    lg__panic("a rule was broken", name);
}

static void test_a_long_name_is_cut(void **state)
{
    (void)state;
    char output[2048];
    assert_int_equal(support_spawn("long panic", NULL, output, sizeof output), 1000 + 6);
    assert_non_null(strstr(output, "lifeguard: panic: nnnn"));
    assert_true(strlen(output) < 300);
}

int main(int argc, char **argv)
{
    static const struct support_case cases[] = {
        {"panic", panic_by_default},
        {"long panic", panic_with_a_long_name},
        {NULL, NULL},
    };
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_each_code_keeps_number_and_name),
        SUPPORT_TEST(test_each_code_has_a_sentence_of_its_own),
        SUPPORT_TEST(test_other_numbers_are_named_as_such),
        SUPPORT_TEST(test_version_is_that_of_the_header),
        SUPPORT_TEST(test_handler_gets_rule_and_object),
        SUPPORT_TEST(test_panic_without_a_way_out_aborts),
        SUPPORT_TEST(test_default_panic_prints_one_line),
        SUPPORT_TEST(test_a_long_name_is_cut),
    };
    return SUPPORT_RUN(argc, argv, tests, cases);
}
