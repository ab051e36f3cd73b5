/* Story: the journal of a run that has failed, kept by the campaign, and what matters in it. */
#ifndef LG_EXPLORE_STORY_H
#define LG_EXPLORE_STORY_H

#include "explore/journal.h"

#define LG__STORY_MAX 4096 /* entries that are looked at */
#define LG__NO_ENTRY  UINT32_MAX

enum lg__pair_kind {
    LG__PAIR_NONE,   /* no order of two events was found that decides */
    LG__PAIR_ORDER,  /* the other way round the program ends well: it was tried */
    LG__PAIR_ABSENT, /* the same; the second had not come when the run failed */
    LG__PAIR_RACE    /* nothing orders the two, whoever comes first */
};

struct lg__story {
    struct lg__entry *entries;
    uint32_t count;
    struct lg__switch *switches;
    uint32_t switch_count;
    enum lg__finding finding;
    enum lg__pair_kind kind;
    uint32_t pair[2]; /* places of the two entries; LG__NO_ENTRY */
    uint32_t tried;   /* other orders */
};

/* Two entries whose order may matter. */
struct lg__rivals {
    uint32_t first;
    uint32_t second;
    uint32_t rank; /* the smaller, the sooner it is tried */
};

/* Take from the journal of the last run what a story needs: its entries, of which one more may be added. */
void lg__story_select(struct lg__story *story);

/* Whether two entries touch the same thing, and not both only to read it. */
bool lg__story_are_rivals(const struct lg__entry *a, const struct lg__entry *b);

/* Whether the entry is the last of a thread that could not go on, or stood before it, when all was over. */
bool lg__story_is_last(const struct lg__story *story, uint32_t place);

/* Rivals that may decide, the likeliest first.  Returns how many, at most `most`. */
uint32_t lg__story_find_rivals(const struct lg__story *story, struct lg__rivals *out,
                               uint32_t most);

/* Whether the second of the two is what has failed, or what a thread is stuck at. */
bool lg__story_is_about_failure(const struct lg__rivals *rivals);

/* How much each entry matters, from 0: `out` has room for all. */
void lg__story_weigh(const struct lg__story *story, uint8_t *out);

/* Say on the wire what matters most (tell.c). */
void lg__story_say(const struct lg__story *story);

#endif
