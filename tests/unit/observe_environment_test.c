/* The operator's switches: each in a process of its own. */
#include "support/json.h"
#include "support/locks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/lifeguard-observe-XXXXXX";
static char path[64];
static char output[4096];

/* ---- Cases: what runs in the process -------------------------------------------------------------- */

static struct lg_mutex a = LG_MUTEX_INIT("a"), b = LG_MUTEX_INIT("b");

static int take_both(struct lg_mutex *first, struct lg_mutex *second) LG_NO_THREAD_SAFETY_ANALYSIS
{
    SUPPORT_CHECK(lg_mutex_lock(first, LG_FOREVER) == LG_OK);
    SUPPORT_CHECK(lg_mutex_lock(second, LG_FOREVER) == LG_OK);
    lg_mutex_unlock(second);
    lg_mutex_unlock(first);
    return 0;
}

/* Both orders while both live. */
static int case_orders(void)
{
    (void)lg_context_self();
    struct crew_worker *worker = crew_hire("other");
    (void)crew_do(worker, step_lock, &a);
    (void)crew_do(worker, step_lock, &b);
    (void)crew_do(worker, step_unlock, &b);
    (void)crew_do(worker, step_unlock, &a);
    return take_both(&b, &a);
}

/* A child that ends like any program, before its parent does. */
static int case_fork(void)
{
    SUPPORT_CHECK(take_both(&a, &b) == 0);
    pid_t child = fork();
    if (child == 0) {
        (void)take_both(&a, &b);
        exit(0);
    }
    int status;
    SUPPORT_CHECK(waitpid(child, &status, 0) == child && status == 0);
    const char *file = getenv("LIFEGUARD_TRACE");
    SUPPORT_CHECK(file && access(file, F_OK) != 0); /* the child has not written it */
    return 0;
}

static int case_nothing(void)
{
    return take_both(&a, &b);
}

/* ---- Tests ---------------------------------------------------------------------------------------- */

static char setting[128];

static int spawn(const char *name, const char *variable, const char *value)
{
    snprintf(setting, sizeof setting, "%s=%s", variable, value);
    return support_spawn(name, setting, output, sizeof output);
}

static void read_file(char *text, size_t size)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t got = read(fd, text, size - 1);
    assert_true(got > 0);
    text[got] = 0;
    close(fd);
    assert_int_equal(unlink(path), 0);
}

static void predict(void **state)
{
    (void)state;
    assert_int_equal(spawn("orders", "LIFEGUARD_PREDICT", "warn"), 0);
    assert_non_null(strstr(output, "could deadlock"));
    assert_int_equal(spawn("orders", "LIFEGUARD_PREDICT", "off"), 0);
    assert_string_equal(output, "");
    assert_int_equal(spawn("orders", "LIFEGUARD_PREDICT", ""), 0);
    assert_string_equal(output, "");
    assert_int_equal(spawn("orders", "LIFEGUARD_PREDICT", "yes"), 0);
    assert_non_null(strstr(output, "LIFEGUARD_PREDICT is \"yes\", which is none of warn, off"));
    assert_null(strstr(output, "could deadlock"));
}

static void trace(void **state)
{
    (void)state;
    char text[16384];
    assert_int_equal(spawn("nothing", "LIFEGUARD_TRACE", path), 0);
    assert_string_equal(output, "");
    read_file(text, sizeof text);
    assert_true(json_is_valid(text));
    assert_non_null(strstr(text, "holds mutex b"));
    assert_int_equal(spawn("fork", "LIFEGUARD_TRACE", path), 0);
    read_file(text, sizeof text); /* and the parent has */
    assert_true(json_is_valid(text));
    assert_int_equal(spawn("nothing", "LIFEGUARD_TRACE", "/nowhere/trace.json"), 0);
    assert_non_null(strstr(output, "LIFEGUARD_TRACE is \"/nowhere/trace.json\", which is no file"));
    assert_int_equal(spawn("nothing", "LIFEGUARD_TRACE", "/tmp/"), 0);
    assert_non_null(strstr(output, "which is no file"));
}

/* What is no regular file is written into: a device that became a file would be a nasty surprise. */
static void special(void **state)
{
    (void)state;
    char text[4096], pipe[80], link[80];
    struct stat info;
    snprintf(pipe, sizeof pipe, "%s/pipe", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(symlink("pipe", link), 0);
    assert_int_equal(spawn("nothing", "LIFEGUARD_PROFILE", link), 0); /* and nobody reads it */
    assert_non_null(strstr(output, "could not be written"));
    int reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(spawn("nothing", "LIFEGUARD_TRACE", link), 0);
    assert_string_equal(output, "");
    ssize_t got = read(reader, text, sizeof text - 1);
    assert_true(got > 0);
    text[got] = 0;
    assert_true(json_is_valid(text));
    close(reader);
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(link, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(unlink(pipe), 0);
    assert_int_equal(unlink(link), 0);
}

/* The file that a link names is replaced, and the link stays. */
static void links(void **state)
{
    (void)state;
    char text[4096], link[80];
    struct stat info;
    snprintf(link, sizeof link, "%s/link.json", folder);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(symlink("out.json", link), 0);
    assert_int_equal(spawn("nothing", "LIFEGUARD_PROFILE", link), 0);
    assert_string_equal(output, "");
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    read_file(text, sizeof text);
    assert_true(json_is_valid(text));
    assert_int_equal(unlink(link), 0);
}

static void profile(void **state)
{
    (void)state;
    char text[4096];
    assert_int_equal(spawn("nothing", "LIFEGUARD_PROFILE", path), 0); /* ends in .json */
    read_file(text, sizeof text);
    assert_true(json_is_valid(text));
    char plain[80];
    snprintf(plain, sizeof plain, "%s/%%p.txt", folder);
    assert_int_equal(spawn("nothing", "LIFEGUARD_PROFILE", plain), 0);
    assert_string_equal(output, "");
    snprintf(setting, sizeof setting, "rm %s/*.txt", folder); /* named by the process */
    assert_int_equal(system(setting), 0);
}

int main(int argc, char **argv)
{
    static const struct support_case cases[] = {
        {"orders", case_orders}, {"fork", case_fork}, {"nothing", case_nothing}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(predict), SUPPORT_TEST(trace), SUPPORT_TEST(profile),
        SUPPORT_TEST(special), SUPPORT_TEST(links),
    };
    if (!support_is_case(argc, argv) && !mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/out.json", folder);
    int failed = SUPPORT_RUN(argc, argv, tests, cases);
    (void)rmdir(folder);
    return failed;
}
