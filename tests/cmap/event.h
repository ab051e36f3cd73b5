/* Event: what the pool reports, in the names of the format. */
#ifndef LG_CMAP_EVENT_H
#define LG_CMAP_EVENT_H

#include <jansson.h>
#include <lifeguard/pool.h>
#include <stddef.h>

#define EVENT_TYPES   11
#define EVENT_ADDRESS "mock.invalid:27017" /* the pool's name: there is no server */

/* Ends with NULL. */
extern const char *const event_names[EVENT_TYPES + 1];

struct settings;

/* An index of event_names; EVENT_TYPES if the pool has invented one. */
size_t event_index(const struct lg_pool_event *event);

/* The event as an object.  NULL: out of memory. */
json_t *event_describe(const struct lg_pool_event *event, const struct settings *settings);

/* poolOptions for the pool, and back. */
void event_fill_options(struct lg_pool_options *options, const struct settings *settings);

#endif
