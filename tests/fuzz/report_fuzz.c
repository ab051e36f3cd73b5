/* Reports of any names: text of whole lines, valid JSON and valid DOT, in any room. */
#include "fuzz.h"

#include "support/dot.h"
#include "support/json.h"

#include <lifeguard/report.h>

#define TEXT_SIZE 65536

static char whole[TEXT_SIZE], part[TEXT_SIZE];

static void fill_member(struct fuzz_input *input, struct lg_report_member *member)
{
    fuzz_text(input, member->context, sizeof member->context);
    fuzz_text(input, member->waits_noun, sizeof member->waits_noun);
    fuzz_text(input, member->waits_name, sizeof member->waits_name);
    fuzz_text(input, member->waits_place, sizeof member->waits_place);
    member->hold_count = fuzz_byte(input) % 8;
    member->need = fuzz_byte(input) % 3;
    member->waited_ms = fuzz_word(input);
    for (uint32_t i = 0; i < LG_REPORT_HOLDS && i < member->hold_count; i++) {
        struct lg_report_hold *hold = &member->holds[i];
        fuzz_text(input, hold->name, sizeof hold->name);
        fuzz_text(input, hold->place, sizeof hold->place);
        hold->unit = fuzz_byte(input) % 2 ? LG_NO_UNIT : fuzz_word(input);
        hold->units = fuzz_word(input);
        hold->age_ms = fuzz_word(input);
    }
}

static void fill_report(struct fuzz_input *input, struct lg_report *report)
{
    memset(report, 0, sizeof *report);
    report->kind = (enum lg_report_kind)(fuzz_byte(input) % (LG_REPORT_BROKEN + 1));
    report->cause = (enum lg_exhaustion)(fuzz_byte(input) % (LG_EXHAUSTION_OPENS_HANG + 1));
    report->member_count = fuzz_byte(input) % (LG_REPORT_MEMBERS + 4);
    fuzz_text(input, report->noun, sizeof report->noun);
    fuzz_text(input, report->name, sizeof report->name);
    fuzz_text(input, report->closer, sizeof report->closer);
    fuzz_text(input, report->place, sizeof report->place);
    fuzz_text(input, report->victim, sizeof report->victim);
    fuzz_text(input, report->detail, sizeof report->detail);
    report->capacity = fuzz_word(input);
    report->held = fuzz_word(input);
    report->minimum = fuzz_word(input);
    report->users = fuzz_word(input);
    report->waiting = fuzz_word(input);
    report->oldest_ms = fuzz_word(input);
    report->found_ns = fuzz_word(input);
    report->waited_ms = fuzz_word(input);
    for (uint32_t i = 0; i < LG_REPORT_MEMBERS && i < report->member_count; i++)
        fill_member(input, &report->members[i]);
}

/* In less room it is the same, cut. */
static void check_part(const struct lg_report *report, enum lg_report_format format, size_t length,
                       size_t room)
{
    memset(part, 0x55, sizeof part);
    FUZZ_CHECK(lg_report_write(report, format, part, room) == length);
    size_t fits = room == 0 ? 0 : length < room ? length : room - 1;
    FUZZ_CHECK(memcmp(part, whole, fits) == 0);
    FUZZ_CHECK(room == 0 || part[fits] == 0);
    FUZZ_CHECK(part[room] == 0x55);
}

/* Names cannot make lines of their own, nor tell a terminal what to do. */
static void check_text(void)
{
    unsigned lines = 0;
    for (const unsigned char *s = (const unsigned char *)whole; *s; s++) {
        FUZZ_CHECK((*s >= 0x20 && *s != 0x7f) || *s == '\n');
        lines += *s == '\n';
    }
    FUZZ_CHECK(lines <= 1 + 2 + LG_REPORT_MEMBERS + 1 + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum lg_report_format formats[] = {LG_REPORT_TEXT, LG_REPORT_JSON, LG_REPORT_DOT};
    struct fuzz_input input = {data, size};
    static struct lg_report report;
    uint32_t room = (fuzz_byte(&input) | (uint32_t)fuzz_byte(&input) << 8) % (TEXT_SIZE / 2);
    fill_report(&input, &report);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        size_t length = lg_report_write(&report, formats[i], whole, sizeof whole);
        FUZZ_CHECK(length < sizeof whole && strlen(whole) == length && length > 0);
        FUZZ_CHECK(whole[length - 1] == '\n');
        FUZZ_CHECK(formats[i] != LG_REPORT_JSON || json_is_valid(whole));
        FUZZ_CHECK(formats[i] != LG_REPORT_DOT || dot_is_valid(whole));
        if (formats[i] == LG_REPORT_TEXT)
            check_text();
        check_part(&report, formats[i], length, room);
    }
    return 0;
}
