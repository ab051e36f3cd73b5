#include "event.h"

#include "scenario.h"

#include <string.h>

const char *const event_names[EVENT_TYPES + 1] = {
    "ConnectionPoolCreated", "ConnectionPoolReady",       "ConnectionPoolCleared",
    "ConnectionPoolClosed",  "ConnectionCreated",         "ConnectionReady",
    "ConnectionClosed",      "ConnectionCheckOutStarted", "ConnectionCheckOutFailed",
    "ConnectionCheckedOut",  "ConnectionCheckedIn",       NULL};

static const enum lg_pool_event_type types[EVENT_TYPES] = {
    LG_EVENT_POOL_CREATED,    LG_EVENT_POOL_READY,       LG_EVENT_POOL_CLEARED,
    LG_EVENT_POOL_CLOSED,     LG_EVENT_RESOURCE_CREATED, LG_EVENT_RESOURCE_READY,
    LG_EVENT_RESOURCE_CLOSED, LG_EVENT_CHECKOUT_STARTED, LG_EVENT_CHECKOUT_FAILED,
    LG_EVENT_CHECKED_OUT,     LG_EVENT_CHECKED_IN,
};

size_t event_index(const struct lg_pool_event *event)
{
    size_t index = 0;
    while (index < EVENT_TYPES && types[index] != event->type)
        index++;
    return index;
}

void event_fill_options(struct lg_pool_options *options, const struct settings *settings)
{
    options->capacity = settings->max_size;
    options->min_size = settings->min_size;
    options->idle_timeout_ms = settings->idle_timeout_ms;
    options->opening_max = settings->opening_max;
    options->open_timeout_ms = settings->open_timeout_ms;
    options->period_ms = settings->period_ms;
}

/* What the pool says about an option, if the file gave it.  Where that is what the pool was told, it
 * is put as the file put it (0 for "unlimited"). */
static void echo(json_t *object, const struct settings *settings, const char *key, uint64_t said,
                 uint64_t told)
{
    json_t *given = json_object_get(settings->given, key);
    if (given && said == told)
        json_object_set(object, key, given);
    else if (given)
        json_object_set_new(object, key, json_integer((json_int_t)said));
}

static json_t *describe_options(const struct lg_pool_options *options,
                                const struct settings *settings)
{
    struct lg_pool_options told = LG_POOL_OPTIONS_INIT;
    json_t *object = json_object();
    event_fill_options(&told, settings);
    echo(object, settings, "maxPoolSize", options->capacity, told.capacity);
    echo(object, settings, "minPoolSize", options->min_size, told.min_size);
    echo(object, settings, "maxIdleTimeMS", options->idle_timeout_ms, told.idle_timeout_ms);
    echo(object, settings, "maxConnecting", options->opening_max, told.opening_max);
    /* These are no options of the pool, but of its calls and of this program. */
    echo(object, settings, "waitQueueTimeoutMS", 0, 0);
    echo(object, settings, "appName", 0, 0);
    return object;
}

static const char *closed_reason(enum lg_event_reason reason)
{
    switch (reason) {
    case LG_REASON_STALE:
        return "stale";
    case LG_REASON_IDLE:
        return "idle";
    case LG_REASON_POOL_CLOSED:
        return "poolClosed";
    case LG_REASON_ERROR:
    case LG_REASON_OPEN_FAILED:
        return "error";
    default:
        return "(a reason that the format does not have)";
    }
}

/* The format has three; a pool that is paused, or could not open, is "connectionError". */
static const char *failed_reason(const struct lg_pool_event *event)
{
    switch (event->status) {
    case LG_ETIMEDOUT:
        return "timeout";
    case LG_ECLOSED:
        return "poolClosed";
    default:
        return "connectionError";
    }
}

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

json_t *event_describe(const struct lg_pool_event *event, const struct settings *settings)
{
    json_t *object = json_object();
    json_t *ms = json_real((double)event->duration_ns / 1e6);
    set(object, "type", json_string(event_names[event_index(event)]));
    set(object, "address", json_string(event->pool));
    switch (event->type) {
    case LG_EVENT_POOL_CREATED:
        if (event->options)
            set(object, "options", describe_options(event->options, settings));
        break;
    case LG_EVENT_POOL_CLEARED:
        set(object, "interruptInUseConnections", json_boolean(event->is_interrupting));
        break;
    case LG_EVENT_RESOURCE_CLOSED:
        set(object, "reason", json_string(closed_reason(event->reason)));
        break;
    case LG_EVENT_RESOURCE_READY:
    case LG_EVENT_CHECKED_OUT:
        json_object_set(object, "duration", ms);
        break;
    case LG_EVENT_CHECKOUT_FAILED:
        json_object_set(object, "duration", ms);
        set(object, "reason", json_string(failed_reason(event)));
        break;
    default:
        break;
    }
    if (event->id > 0) {
        set(object, "connectionId", json_integer((json_int_t)event->id));
        set(object, "id", json_integer((json_int_t)event->id)); /* its name in older files */
    }
    json_decref(ms);
    return object;
}
