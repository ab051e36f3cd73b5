/* LIFEGUARD_PREDICT, LIFEGUARD_PROFILE and LIFEGUARD_TRACE: what makes no sense is said once and is as if it were
 * not there.
 *
 * The library reads them once a process, so this is the file itself that does. */
#define _GNU_SOURCE /* secure_getenv */
#include "heard.h"

#include "observe/environment.c"

static void check_predict(const char *wish, struct heard *heard)
{
    bool is_known = !wish[0] || strcmp(wish, "warn") == 0 || strcmp(wish, "off") == 0;
    FUZZ_CHECK(setenv("LIFEGUARD_PREDICT", wish, 1) == 0);
    heard->count = 0;
    read_predict();
    lg_predict_stop();
    FUZZ_CHECK(heard->count == (is_known ? 0 : 1));
    FUZZ_CHECK(is_known || strcmp(heard->code, "bad-environment") == 0);
}

static void check_path(const char *wish, struct heard *heard)
{
    char path[PATH_MAX] = "";
    FUZZ_CHECK(setenv("LIFEGUARD_TRACE", wish, 1) == 0);
    heard->count = 0;
    bool is_file = read_path("LIFEGUARD_TRACE", path);
    FUZZ_CHECK(heard->count == (is_file || !wish[0] ? 0 : 1));
    FUZZ_CHECK(is_file == (path[0] != 0));
    FUZZ_CHECK(!is_file || path[strlen(path) - 1] != '/');
    FUZZ_CHECK(!is_file || strstr(wish, "%p") || strcmp(path, wish) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char wish[2 * PATH_MAX];
    struct fuzz_input input = {data, size};
    struct heard heard = {0};
    fuzz_fill(&input, wish, sizeof wish - 1);
    wish[sizeof wish - 1] = 0;
    owner = getpid();
    lg_log_set(LG_LOG_DEBUG, hear, &heard);
    check_predict(wish, &heard);
    check_path(wish, &heard);
    lg_log_set(LG_LOG_WARN, NULL, NULL);
    return 0;
}
