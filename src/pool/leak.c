/* Leaks: who is reported, and what is said. */
#include "pool/bias.h"

#include "graph/activity.h"
#include "plat/clock.h"
#include "plat/log.h"
#include "plat/memory.h"
#include "plat/text.h"
#include "pool/tick.h"

#include <stdio.h>
#include <string.h>

bool lg__leaks_create(struct lg_pool *pool, bool was_asked)
{
    bool may_report = pool->period_ns != LG_PERIOD_NEVER && pool->leak_after_ms != UINT32_MAX;
    if (!may_report || (!was_asked && !lg__keeper_is_needed(pool)))
        return true;
    pool->leaks = lg__reserve(LG_POOL_CAPACITY_MAX * sizeof *pool->leaks);
    return pool->leaks != NULL;
}

void lg__leaks_destroy(struct lg_pool *pool)
{
    lg__unmap(pool->leaks, LG_POOL_CAPACITY_MAX * sizeof *pool->leaks);
}

void lg__leaks_forget(struct lg_pool *pool)
{
    if (pool->leaks)
        memset(pool->leaks, 0, pool->extent * sizeof *pool->leaks);
}

/* What is read belongs to the loan if its tag is written down before (S3), or it is lent by bias, and the
 * loan is still out after. */
bool lg__leak_find(const struct lg_pool *pool, const struct lg__slot *slot, uint64_t now_ms,
                   struct lg__leak *out)
{
    struct lg__slot_view view = lg__slot_look(slot);
    uint32_t tag = lg__slot_tag(view.word);
    if (lg__slot_state(view.word) != LG__SLOT_LENT)
        return false;
    bool is_written = lg__slot_is_biased(lg__load_acquire(&slot->word)) ||
                      lg__load_acquire(&slot->holder_tag) == tag;
    *out = (struct lg__leak){
        .holder = view.holder,
        .place = lg__load_acquire(&slot->place), /* acquire: before the last look */
        .tag = tag,
        .since_ms = lg__load_acquire(&slot->since_ms),
        .id = lg__load_acquire(&slot->id),
    };
    return is_written && lg__age_ms(now_ms, out->since_ms) > pool->leak_after_ms &&
           lg__slot_is_of(lg__slot_look(slot).word, tag);
}

/* An owner's stores come in their order only after a barrier (B1), so a biased slot that looks overdue is
 * looked at again without its bias: the lease is out, its owner loses nothing by that. */
static bool find_surely(struct lg_pool *pool, struct lg__slot *slot, uint64_t now_ms,
                        struct lg__leak *out)
{
    if (!lg__leak_find(pool, slot, now_ms, out))
        return false;
    lg__bias_revoke_slot(pool, slot, false);
    return lg__leak_find(pool, slot, now_ms, out);
}

/* ---- What is said ------------------------------------------------------------------------------ */

#define FIELDS_MAX  11
#define NUMBER_SIZE 24

struct notice {
    struct lg_log_field fields[FIELDS_MAX];
    size_t field_count;
    char numbers[FIELDS_MAX][NUMBER_SIZE]; /* the values of those that are numbers */
    char holder[LG_NAME_SIZE];
    char taken[LG_PLACE_SIZE];
    char buffer[600];
    struct lg__text text;
};

static void add_field(struct notice *notice, const char *key, const char *value)
{
    assert(notice->field_count < FIELDS_MAX);
    notice->fields[notice->field_count++] = (struct lg_log_field){key, value};
}

static void add_number(struct notice *notice, const char *key, uint64_t number)
{
    char *value = notice->numbers[notice->field_count];
    snprintf(value, NUMBER_SIZE, "%llu", (unsigned long long)number);
    add_field(notice, key, value);
}

static void add_time(struct lg__text *text, uint64_t ms)
{
    bool is_long = ms >= 1000;
    lg__text_addf(text, "%llu %s", (unsigned long long)(is_long ? ms / 1000 : ms),
                  is_long ? "s" : "ms");
}

static void say(struct notice *notice, enum lg_log_level level, const char *code)
{
    lg__log(level, code, notice->fields, notice->field_count, notice->buffer);
}

static void begin_notice(struct notice *notice, const struct lg_pool *pool)
{
    notice->field_count = 0;
    lg__text_begin(&notice->text, notice->buffer, sizeof notice->buffer);
    add_field(notice, "pool", pool->name);
}

/* Which lease it is. */
static void add_lease(struct notice *notice, const struct lg_pool *pool,
                      const struct lg__leak *leak, uint64_t held_ms)
{
    struct lg__text *text = &notice->text;
    lg__context_copy_name(leak->holder, notice->holder);
    lg__copy_place(notice->taken, sizeof notice->taken, leak->place);
    lg__text_add(text, "a lease of pool \"");
    lg__text_add_plain(text, pool->name);
    lg__text_addf(text, "\" (resource #%u) held by ", leak->id);
    lg__text_add_plain(text, notice->holder);
    lg__text_add(text, ", taken at ");
    lg__text_add_plain(text, notice->taken[0] ? notice->taken : "(unknown)");
    add_number(notice, "resource", leak->id);
    add_number(notice, "slot", (uint64_t)(leak - pool->leaks));
    add_field(notice, "holder", notice->holder);
    add_field(notice, "taken", notice->taken);
    add_number(notice, "held_ms", held_ms);
}

static void add_wait(struct notice *notice, const struct lg__activity *activity)
{
    struct lg__text *text = &notice->text;
    lg__text_addf(text, "; its holder waits for %s ", activity->noun);
    lg__text_add(text, activity->name[0] ? "\"" : "");
    lg__text_add_plain(text, activity->name[0] ? activity->name : "(unnamed)");
    lg__text_add(text, activity->name[0] ? "\" at " : " at ");
    lg__text_add_plain(text, activity->place[0] ? activity->place : "(unknown)");
    lg__text_add(text, " since ");
    add_time(text, activity->waited_ms);
    add_field(notice, "state", "waits");
    add_field(notice, "waits_noun", activity->noun);
    add_field(notice, "waits_name", activity->name);
    add_field(notice, "waits_place", activity->place);
    add_number(notice, "waited_ms", activity->waited_ms);
}

/* What its holder does now.  The activity lives as long as the notice: fields point to it. */
static void add_activity(struct notice *notice, const struct lg__activity *activity)
{
    switch (activity->kind) {
    case LG__ACTIVITY_WAITS:
        add_wait(notice, activity);
        return;
    case LG__ACTIVITY_RUNS:
        lg__text_addf(&notice->text, "; its holder runs (thread %d)", (int)activity->thread);
        add_field(notice, "state", "runs");
        add_number(notice, "thread", (uint64_t)activity->thread);
        return;
    case LG__ACTIVITY_PARKED:
        lg__text_add(&notice->text, "; its holder is detached from its thread");
        add_field(notice, "state", "parked");
        return;
    case LG__ACTIVITY_ENDED:
        lg__text_add(&notice->text, "; its holder has ended");
        add_field(notice, "state", "ended");
        return;
    }
}

static void say_leak(struct lg_pool *pool, const struct lg__leak *leak, uint64_t now_ms)
{
    struct notice notice;
    struct lg__activity activity;
    uint64_t held_ms = lg__age_ms(now_ms, leak->since_ms);
    if (!lg__log_is_wanted(LG_LOG_WARN))
        return;
    begin_notice(&notice, pool);
    add_lease(&notice, pool, leak, held_ms);
    lg__text_add(&notice.text, ", has been out for ");
    add_time(&notice.text, held_ms);
    if (leak->holder == 0) {
        add_field(&notice, "state", "detached");
    } else if (lg__load_relaxed(&pool->is_unowned)) {
        lg__text_add(&notice.text, "; who uses it now is not known");
        add_field(&notice, "state", "unknown");
    } else {
        lg__activity_read(leak->holder, &activity);
        add_activity(&notice, &activity);
    }
    say(&notice, LG_LOG_WARN, "leak");
}

static void say_returned(const struct lg_pool *pool, const struct lg__leak *leak, uint64_t now_ms)
{
    struct notice notice;
    uint64_t held_ms = lg__age_ms(now_ms, leak->since_ms);
    if (!lg__log_is_wanted(LG_LOG_INFO))
        return;
    begin_notice(&notice, pool);
    add_lease(&notice, pool, leak, held_ms);
    lg__text_add(&notice.text, ", is back after ");
    add_time(&notice.text, held_ms);
    say(&notice, LG_LOG_INFO, "leak-returned");
}

static void say_more(const struct lg_pool *pool, uint32_t count)
{
    struct notice notice;
    begin_notice(&notice, pool);
    lg__text_addf(&notice.text, "and %u more leases of pool \"", count);
    lg__text_add_plain(&notice.text, pool->name);
    lg__text_add(&notice.text, "\" have been out for too long: the next passes name them");
    add_number(&notice, "count", count);
    say(&notice, LG_LOG_WARN, "leak-more");
}

/* ---- The pass ---------------------------------------------------------------------------------- */

static void check_return(const struct lg_pool *pool, const struct lg__slot *slot,
                         struct lg__leak *leak, uint64_t now_ms)
{
    if (!leak->is_reported || lg__slot_is_of(lg__slot_look(slot).word, leak->tag))
        return;
    leak->is_reported = false;
    say_returned(pool, leak, now_ms);
}

void lg__leaks_report(struct lg_pool *pool)
{
    uint64_t now_ms = lg__now_ns() / 1000000;
    uint32_t said = 0, left = 0;
    for (uint32_t i = 0; pool->leaks && i < lg__pool_extent(pool); i++) {
        struct lg__leak *leak = &pool->leaks[i];
        struct lg__leak found;
        check_return(pool, &pool->slots[i], leak, now_ms);
        if (leak->is_reported || !find_surely(pool, &pool->slots[i], now_ms, &found))
            continue;
        if (said == LG__LEAKS_A_PASS) {
            left++;
            continue;
        }
        said++;
        *leak = found;
        leak->is_reported = true;
        lg__add_relaxed(&pool->stats.leaks_reported, (uint64_t)1);
        say_leak(pool, leak, now_ms);
    }
    if (left > 0)
        say_more(pool, left);
}
