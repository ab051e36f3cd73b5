#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All of an open file.  -1: the complaint says why. */
static ssize_t read_all(int fd, char *buffer, size_t size, struct complaint *complaint)
{
    size_t length = 0;
    for (;;) {
        ssize_t got = read(fd, buffer + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            complain(complaint, "cannot be read: %s", strerror(errno));
            return -1;
        }
        length += (size_t)got;
        if (got == 0)
            return (ssize_t)length;
        if (length == size) {
            complain(complaint, "is over %u bytes long", SCENARIO_FILE_MAX);
            return -1;
        }
    }
}

static json_t *parse(const char *buffer, size_t length, struct complaint *complaint)
{
    json_error_t error;
    json_t *root = json_loadb(buffer, length, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        complain(complaint, "line %d, column %d: %s", error.line, error.column, error.text);
    return root;
}

/* Without waiting for whoever would write to it, if it is no file at all. */
static json_t *load(const char *path, struct complaint *complaint)
{
    struct stat about;
    json_t *root = NULL;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        complain(complaint, "cannot be opened: %s", strerror(errno));
        return NULL;
    }
    char *buffer = malloc(SCENARIO_FILE_MAX + 1);
    if (!buffer) {
        complain(complaint, "out of memory");
    } else if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        complain(complaint, "is no regular file");
    } else {
        ssize_t length = read_all(fd, buffer, SCENARIO_FILE_MAX + 1, complaint);
        if (length >= 0)
            root = parse(buffer, (size_t)length, complaint);
    }
    free(buffer);
    close(fd);
    return root;
}

static void check_error(json_t *error, struct complaint *complaint)
{
    static const char *const keys[] = {"type", "message", "address", NULL};
    struct fields fields;
    if (error)
        fields_open(&fields, error, keys, complaint, "error");
}

/* Expected values may be of any type (42), so only the keys and the names are checked here. */
static void check_events(json_t *events, struct complaint *complaint)
{
    static const char *const keys[] = {
        "type",   "address",  "connectionId", "id",
        "reason", "duration", "options",      "interruptInUseConnections",
        NULL};
    size_t index;
    json_t *event;
    json_array_foreach(events, index, event)
    {
        struct fields fields;
        fields_open(&fields, event, keys, complaint, "events[%zu]", index);
        field_require(&fields, "type");
        field_choice(&fields, field_text(&fields, "type"), event_names);
    }
}

static void read_ignored(struct scenario *scenario, const struct fields *fields)
{
    json_t *list = field_list(fields, "ignore");
    size_t index;
    const json_t *name;
    json_array_foreach(list, index, name)
    {
        if (json_is_string(name))
            scenario->is_ignored[field_choice(fields, json_string_value(name), event_names)] = true;
        else
            complain(fields->complaint, "ignore[%zu]: is no string", index);
    }
}

static void check_head(const struct fields *fields)
{
    static const char *const styles[] = {"unit", "integration", NULL};
    field_number(fields, "version", 1, 1, 1); /* first: another version may have other keys */
    field_require(fields, "version");
    field_require(fields, "style");
    field_require(fields, "description");
    field_require(fields, "operations");
    field_choice(fields, field_text(fields, "style"), styles);
    field_list(fields, "runOn"); /* servers and topologies: there are none here */
}

static bool read_root(struct scenario *scenario, struct complaint *complaint)
{
    static const char *const keys[] = {"version",    "style",     "description", "poolOptions",
                                       "operations", "error",     "events",      "ignore",
                                       "runOn",      "failPoint", NULL};
    struct fields fields;
    fields_open(&fields, scenario->root, keys, complaint, "the file");
    check_head(&fields);
    scenario->description = field_text(&fields, "description");
    json_t *options = field_object(&fields, "poolOptions");
    settings_read(&scenario->settings, options, complaint);
    fail_point_read(&scenario->fail_point, field_object(&fields, "failPoint"),
                    json_string_value(json_object_get(options, "appName")), complaint);
    scenario->error = field_object(&fields, "error");
    scenario->events = field_list(&fields, "events");
    check_error(scenario->error, complaint);
    check_events(scenario->events, complaint);
    read_ignored(scenario, &fields);
    return scenario_read_operations(scenario, field_list(&fields, "operations"), complaint);
}

bool scenario_read(struct scenario *scenario, const char *path, struct complaint *complaint)
{
    *scenario = (struct scenario){.root = load(path, complaint)};
    if (!scenario->root)
        return false;
    if (read_root(scenario, complaint))
        return true;
    scenario_free(scenario);
    return false;
}

void scenario_free(struct scenario *scenario)
{
    free(scenario->operations);
    json_decref(scenario->root);
    *scenario = (struct scenario){0};
}
