/* Reports when memory cannot be read and when nothing can be written. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "support/faults.h"
#include "support/locks.h"

#include "plat/log.h"
#include "plat/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct lg_report report;
static char whole[65536], printed[65536];

/* A report that takes many writes. */
static void fill_report(void)
{
    report = (struct lg_report){.kind = LG_REPORT_DEADLOCK, .member_count = LG_REPORT_MEMBERS};
    for (uint32_t i = 0; i < LG_REPORT_MEMBERS; i++) {
        report.members[i].hold_count = LG_REPORT_HOLDS;
        report.members[i].need = 1;
        snprintf(report.members[i].context, LG_NAME_SIZE, "context-%u", i);
        for (uint32_t j = 0; j < LG_REPORT_HOLDS; j++)
            snprintf(report.members[i].holds[j].place, LG_PLACE_SIZE, "some/file.c:%u", 100 + j);
    }
}

/* Either all of it is printed and the status says so, or a beginning of it and LG_ESYS. */
static int print(void *arg)
{
    enum lg_report_format format = *(enum lg_report_format *)arg;
    size_t length = lg_report_write(&report, format, whole, sizeof whole);
    int fd = memfd_create("report", 0);
    SUPPORT_CHECK(fd >= 0);
    int status = lg_report_print(&report, format, fd);
    ssize_t got = pread(fd, printed, sizeof printed, 0);
    close(fd);
    SUPPORT_CHECK(got >= 0 && memcmp(printed, whole, (size_t)got) == 0);
    SUPPORT_CHECK(status == ((size_t)got == length ? LG_OK : LG_ESYS));
    return 0;
}

static void test_writes_that_fail(void **state)
{
    (void)state;
    fill_report();
    for (int format = LG_REPORT_TEXT; format <= LG_REPORT_DOT; format++) {
        enum lg_report_format chosen = (enum lg_report_format)format;
        assert_true(faults_loop(FAULT_BIT(WRITE), 100, print, &chosen) > 4);
        assert_int_equal(faults_loop(FAULT_ALL & ~FAULT_BIT(WRITE), 1, print, &chosen), 0);
    }
}

/* The default log has nobody to tell; it gives up, and does not hang or crash. */
static int log_to_nowhere(void *arg)
{
    (void)arg;
    lg__log(LG_LOG_ERROR, "code", NULL, 0, "this line may be cut");
    return 0;
}

static int log_case(void)
{
    faults_begin();
    return faults_end(log_to_nowhere(NULL));
}

static void test_a_log_that_cannot_be_written(void **state)
{
    (void)state;
    assert_true(faults_loop_fresh(FAULT_BIT(WRITE), 20, "log") >= 2);
}

/* A place is read with a call that may be forbidden: then it is unknown, and the rest stands. */
static int deadlock_alone(void *arg)
{
    struct lg_mutex m = LG_MUTEX_INIT("m");
    struct lock_until lock = {&m, LG_FOREVER, "first.c:1"};
    unsigned *unknown = arg;
    SUPPORT_CHECK(step_lock_until(&lock) == LG_OK);
    SUPPORT_CHECK(step_lock_until(&lock) == LG_EDEADLK);
    const struct lg_report *last = lg_report_last();
    SUPPORT_CHECK(last->kind == LG_REPORT_DEADLOCK);
    SUPPORT_CHECK(strcmp(last->name, "m") == 0);
    const char *places[] = {last->place, last->members[0].waits_place,
                            last->members[0].holds[0].place};
    for (size_t i = 0; i < 3; i++) {
        SUPPORT_CHECK(places[i][0] == 0 || strcmp(places[i], "first.c:1") == 0);
        *unknown += places[i][0] == 0;
    }
    step_unlock(&m);
    return 0;
}

static void test_places_that_cannot_be_read(void **state)
{
    (void)state;
    unsigned unknown = 0;
    support_log_begin(LG_LOG_ERROR);
    unsigned failures = faults_loop(FAULT_BIT(PEEK), 20, deadlock_alone, &unknown);
    assert_true(failures >= 6);
    assert_true(unknown >= failures);
}

static int copy_places(void *arg)
{
    static char page[8192] __attribute__((aligned(4096)));
    char out[LG_PLACE_SIZE];
    (void)arg;
    strcpy(page + 4096 - 5, "file.c:12"); /* two reads */
    lg__copy_place(out, sizeof out, page + 4096 - 5);
    SUPPORT_CHECK(strncmp(out, "file.c:12", strlen(out)) == 0);
    return 0;
}

static void test_half_a_place(void **state)
{
    (void)state;
    assert_int_equal(faults_loop(FAULT_BIT(PEEK), 10, copy_places, NULL), 4);
}

int main(int argc, char **argv)
{
    static const struct support_case cases[] = {{"log", log_case}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_writes_that_fail),
        SUPPORT_TEST(test_a_log_that_cannot_be_written),
        SUPPORT_TEST(test_places_that_cannot_be_read),
        SUPPORT_TEST(test_half_a_place),
    };
    return SUPPORT_RUN(argc, argv, tests, cases);
}
