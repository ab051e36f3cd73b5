/* A trace as JSON: the Trace Event Format, one lane a context.
 *
 * Slices of a lane must nest, and what a thread holds need not: if something is let go below something that is
 * still held, what is above it ends too and begins again at the same time. */
#include "observe/arrows.h"
#include "observe/file.h"
#include "observe/trace.h"

#include "plat/memory.h"
#include "plat/text.h"

#include <stdio.h>
#include <unistd.h>

#define BUFFER_SIZE 65536
#define SLICES_MAX  (LG__HELD_MAX + 1) /* what is held, and a wait */

struct slice {
    uint64_t object; /* 0: a wait */
    uint64_t place;
    uint32_t name;
};

struct writer {
    struct lg__text text;
    struct lg__trace_time start, now;
    struct lg__trace_copy copy;
    struct lg__arrows arrows; /* that begin in any lane */
    int pid;
    uint32_t lanes;
    bool has_event;
    /* Of the lane: */
    uint64_t context; /* 0: not begun */
    uint64_t thread;
    uint64_t last_ns;
    uint32_t slice_count;
    struct slice slices[SLICES_MAX];
};

static uint64_t ns_of(const struct writer *writer, uint64_t ticks)
{
    const struct lg__trace_time *start = &writer->start, *now = &writer->now;
    if (ticks <= start->ticks || now->ticks <= start->ticks)
        return 0;
    double speed = (double)(now->ns - start->ns) / (double)(now->ticks - start->ticks);
    return (uint64_t)((double)(ticks - start->ticks) * speed);
}

/* {"ph":PH,"pid":PID,"tid":LANE,"ts":NOW and no end yet. */
static void begin_event(struct writer *writer, const char *phase)
{
    struct lg__text *text = &writer->text;
    lg__text_add(text, writer->has_event ? ",\n{" : "\n{");
    writer->has_event = true;
    lg__json_string(text, "ph", phase);
    lg__json_number(text, "pid", (uint64_t)writer->pid);
    lg__json_number(text, "tid", writer->lanes);
    lg__json_key(text, "ts");
    lg__text_addf(text, "%llu.%03u", (unsigned long long)(writer->last_ns / 1000),
                  (unsigned)(writer->last_ns % 1000));
}

static void end_event(struct writer *writer)
{
    lg__text_add(&writer->text, "}");
}

static void add_place(struct writer *writer, uint64_t place)
{
    char copy[LG_PLACE_SIZE];
    lg__copy_place(copy, sizeof copy, (const char *)(uintptr_t)place);
    lg__json_key(&writer->text, "args");
    lg__text_add(&writer->text, "{");
    lg__json_string(&writer->text, "place", copy);
    lg__text_add(&writer->text, "}");
}

static void begin_slice(struct writer *writer, const struct slice *slice)
{
    const struct lg__trace_name *name =
        slice->name > 0 ? &writer->copy.ring->names[slice->name - 1] : NULL;
    char label[96];
    snprintf(label, sizeof label, "%s %s %s", slice->object ? "holds" : "waits for",
             name ? name->noun : "something", name ? name->name : "");
    begin_event(writer, "B");
    lg__json_string(&writer->text, "cat", slice->object ? "hold" : "wait");
    lg__json_string(&writer->text, "name", label);
    add_place(writer, slice->place);
    end_event(writer);
}

static void push_slice(struct writer *writer, struct slice slice)
{
    if (writer->slice_count == SLICES_MAX)
        return;
    writer->slices[writer->slice_count++] = slice;
    begin_slice(writer, &slice);
}

static void end_slice(struct writer *writer)
{
    begin_event(writer, "E");
    end_event(writer);
}

/* Index + 1 of the latest slice of an object; 0: its beginning was overwritten, or left out. */
static uint32_t find_slice(const struct writer *writer, uint64_t object)
{
    uint32_t i = writer->slice_count;
    while (i > 0 && writer->slices[i - 1].object != object)
        i--;
    return i;
}

static void pop_slice(struct writer *writer, uint64_t object)
{
    uint32_t i = find_slice(writer, object);
    if (i == 0)
        return;
    for (uint32_t above = i; above <= writer->slice_count; above++)
        end_slice(writer);
    writer->slice_count--;
    for (; i <= writer->slice_count; i++) {
        writer->slices[i - 1] = writer->slices[i];
        begin_slice(writer, &writer->slices[i - 1]);
    }
}

/* An arrow's number, the same at both of its ends, and no other arrow's.  Contexts differ in their low bits alone, so
 * they are mixed as well before the number is cut to what a double holds. */
static uint64_t number_of_arrow(uint64_t context, uint64_t word)
{
    uint64_t id =
        context * 0xd6e8feb86659fd93ull + (word >> LG__WAIT_STATE_BITS) * 0x9e3779b97f4a7c15ull;
    return (id ^ id >> 32) * 0xd6e8feb86659fd93ull >> 12;
}

static void add_arrow(struct writer *writer, const char *phase, uint64_t number)
{
    begin_event(writer, phase);
    lg__json_string(&writer->text, "cat", "wake");
    lg__json_string(&writer->text, "name", "wake");
    lg__json_number(&writer->text, "id", number);
    if (phase[0] == 'f')
        lg__json_string(&writer->text, "bp", "e");
    end_event(writer);
}

/* An arrow begins in a slice: a short one of its own. */
static void add_wake(struct writer *writer, const struct lg__trace_event *event)
{
    begin_event(writer, "B");
    lg__json_string(&writer->text, "cat", "wake");
    lg__json_string(&writer->text, "name", "wakes");
    end_event(writer);
    add_arrow(writer, "s", number_of_arrow(event->object, event->extra));
    end_slice(writer);
}

/* An arrow ends in a slice, and where one has begun, or nowhere. */
static void add_woken(struct writer *writer, const struct lg__trace_event *event)
{
    uint64_t number = number_of_arrow(writer->context, event->extra);
    if (find_slice(writer, 0) > 0 && lg__arrows_have(&writer->arrows, number))
        add_arrow(writer, "f", number);
}

/* The lane's context goes: end what is open, and say its name. */
static void end_lane(struct writer *writer, const char *own_name)
{
    char name[LG_NAME_SIZE];
    if (writer->context == 0)
        return;
    while (writer->slice_count > 0) {
        end_slice(writer);
        writer->slice_count--;
    }
    if (own_name)
        lg__copy_name(name, sizeof name, own_name);
    else if (lg__context_is_alive(writer->context))
        lg__context_copy_name(writer->context, name);
    else
        snprintf(name, sizeof name, "thread-%llu", (unsigned long long)writer->thread);
    begin_event(writer, "M");
    lg__json_string(&writer->text, "name", "thread_name");
    lg__json_key(&writer->text, "args");
    lg__text_add(&writer->text, "{");
    lg__json_string(&writer->text, "name", name);
    lg__text_add(&writer->text, "}");
    end_event(writer);
    writer->context = 0;
}

static void begin_lane(struct writer *writer, uint64_t context, uint64_t thread)
{
    writer->lanes++;
    writer->context = context;
    writer->thread = thread;
    writer->slice_count = 0;
}

static void add_event(struct writer *writer, const struct lg__trace_event *event)
{
    uint64_t ns = ns_of(writer, event->ticks);
    writer->last_ns = ns > writer->last_ns ? ns : writer->last_ns;
    switch (event->kind) {
    case LG__TRACE_BEGIN:
        end_lane(writer, NULL);
        begin_lane(writer, event->object, event->extra);
        break;
    case LG__TRACE_END:
        end_lane(writer, event->name > 0 ? writer->copy.ring->names[event->name - 1].name : NULL);
        break;
    case LG__TRACE_TAKEN:
        push_slice(writer, (struct slice){event->object, event->extra, event->name});
        break;
    case LG__TRACE_RELEASED:
        pop_slice(writer, event->object);
        break;
    case LG__TRACE_WAITS:
        push_slice(writer, (struct slice){0, event->extra, event->name});
        break;
    case LG__TRACE_WAITED:
        add_woken(writer, event);
        pop_slice(writer, 0);
        break;
    case LG__TRACE_WOKE:
        add_wake(writer, event);
        break;
    }
}

/* A ring's events.  If its beginning was overwritten, the lane is that of who has the ring now. */
static void add_ring(struct writer *writer, struct lg__trace_ring *ring)
{
    lg__trace_copy(&writer->copy, ring);
    (void)lg__load_acquire(&ring->name_count); /* the names of all events that were seen */
    writer->last_ns = 0;
    writer->context = 0;
    if (writer->copy.count > 0 && writer->copy.events[0].kind != LG__TRACE_BEGIN)
        begin_lane(writer, writer->copy.owner, writer->copy.thread);
    for (uint32_t i = 0; i < writer->copy.count; i++)
        add_event(writer, &writer->copy.events[i]);
    end_lane(writer, NULL);
}

/* Before the events are written: a wait may be in an earlier ring than who ended it. */
static bool find_arrows(struct writer *writer)
{
    bool is_found = true;
    for (struct lg__trace_ring *ring = lg__trace_rings(); ring && is_found; ring = ring->older) {
        lg__trace_copy(&writer->copy, ring);
        for (uint32_t i = 0; i < writer->copy.count && is_found; i++) {
            const struct lg__trace_event *event = &writer->copy.events[i];
            is_found =
                event->kind != LG__TRACE_WOKE ||
                lg__arrows_add(&writer->arrows, number_of_arrow(event->object, event->extra));
        }
    }
    return is_found;
}

static void add_all(struct writer *writer)
{
    lg__text_add(&writer->text, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    for (struct lg__trace_ring *ring = lg__trace_rings(); ring; ring = ring->older)
        add_ring(writer, ring);
    lg__text_add(&writer->text, "\n]}\n");
}

static int write_claimed(int fd)
{
    struct writer writer = {
        .start = lg__trace_start_time(), .now = lg__trace_now(), .pid = (int)getpid()};
    char *buffer = lg__alloc(BUFFER_SIZE);
    writer.copy.events = lg__alloc(LG_TRACE_EVENTS * sizeof *writer.copy.events);
    int status = buffer && writer.copy.events && find_arrows(&writer) ? LG_OK : LG_ENOMEM;
    if (status == LG_OK) {
        lg__text_begin_fd(&writer.text, buffer, BUFFER_SIZE, fd);
        add_all(&writer);
        status = lg__text_flush(&writer.text) ? LG_OK : LG_ESYS;
    }
    lg__arrows_free(&writer.arrows);
    lg__free(writer.copy.events);
    lg__free(buffer);
    return status;
}

int lg_trace_write_fd(int fd)
{
    if (fd < 0)
        return LG_EINVAL;
    if (!lg__trace_claim())
        return LG_EBUSY;
    int status = write_claimed(fd);
    lg__trace_unclaim();
    return status;
}

static int write_to(void *arg, int fd)
{
    (void)arg;
    return lg_trace_write_fd(fd);
}

int lg_trace_write(const char *path)
{
    return lg__file_replace(path, write_to, NULL);
}
