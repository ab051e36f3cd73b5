/* The door to the allocator: zeroed, aligned, counted. */
#include "support/support.h"

#include "plat/memory.h"

#include <string.h>
#include <sys/mman.h>

static bool is_zero(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void test_memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 63, 64, 65, 1000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int round = 0; round < 3; round++) { /* also memory that was used before */
            unsigned char *memory = lg__alloc(sizes[i]);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 64, 0);
            assert_true(is_zero(memory, sizes[i]));
            memset(memory, 0xa5, sizes[i]);
            lg__free(memory);
        }
    }
    lg__free(NULL);
}

static void test_mapped_pages_are_zeroed(void **state)
{
    (void)state;
    unsigned char *pages = lg__map(10000);
    assert_non_null(pages);
    assert_int_equal((uintptr_t)pages % 4096, 0);
    assert_true(is_zero(pages, 10000));
    memset(pages, 1, 10000);
    lg__unmap(pages, 10000);
    lg__unmap(NULL, 10000);
}

static void test_what_is_reserved_is_had_when_it_is_touched(void **state)
{
    (void)state;
    enum { PAGE = 4096, PAGES = 2000 };
    unsigned char in_memory[PAGES];
    unsigned char *pages = lg__reserve((size_t)PAGES * PAGE);
    assert_non_null(pages);
    pages[0] = pages[(PAGES - 1) * (size_t)PAGE] = 1;
    assert_int_equal(mincore(pages, (size_t)PAGES * PAGE, in_memory), 0);
    size_t count = 0;
    for (size_t i = 0; i < PAGES; i++)
        count += in_memory[i] & 1;
    assert_int_equal(count, 2);
    lg__unmap(pages, (size_t)PAGES * PAGE);
}

static void test_what_cannot_be_had_is_null(void **state)
{
    (void)state;
    assert_null(lg__map(SIZE_MAX / 2));
    assert_null(lg__reserve(SIZE_MAX / 2));
}

static void test_calls_are_counted(void **state)
{
    (void)state;
    uint64_t before = lg__alloc_count();
    void *memory = lg__alloc(10);
    void *pages = lg__map(10);
    assert_true(lg__alloc_count() == before + 2);
    lg__free(memory);
    lg__unmap(pages, 10);
    assert_true(lg__alloc_count() == before + 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_memory_is_zeroed_and_aligned),
        SUPPORT_TEST(test_mapped_pages_are_zeroed),
        SUPPORT_TEST(test_what_is_reserved_is_had_when_it_is_touched),
        SUPPORT_TEST(test_what_cannot_be_had_is_null),
        SUPPORT_TEST(test_calls_are_counted),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
