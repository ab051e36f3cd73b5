/* Reading poolOptions and failPoint. */
#include "scenario.h"

#include <string.h>

#define DEFAULT_MAX_SIZE        100
#define DEFAULT_OPEN_TIMEOUT_MS 30000 /* longer than any block of the official files */

static const char *const option_keys[] = {"maxPoolSize",      "minPoolSize",
                                          "maxIdleTimeMS",    "waitQueueTimeoutMS",
                                          "maxConnecting",    "backgroundThreadIntervalMS",
                                          "connectTimeoutMS", "appName",
                                          "socketTimeoutMS",  NULL};

static int64_t read_ms(const struct fields *fields, const char *key)
{
    return field_number(fields, key, 0, SCENARIO_MS_MAX, 0);
}

/* An open is one step here: the shorter of the two limits is its own. */
static uint64_t read_open_timeout(const struct fields *fields)
{
    uint64_t connect_ms = (uint64_t)read_ms(fields, "connectTimeoutMS");
    uint64_t socket_ms = (uint64_t)read_ms(fields, "socketTimeoutMS");
    uint64_t ms = connect_ms && (!socket_ms || connect_ms < socket_ms) ? connect_ms : socket_ms;
    return ms ? ms : DEFAULT_OPEN_TIMEOUT_MS;
}

static uint64_t read_period(const struct fields *fields)
{
    int64_t ms = field_number(fields, "backgroundThreadIntervalMS", INT32_MIN, SCENARIO_MS_MAX, 1);
    if (ms == 0)
        complain(fields->complaint, "%s: \"backgroundThreadIntervalMS\" must not be 0",
                 fields->where);
    if (!json_object_get(fields->object, "backgroundThreadIntervalMS"))
        return 0;
    return ms < 0 ? LG_PERIOD_NEVER : (uint64_t)ms;
}

void settings_read(struct settings *settings, json_t *options, struct complaint *complaint)
{
    *settings = (struct settings){
        .max_size = DEFAULT_MAX_SIZE,
        .open_timeout_ms = DEFAULT_OPEN_TIMEOUT_MS,
        .given = options,
    };
    if (!options)
        return;
    struct fields fields;
    fields_open(&fields, options, option_keys, complaint, "poolOptions");
    int64_t max_size =
        field_number(&fields, "maxPoolSize", 0, LG_POOL_CAPACITY_MAX, DEFAULT_MAX_SIZE);
    settings->max_size = max_size ? (uint32_t)max_size : LG_POOL_CAPACITY_MAX; /* 0: unlimited */
    settings->min_size = (uint32_t)field_number(&fields, "minPoolSize", 0, settings->max_size, 0);
    settings->opening_max =
        (uint32_t)field_number(&fields, "maxConnecting", 1, LG_POOL_CAPACITY_MAX, 0);
    settings->idle_timeout_ms = (uint64_t)read_ms(&fields, "maxIdleTimeMS");
    settings->wait_timeout_ms = (uint64_t)read_ms(&fields, "waitQueueTimeoutMS");
    settings->open_timeout_ms = read_open_timeout(&fields);
    settings->period_ms = read_period(&fields);
    field_text(&fields, "appName");
}

/* The only command that the mock's open stands for.  One that would hit another command would have
 * no effect, and a scenario that counts on it would test nothing. */
static void check_commands(const struct fields *data)
{
    static const char *const commands[] = {"isMaster", "ismaster", "hello", NULL};
    json_t *list = field_list(data, "failCommands");
    size_t index;
    const json_t *command;
    field_require(data, "failCommands");
    json_array_foreach(list, index, command)
    {
        if (json_is_string(command))
            field_choice(data, json_string_value(command), commands);
        else
            complain(data->complaint, "%s: failCommands[%zu] is no string", data->where, index);
    }
}

static void read_data(struct fail_point *fail_point, json_t *object, const char *application,
                      struct complaint *complaint)
{
    static const char *const keys[] = {
        "failCommands", "closeConnection", "errorCode",   "blockConnection",
        "blockTimeMS",  "appName",         "errorLabels", NULL};
    struct fields data;
    fields_open(&data, object, keys, complaint, "failPoint.data");
    check_commands(&data);
    field_list(&data, "errorLabels");
    bool is_blocking = field_truth(&data, "blockConnection", false);
    uint64_t block_ms = (uint64_t)read_ms(&data, "blockTimeMS");
    fail_point->block_ms = is_blocking ? block_ms : 0;
    fail_point->is_closing = field_truth(&data, "closeConnection", false);
    fail_point->error_code = field_number(&data, "errorCode", INT32_MIN, INT32_MAX, 0);
    const char *victim = field_text(&data, "appName");
    if (victim && (!application || strcmp(victim, application) != 0))
        complain(complaint, "failPoint.data: \"appName\" is not that of the poolOptions");
}

static uint64_t read_mode(const struct fields *fields)
{
    static const char *const modes[] = {"off", "alwaysOn", NULL};
    static const char *const keys[] = {"times", NULL};
    json_t *mode = json_object_get(fields->object, "mode");
    field_require(fields, "mode");
    if (json_is_string(mode))
        return field_choice(fields, json_string_value(mode), modes) ? UINT64_MAX : 0;
    struct fields times;
    fields_open(&times, mode, keys, fields->complaint, "failPoint.mode");
    field_require(&times, "times");
    return (uint64_t)field_number(&times, "times", 0, INT32_MAX, 0);
}

void fail_point_read(struct fail_point *fail_point, json_t *command, const char *application,
                     struct complaint *complaint)
{
    static const char *const keys[] = {"configureFailPoint", "mode", "data", NULL};
    static const char *const names[] = {"failCommand", NULL};
    *fail_point = (struct fail_point){0};
    if (!command)
        return;
    struct fields fields;
    fields_open(&fields, command, keys, complaint, "failPoint");
    field_require(&fields, "configureFailPoint");
    field_choice(&fields, field_text(&fields, "configureFailPoint"), names);
    fail_point->hits = read_mode(&fields);
    json_t *data = json_object_get(fields.object, "data");
    if (data || fail_point->hits > 0)
        read_data(fail_point, data, application, complaint);
}
