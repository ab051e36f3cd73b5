/* A report's public face: where it is, and writing it out. */
#include <lifeguard/report.h>

#include "graph/context.h"
#include "graph/report_write.h"

/* For who has none: NULL, and a thread that could get no context. */
static const struct lg_report none;

const struct lg_report *lg_report_last(void)
{
    struct lg_context *self = lg__context_self();
    return self ? lg__report_of(self) : &none;
}

static void add_report(struct lg__text *text, const struct lg_report *report,
                       enum lg_report_format format)
{
    if (!report)
        report = &none;
    switch (format) {
    case LG_REPORT_TEXT:
        lg__report_text(text, report);
        break;
    case LG_REPORT_JSON:
        lg__report_json(text, report);
        break;
    case LG_REPORT_DOT:
        lg__report_dot(text, report);
        break;
    }
}

size_t lg_report_write(const struct lg_report *report, enum lg_report_format format, char *buffer,
                       size_t size)
{
    struct lg__text text;
    lg__text_begin(&text, buffer, size);
    add_report(&text, report, format);
    return text.length;
}

int lg_report_print(const struct lg_report *report, enum lg_report_format format, int fd)
{
    char buffer[1024];
    struct lg__text text;
    lg__text_begin_fd(&text, buffer, sizeof buffer, fd);
    add_report(&text, report, format);
    return lg__text_flush(&text) ? LG_OK : LG_ESYS;
}

const char *lg_exhaustion_text(enum lg_exhaustion cause)
{
    switch (cause) {
    case LG_EXHAUSTION_NONE:
        return "not exhausted";
    case LG_EXHAUSTION_DEADLOCK:
        return "deadlock: those who hold it cannot go on";
    case LG_EXHAUSTION_OPENS_FAIL:
        return "opens fail";
    case LG_EXHAUSTION_LEAK:
        return "likely leak";
    case LG_EXHAUSTION_SLOW_HOLDERS:
        return "slow holders: nothing came back in the second half of the wait";
    case LG_EXHAUSTION_BACKLOG:
        return "backlog: what comes back goes to others ahead";
    case LG_EXHAUSTION_SUSPENDED:
        return "suspended: nothing is lent until lg_pool_resume()";
    case LG_EXHAUSTION_OPENS_HANG:
        return "opens hang";
    }
    return "unknown";
}
