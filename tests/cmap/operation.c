/* Reading the operations. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_EVENT_TIMEOUT_MS 10000

struct grammar {
    const char *known[6]; /* ends with NULL, as the next */
    const char *required[3];
    bool is_for_main; /* other threads must not */
};

static const char *const names[] = {"start",   "wait",  "waitForThread", "waitForEvent", "checkOut",
                                    "checkIn", "clear", "close",         "ready",        NULL};

static const struct grammar grammars[] = {
    [OPERATION_START] = {{"name", "thread", "target"}, {"target"}, true},
    [OPERATION_WAIT] = {{"name", "thread", "ms"}, {"ms"}, false},
    [OPERATION_WAIT_FOR_THREAD] = {{"name", "thread", "target"}, {"target"}, true},
    [OPERATION_WAIT_FOR_EVENT] = {{"name", "thread", "event", "count", "timeout"},
                                  {"event", "count"},
                                  false},
    [OPERATION_CHECK_OUT] = {{"name", "thread", "label"}, {NULL}, false},
    [OPERATION_CHECK_IN] = {{"name", "thread", "connection"}, {"connection"}, false},
    [OPERATION_CLEAR] = {{"name", "thread", "interruptInUseConnections"}, {NULL}, false},
    [OPERATION_CLOSE] = {{"name", "thread"}, {NULL}, false},
    [OPERATION_READY] = {{"name", "thread"}, {NULL}, false},
};

/* Which operation it is, before its other keys are looked at. */
static enum operation_name read_name(json_t *value, size_t index, struct complaint *complaint)
{
    struct fields fields = {.object = json_is_object(value) ? value : NULL, .complaint = complaint};
    snprintf(fields.where, sizeof fields.where, "operations[%zu]", index);
    if (!fields.object)
        complain(complaint, "%s: is no object", fields.where);
    field_require(&fields, "name");
    return (enum operation_name)field_choice(&fields, field_text(&fields, "name"), names);
}

static void read_operation(struct operation *operation, json_t *value, size_t index,
                           struct complaint *complaint)
{
    enum operation_name name = read_name(value, index, complaint);
    const struct grammar *grammar = &grammars[name];
    struct fields fields;
    fields_open(&fields, value, grammar->known, complaint, "operations[%zu] (%s)", index,
                names[name]);
    for (size_t i = 0; i < 3 && grammar->required[i]; i++)
        field_require(&fields, grammar->required[i]);
    *operation = (struct operation){
        .name = name,
        .index = index,
        .thread = field_text(&fields, "thread"),
        .target = field_text(&fields, "target"),
        .label = field_text(&fields, name == OPERATION_CHECK_IN ? "connection" : "label"),
        .event = field_choice(&fields, field_text(&fields, "event"), event_names),
        .count = (uint64_t)field_number(&fields, "count", 0, INT32_MAX, 0),
        .is_interrupting = field_truth(&fields, "interruptInUseConnections", false),
    };
    operation->ms = name == OPERATION_WAIT
                        ? (uint64_t)field_number(&fields, "ms", 0, SCENARIO_MS_MAX, 0)
                        : (uint64_t)field_number(&fields, "timeout", 0, SCENARIO_MS_MAX,
                                                 DEFAULT_EVENT_TIMEOUT_MS);
    if (operation->thread && grammar->is_for_main)
        complain(complaint, "%s: is for the main thread only", fields.where);
}

bool scenario_read_operations(struct scenario *scenario, json_t *list, struct complaint *complaint)
{
    scenario->operation_count = json_array_size(list);
    scenario->operations = calloc(scenario->operation_count + 1, sizeof *scenario->operations);
    if (!scenario->operations)
        return complain(complaint, "out of memory");
    for (size_t i = 0; i < scenario->operation_count; i++)
        read_operation(&scenario->operations[i], json_array_get(list, i), i, complaint);
    return is_content(complaint);
}
