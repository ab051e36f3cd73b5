/* What the library said to a fuzz target: the last event, and how many there were. */
#ifndef LG_TEST_HEARD_H
#define LG_TEST_HEARD_H

#include "fuzz.h"

#include <lifeguard/log.h>

struct heard {
    unsigned count;
    char code[32];
    char text[256];
};

/* A log callback; the argument is a struct heard. */
static inline void hear(void *arg, const struct lg_log_event *event)
{
    struct heard *heard = (struct heard *)arg;
    FUZZ_CHECK(strlen(event->text) < sizeof heard->text);
    heard->count++;
    snprintf(heard->code, sizeof heard->code, "%s", event->code);
    snprintf(heard->text, sizeof heard->text, "%s", event->text);
}

#endif
