/* Fuzz: structs that begin with their size.
 *
 * What is no pointer may be anything; what a pointer shows to has to be there, so pointers are put
 * right.  Whoever adds a pointer to struct lg_pool_options adds it to fuzz_pool_options. */
#ifndef LG_TEST_FUZZ_SIZED_H
#define LG_TEST_FUZZ_SIZED_H

#include "fuzz.h"

#include <lifeguard/pool.h>
#include <lifeguard/pool_event.h>

#define FUZZ_SIZE_MOST 65536 /* a longer struct is refused by its size alone */

/* A struct of `known` bytes with its size in front, in memory of just that size: from the input, and
 * 0 from where that ends.  One that is too long for any version has no memory behind its size. */
static inline unsigned char *fuzz_struct(struct fuzz_input *input, uint32_t known)
{
    uint8_t kind = fuzz_byte(input);
    uint32_t word = fuzz_word(input);
    uint32_t size = kind < 128   ? known
                    : kind < 192 ? word % (2 * known)
                    : kind < 224 ? word % FUZZ_SIZE_MOST
                                 : word;
    size_t room = size <= FUZZ_SIZE_MOST ? size : sizeof size;
    room = room < sizeof size ? sizeof size : room;
    unsigned char *bytes = malloc(room);
    FUZZ_CHECK(bytes != NULL);
    fuzz_fill(input, bytes, room < 2 * known ? room : 2 * known);
    if (room > 2 * known)
        memset(bytes + 2 * known, 0, room - 2 * known);
    memcpy(bytes, &size, sizeof size);
    return bytes;
}

static inline uint32_t fuzz_struct_size(const unsigned char *bytes)
{
    uint32_t size;
    memcpy(&size, bytes, sizeof size);
    return size;
}

/* If the struct reaches that far, the field has this value. */
#define FUZZ_PUT(bytes, type, field, value)                                                        \
    do {                                                                                           \
        const void *value_ = (const void *)(uintptr_t)(value);                                     \
        uint32_t size_ = fuzz_struct_size(bytes);                                                  \
        if (size_ >= offsetof(type, field) + sizeof value_ && size_ <= FUZZ_SIZE_MOST)             \
            memcpy((bytes) + offsetof(type, field), &value_, sizeof value_);                       \
    } while (0)

/* The options of a pool with this name, this advice and whoever hears its events. */
static inline unsigned char *fuzz_pool_options(struct fuzz_input *input, const char *text,
                                               void (*hear)(void *, const struct lg_pool_event *))
{
    unsigned char *bytes = fuzz_struct(input, sizeof(struct lg_pool_options));
    FUZZ_PUT(bytes, struct lg_pool_options, name, text);
    FUZZ_PUT(bytes, struct lg_pool_options, advice, text);
    FUZZ_PUT(bytes, struct lg_pool_options, on_event, hear);
    return bytes;
}

#endif
