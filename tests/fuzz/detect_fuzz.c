/* LIFEGUARD_DETECT: three words, and anything else is said once and means the first of them.
 *
 * The detector reads it once a process, so this is the detector's own file, where that can be undone. */
#include "heard.h"

#include "graph/detector.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct heard heard = {0};
    char wish[1024], start[41];
    fuzz_fill(&input, wish, sizeof wish - 1);
    wish[sizeof wish - 1] = 0;
    bool is_known =
        strcmp(wish, "error") == 0 || strcmp(wish, "log") == 0 || strcmp(wish, "off") == 0;
    snprintf(start, sizeof start, "%.40s", wish);
    FUZZ_CHECK(setenv("LIFEGUARD_DETECT", wish, 1) == 0);
    lg_log_set(LG_LOG_DEBUG, hear, &heard);
    lg__store_release(&detect_mode, DETECT_UNSET);
    enum detect mode = get_mode();
    FUZZ_CHECK(get_mode() == mode);
    lg_log_set(LG_LOG_WARN, NULL, NULL);
    FUZZ_CHECK((mode == DETECT_LOG) == (strcmp(wish, "log") == 0));
    FUZZ_CHECK((mode == DETECT_OFF) == (strcmp(wish, "off") == 0));
    FUZZ_CHECK(heard.count == (is_known ? 0 : 1));
    FUZZ_CHECK(is_known || strcmp(heard.code, "bad-environment") == 0);
    FUZZ_CHECK(is_known || strstr(heard.text, start) != NULL);
    return 0;
}
