/* Scenario: one file of the format "cmap", read and checked before anything of it is run. */
#ifndef LG_CMAP_SCENARIO_H
#define LG_CMAP_SCENARIO_H

#include "event.h"
#include "fields.h"

#define SCENARIO_FILE_MAX    (1u << 20)
#define SCENARIO_THREADS_MAX 64
#define SCENARIO_MS_MAX      3600000 /* of any time in a file */

/* The order is that of the names in operation.c. */
enum operation_name {
    OPERATION_START,
    OPERATION_WAIT,
    OPERATION_WAIT_FOR_THREAD,
    OPERATION_WAIT_FOR_EVENT,
    OPERATION_CHECK_OUT,
    OPERATION_CHECK_IN,
    OPERATION_CLEAR,
    OPERATION_CLOSE,
    OPERATION_READY
};

struct operation {
    enum operation_name name;
    size_t index;         /* its place in the file */
    const char *thread;   /* NULL: the main thread */
    const char *target;   /* the thread of start and waitForThread */
    const char *label;    /* of checkOut (NULL: none) and checkIn */
    size_t event;         /* of waitForEvent: an index of event_names */
    uint64_t count;       /* of waitForEvent */
    uint64_t ms;          /* of wait; how long waitForEvent waits */
    bool is_interrupting; /* of clear */
};

/* What a server would do to the first command on a connection. */
struct fail_point {
    uint64_t hits; /* so many commands are hit; UINT64_MAX: all */
    uint64_t block_ms;
    bool is_closing;    /* the connection is lost */
    int64_t error_code; /* 0: no error is returned */
};

struct settings {
    uint32_t max_size;
    uint32_t min_size;
    uint32_t opening_max;     /* 0: the pool's default */
    uint64_t idle_timeout_ms; /* 0: none */
    uint64_t wait_timeout_ms; /* 0: none */
    uint64_t open_timeout_ms;
    uint64_t period_ms; /* 0: the pool's default; LG_PERIOD_NEVER */
    json_t *given;      /* poolOptions as they are in the file; NULL: none */
};

struct scenario {
    const char *description;
    struct settings settings;
    struct fail_point fail_point;
    struct operation *operations;
    size_t operation_count;
    json_t *error;  /* expected; NULL: none */
    json_t *events; /* expected; NULL: any */
    bool is_ignored[EVENT_TYPES];
    json_t *root; /* owns all texts and values above */
};

/* Read a file.  False: the complaint says why; there is nothing to free. */
bool scenario_read(struct scenario *scenario, const char *path, struct complaint *complaint);
void scenario_free(struct scenario *scenario);

/* operation.c: read and check the operations. */
bool scenario_read_operations(struct scenario *scenario, json_t *list, struct complaint *complaint);
/* settings.c: read poolOptions, then failPoint, which asks for the appName of the former. */
void settings_read(struct settings *settings, json_t *options, struct complaint *complaint);
void fail_point_read(struct fail_point *fail_point, json_t *command, const char *application,
                     struct complaint *complaint);

#endif
