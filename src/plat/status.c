/* Status names, and the panic. */
#include <lifeguard/status.h>

#include "plat/leaf.h"
#include "plat/panic.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *lg_status_name(int status)
{
    switch (status) {
    case LG_OK:
        return "LG_OK";
#define STATUS_NAME(name, number, text)                                                            \
    case name:                                                                                     \
        return #name;
        LG_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    }
    return "LG_E?";
}

const char *lg_status_text(int status)
{
    switch (status) {
    case LG_OK:
        return "it worked";
#define STATUS_TEXT(name, number, text)                                                            \
    case name:                                                                                     \
        return text;
        LG_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "not a status of this library";
}

struct lg__raw_lock lg__leaf_lock;
static lg_panic_handler *current_handler; /* under lg__leaf_lock */
static void *current_arg;                 /* under lg__leaf_lock */

void lg_panic_set(lg_panic_handler *handler, void *arg)
{
    lg__raw_lock(&lg__leaf_lock);
    current_handler = handler;
    current_arg = arg;
    lg__raw_unlock(&lg__leaf_lock);
}

void lg__panic(const char *rule, const char *object)
{
    lg__raw_lock(&lg__leaf_lock);
    lg_panic_handler *handler = current_handler;
    void *arg = current_arg;
    lg__raw_unlock(&lg__leaf_lock);
    if (handler)
        handler(arg, rule, object);
    char line[256];
    int length = snprintf(line, sizeof line, "lifeguard: panic: %s: %s\n", object, rule);
    if (length >= (int)sizeof line)
        length = (int)sizeof line - 1;
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        abort();
    abort();
}
