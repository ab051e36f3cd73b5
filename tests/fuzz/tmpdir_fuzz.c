/* TMPDIR, NO_COLOR and TERM, as lifeguard bank reads them.  Where the temporary folder goes is private to
 * the bank's store, so this is the store's own file. */
#define _GNU_SOURCE /* open_memstream */
#include "fuzz.h"

#include "../../cli/bank_store.c"
#include "../../cli/terminal.h"

static struct bank bank;

/* A folder that is there, with room for the files' names; or one line that says why not. */
static void check_folder(int code, const char *said)
{
    struct stat info;
    FUZZ_CHECK(code == EXIT_GOOD || code == EXIT_UNREACHABLE);
    FUZZ_CHECK((code == EXIT_GOOD) == (bank.folder[0] != 0));
    if (code != EXIT_GOOD) {
        FUZZ_CHECK(strncmp(said, "lifeguard bank: ", 16) == 0);
        return;
    }
    size_t length = strlen(bank.folder);
    FUZZ_CHECK(said[0] == 0 && stat(bank.folder, &info) == 0 && S_ISDIR(info.st_mode));
    FUZZ_CHECK(strncmp(bank.file, bank.folder, length) == 0 && bank.file[length] == '/');
    FUZZ_CHECK(strlen(bank.file) + sizeof "-journal" <= sizeof bank.file);
    FUZZ_CHECK(rmdir(bank.folder) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"TMPDIR", "NO_COLOR", "TERM"};
    static char value[PATH_MAX + 64];
    struct fuzz_input input = {data, size};
    char *said = NULL;
    size_t length = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fuzz_text(&input, value, sizeof value);
        FUZZ_CHECK((i == 0 && value[0] == 0 ? unsetenv(names[i]) : setenv(names[i], value, 1)) ==
                   0);
    }
    FILE *channel = stderr, *kept = open_memstream(&said, &length);
    FUZZ_CHECK(kept != NULL);
    FUZZ_CHECK(terminal_colour(kept, COLOUR_BAD)[0] == 0); /* it is no terminal */
    memset(&bank, 0x55, sizeof bank);
    stderr = kept;
    int code = make_temporary(&bank);
    stderr = channel;
    fclose(kept);
    check_folder(code, said);
    free(said);
    return 0;
}
