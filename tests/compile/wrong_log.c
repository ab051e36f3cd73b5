/* Lines of several threads mixed in one file: what the pointer points to is guarded.
// clang: requires holding mutex 'log_lock'
*/
#include "seeds.h"

struct log_file {
    char lines[1000];
    size_t length;
};

struct lg_mutex log_lock = LG_MUTEX_INIT("log");
static struct log_file the_log;
static struct log_file *log_file LG_POINTS_TO_GUARDED(log_lock) = &the_log;

void write_to_log(const char *message)
{
    while (*message && log_file->length < sizeof log_file->lines)
        log_file->lines[log_file->length++] = *message++;
}
