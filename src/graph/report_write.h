/* The three ways to write a report; lg_report_write chooses. */
#ifndef LG_GRAPH_REPORT_WRITE_H
#define LG_GRAPH_REPORT_WRITE_H

#include "plat/text.h"

#include <lifeguard/report.h>

void lg__report_text(struct lg__text *text, const struct lg_report *report);
void lg__report_json(struct lg__text *text, const struct lg_report *report);
void lg__report_dot(struct lg__text *text, const struct lg_report *report);

static inline uint32_t lg__report_listed(const struct lg_report *report)
{
    return report->member_count < LG_REPORT_MEMBERS ? report->member_count : LG_REPORT_MEMBERS;
}

static inline uint32_t lg__report_listed_holds(const struct lg_report_member *member)
{
    return member->hold_count < LG_REPORT_HOLDS ? member->hold_count : LG_REPORT_HOLDS;
}

static inline uint32_t lg__report_listed_wants(const struct lg_report_member *member)
{
    return member->want_count < LG_REPORT_WANTS ? member->want_count : LG_REPORT_WANTS;
}

#endif
