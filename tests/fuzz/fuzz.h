/* Fuzz: what the targets share.
 *
 * A target is one file, NAME_fuzz.c, with the function that libFuzzer wants.  It takes any bytes, and
 * fails by FUZZ_CHECK, by a sanitizer or by an assertion of the library.  It leaves everything as it
 * was before, so that inputs do not depend on each other. */
#ifndef LG_TEST_FUZZ_H
#define LG_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* What is left of an input.  At its end everything is 0. */
struct fuzz_input {
    const uint8_t *data;
    size_t left;
};

static inline void fuzz_fill(struct fuzz_input *input, void *out, size_t size)
{
    size_t taken = size < input->left ? size : input->left;
    memset(out, 0, size);
    if (taken > 0)
        memcpy(out, input->data, taken);
    input->data += taken;
    input->left -= taken;
}

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
    uint8_t byte;
    fuzz_fill(input, &byte, 1);
    return byte;
}

static inline uint32_t fuzz_word(struct fuzz_input *input)
{
    uint32_t word;
    fuzz_fill(input, &word, sizeof word);
    return word;
}

/* Text up to the next 0 or line break, which is taken too; cut to size, always ended by 0. */
static inline void fuzz_text(struct fuzz_input *input, char *out, size_t size)
{
    size_t length = 0;
    while (input->left > 0) {
        char c = (char)fuzz_byte(input);
        if (c == 0 || c == '\n')
            break;
        if (length + 1 < size)
            out[length++] = c;
    }
    out[length] = 0;
}

#endif
