/* Plan and outcome: what one schedule is to be, and what became of it.
 *
 * The campaign (one process, which has not run any of the program's code after main began) writes a plan
 * into memory that it shares with the run, forks it, and reads the outcome when the run has ended.
 * Only one of the two writes at a time, so nothing here is atomic. */
#ifndef LG_EXPLORE_PLAN_H
#define LG_EXPLORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lg__strategy {
    LG__STRATEGY_AUTO, /* the campaign's: the others in rotation */
    LG__STRATEGY_RANDOM,
    LG__STRATEGY_PCT,
    LG__STRATEGY_POS,
    LG__STRATEGY_SURW,
    LG__STRATEGY_RF,
    LG__STRATEGY_PERIODS,
    LG__STRATEGY_ORDER, /* threads in the order of their creation, or in the reverse, no preemption */
    LG__STRATEGY_REPLAY,  /* what a list of switches says */
    LG__STRATEGY_BOUNDED, /* at most so many preemptions */
    LG__STRATEGY_COUNT
};

enum lg__races { LG__RACES_REPORT, LG__RACES_FAIL, LG__RACES_OFF };

/* What a thread does at an event. */
enum lg__event_kind {
    LG__EVENT_NONE,
    LG__EVENT_READ,
    LG__EVENT_WRITE,
    LG__EVENT_ATOMIC_READ,
    LG__EVENT_ATOMIC_WRITE, /* also read-modify-write */
    LG__EVENT_LOCK,
    LG__EVENT_UNLOCK,
    LG__EVENT_WAIT,
    LG__EVENT_SIGNAL,
    LG__EVENT_CREATE,
    LG__EVENT_BEGIN,
    LG__EVENT_JOIN,
    LG__EVENT_END,
    LG__EVENT_EXIT,
    LG__EVENT_SLEEP,
    LG__EVENT_YIELD,
    LG__EVENT_FREE,
    LG__EVENT_INPUT,
    LG__EVENT_COUNT
};

const char *lg__event_name(enum lg__event_kind kind);

/* One decision that was not "go on": the thread `from`, at its own event number `ordinal`, gave way to
 * `to`.  Numbers are a thread's own, so that removing one record leaves the others meaningful. */
enum lg__switch_kind {
    LG__SWITCH_FREE,    /* it could not go on */
    LG__SWITCH_PREEMPT, /* it could have */
    LG__SWITCH_CHOICE   /* no switch: `to` was chosen among the waiters of a condition */
};

struct lg__switch {
    uint64_t ordinal;
    uint64_t site;    /* where `from` stands; 0: unknown */
    uint64_t address; /* what it is about to touch; 0: nothing */
    uint32_t from;    /* indices of threads */
    uint32_t to;
    uint16_t kind;     /* enum lg__switch_kind */
    uint16_t event;    /* enum lg__event_kind of `from` */
    uint32_t was_used; /* a replay followed it */
};

#define LG__SWITCHES_MAX (1u << 20)

/* A thread, and how many points it passes before it gives way. */
struct lg__period {
    uint32_t thread;
    uint32_t points;
};

#define LG__PERIODS_MAX 4
#define LG__TO_THE_END  UINT32_MAX

/* A wish for what a read gets: the place that writes, the place that reads, and whether it is to be so, or to
 * be avoided. */
struct lg__pair {
    uint64_t write_site;
    uint64_t read_site;
    uint32_t var;
    bool is_wanted;
};

#define LG__PAIRS_MAX 2

/* BOUNDED: a decision with more than one option.  Option 0 is to go on, or else the eldest that can. */
struct lg__decision {
    uint32_t chosen;
    uint16_t options;
    bool is_preemption; /* every option but 0 is one */
};

#define LG__DECISIONS_MAX (1u << 16)

/* REPLAY: another order of two events.  One thread may not do its event before another has done its own. */
struct lg__flip {
    bool is_wanted;
    bool is_tight; /* who stood back goes on at once when the other has done its event */
    uint32_t held; /* index of the thread that stands back */
    uint32_t first;
    uint64_t held_at;  /* ordinals of the events */
    uint64_t first_at; /* UINT64_MAX: its end */
};

struct lg__plan {
    enum lg__strategy strategy;
    uint64_t seed;
    uint64_t number;    /* of the schedule, from 1 */
    uint32_t depth;     /* PCT: one more than the changes of priority */
    uint64_t length;    /* PCT: how many decisions a run is expected to have */
    uint64_t steps_max; /* more decisions end it as too long */
    uint32_t target;    /* SURW: the variable whose accesses are ordered uniformly */
    struct lg__period periods[LG__PERIODS_MAX];
    uint32_t period_count;
    struct lg__pair pairs[LG__PAIRS_MAX]; /* RF */
    uint32_t pair_count;
    bool is_strict;     /* REPLAY: what does not fit ends it */
    bool is_reversed;   /* ORDER: the youngest first */
    bool is_exit_late;  /* main's return comes last */
    bool is_time_early; /* a wait with a deadline may time out although others could go on */
    bool has_suspects;  /* what is without a guard is a point also where no race was ever seen */
    bool must_check_races;
    bool must_fail_on_race;
    bool must_show_output; /* the program's own output is not thrown away */
    bool must_stop;        /* a replay under a debugger: stop where it fails */
    bool must_journal;     /* what it does is written down */
    bool must_keep_values; /* and what is in memory then */
    uint32_t replay_count; /* REPLAY: records in the campaign's list */
    uint32_t bound;        /* BOUNDED: preemptions */
    uint32_t prefix;       /* BOUNDED: decisions that the campaign's list says */
    bool is_drawn;         /* BOUNDED: all decisions are drawn, there is no list */
    bool is_in_order;      /* BOUNDED, drawn: but not who goes on when a thread cannot */
    struct lg__flip flip;
};

enum lg__finding {
    LG__FINDING_NONE,
    LG__FINDING_ASSERT,
    LG__FINDING_ABORT,
    LG__FINDING_CRASH,
    LG__FINDING_EXIT_CODE,
    LG__FINDING_DEADLOCK,
    LG__FINDING_LOST_WAKEUP,
    LG__FINDING_LIVELOCK,
    LG__FINDING_LOCK_LEAK,
    LG__FINDING_USE_AFTER_FREE,
    LG__FINDING_DOUBLE_FREE,
    LG__FINDING_BAD_FREE,
    LG__FINDING_RACE,
    LG__FINDING_COUNT
};

const char *lg__finding_name(enum lg__finding finding);

enum lg__outcome_state {
    LG__OUTCOME_RUNNING,  /* or died without a word */
    LG__OUTCOME_EXITED,   /* the program ended by itself; `code` says how */
    LG__OUTCOME_FOUND,    /* a finding */
    LG__OUTCOME_TOO_LONG, /* ended for having too many steps: no verdict */
    LG__OUTCOME_DIVERGED, /* a replay did not go as the recording; `text` says where */
    LG__OUTCOME_CANNOT    /* the explorer cannot run this program; `text` says why */
};

#define LG__OUTCOME_TEXT 2048

struct lg__outcome {
    enum lg__outcome_state state;
    enum lg__finding finding;
    int code;            /* exit status, or the signal */
    uint64_t where;      /* the place in the code that the finding is known by; 0: unknown */
    uint64_t rival_site; /* RACE: of the earlier access */
    uint64_t steps;      /* decisions */
    uint64_t choices;    /* decisions with more than one thread to choose from */
    uint64_t events;     /* of all threads */
    uint64_t changes;    /* in the second half of the steps that it may have */
    uint64_t signature;  /* two findings with the same one are the same */
    uint32_t threads;
    uint32_t switch_count;
    uint32_t preemptions;
    uint32_t passed[LG__PERIODS_MAX]; /* PERIODS: the points in each step */
    uint32_t decisions;               /* BOUNDED */
    bool has_lost_switches;           /* more than the list can hold */
    bool is_unrepeatable;             /* the outside world took part in it */
    char text[LG__OUTCOME_TEXT]; /* lines; places in the code are written as by lg__outcome_place */
};

#endif
