/* A driver for fuzz targets without libFuzzer: all inputs of a folder, then seeded mutations of them.
 *
 *     build/tests/fuzz_NAME tests/fuzz/corpus/NAME [ROUNDS [FILE...]]
 *
 * LIFEGUARD_SEED chooses other mutations.  An input that fails is written out as a C string. */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#define INPUTS_MAX 1024
#define SIZE_MAX_  4096 /* of an input */

struct input {
    uint8_t bytes[SIZE_MAX_];
    size_t size;
};

static struct input *inputs;
static size_t input_count;
static struct input current; /* for the handler */
static uint64_t seed = 1, random_state;

const char *__asan_default_options(void) __attribute__((visibility("default")));
const char *__asan_default_options(void)
{
    return "abort_on_error=1";
}

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static size_t below(size_t n)
{
    return next_random() % n;
}

/* Only what may be called in a signal handler. */
static void print_input(int signal_number)
{
    char line[8];
    ssize_t done = write(2, "the input: \"", 12);
    for (size_t i = 0; i < current.size && done > 0; i++) {
        line[0] = '\\';
        line[1] = (char)('0' + (current.bytes[i] >> 6));
        line[2] = (char)('0' + (current.bytes[i] >> 3 & 7));
        line[3] = (char)('0' + (current.bytes[i] & 7));
        done = write(2, line, 4);
    }
    done = write(2, "\"\n", 2);
    (void)done;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void run_current(void)
{
    /* In memory of its own size, so that a read past its end is seen. */
    uint8_t *copy = malloc(current.size ? current.size : 1);
    if (!copy)
        abort();
    memcpy(copy, current.bytes, current.size);
    (void)LLVMFuzzerTestOneInput(copy, current.size);
    free(copy);
}

static void add_input(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || input_count == INPUTS_MAX) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    struct input *input = &inputs[input_count++];
    input->size = fread(input->bytes, 1, sizeof input->bytes, file);
    fclose(file);
}

static void add_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    char name[4096];
    while (folder && (entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            add_input(name);
        }
    if (folder)
        closedir(folder);
}

static void insert(size_t at, const uint8_t *bytes, size_t count)
{
    if (count > SIZE_MAX_ - current.size)
        count = SIZE_MAX_ - current.size;
    memmove(current.bytes + at + count, current.bytes + at, current.size - at);
    memcpy(current.bytes + at, bytes, count);
    current.size += count;
}

static void erase(size_t at, size_t count)
{
    if (count > current.size - at)
        count = current.size - at;
    memmove(current.bytes + at, current.bytes + at + count, current.size - at - count);
    current.size -= count;
}

static void mutate(void)
{
    static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, '"', '\\', '\n', '-', '=', '/', '%'};
    const struct input *other = &inputs[below(input_count)];
    uint8_t byte = below(2) ? telling[below(sizeof telling)] : (uint8_t)next_random();
    size_t at = below(current.size + 1);
    size_t from = below(other->size + 1);
    switch (below(5)) {
    case 0:
        if (at < current.size)
            current.bytes[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        if (at < current.size)
            current.bytes[at] = byte;
        break;
    case 2:
        insert(at, &byte, 1);
        break;
    case 3:
        erase(at, 1 + below(8));
        break;
    case 4:
        insert(at, other->bytes + from, below(other->size - from + 1));
        break;
    }
}

static void run_rounds(unsigned long rounds)
{
    for (unsigned long i = 0; i < rounds; i++) {
        current = inputs[below(input_count)];
        for (size_t changes = 1 + below(8); changes > 0; changes--)
            mutate();
        run_current();
    }
}

int main(int argc, char **argv)
{
    const char *wish = getenv("LIFEGUARD_SEED");
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    random_state = seed = wish ? strtoull(wish, NULL, 0) : 1;
    inputs = calloc(INPUTS_MAX, sizeof *inputs);
    if (argc < 2 || !inputs) {
        fprintf(stderr, "usage: %s FOLDER [ROUNDS [FILE...]]\n", argv[0]);
        return 2;
    }
    add_folder(argv[1]);
    for (int i = 3; i < argc; i++)
        add_input(argv[i]);
    if (input_count == 0) {
        fprintf(stderr, "%s: there is no input\n", argv[1]);
        return 1;
    }
    signal(SIGABRT, print_input);
    signal(SIGSEGV, print_input);
    for (size_t i = 0; i < input_count; i++) {
        current = inputs[i];
        run_current();
    }
    run_rounds(rounds);
    printf("%zu inputs, %lu mutations, seed %llu\n", input_count, rounds, (unsigned long long)seed);
    return 0;
}
