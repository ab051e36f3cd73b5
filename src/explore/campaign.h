/* Campaign: the memory that all runs of one exploration share, and the loop over them. */
#ifndef LG_EXPLORE_CAMPAIGN_H
#define LG_EXPLORE_CAMPAIGN_H

#include "explore/plan.h"

/* A variable: some bytes that more than one thread has touched, or a synchronisation object.  Its number
 * is the same in all runs, because addresses are. */
struct lg__var {
    uint64_t address;
    uint32_t flags;
    uint32_t threads; /* index + 1 of the first thread that touched it */
};

enum {
    LG__VAR_SYNC = 1,       /* a synchronisation object */
    LG__VAR_ATOMIC = 2,     /* touched by atomic operations */
    LG__VAR_MANY = 4,       /* by more than one thread */
    LG__VAR_WRITTEN = 8,    /* while there was more than one thread */
    LG__VAR_UNGUARDED = 16, /* once without a lock that was always held, or in a race */
    LG__VAR_RACY = 32,      /* in a race */
};

#define LG__VARS_MAX (1u << 20)

/* A thread's name: the n-th child of its parent.  Names are the same in all runs; a thread's index is
 * where its name stands in this list.  Index 0 is main. */
struct lg__name {
    uint32_t parent;
    uint32_t ordinal; /* from 1 */
    uint64_t kind;    /* threads that were started at one place with one function have the same */
    uint32_t weight;  /* SURW: events at the target that it and its children are going to have */
};

#define LG__NAMES_MAX (1u << 16)

struct lg__race {
    uint64_t sites[2];
    uint64_t address;
    uint64_t schedule;
    uint32_t size;
    uint32_t threads[2];
    bool is_write[2];
    bool is_atomic[2];
};

#define LG__RACES_MAX 256

/* What the environment asks of a campaign (lg__options_read). */
struct lg__options {
    enum lg__strategy strategy;
    enum lg__races races;
    uint64_t seed;
    uint64_t schedules; /* 0: no limit */
    uint64_t steps;     /* of a run, after which it is ended */
    double seconds;     /* 0: no limit */
    double shrink;      /* seconds of the processor for making the schedule smaller */
    double patience;    /* seconds without progress after which a run is ended */
    char output[512];   /* the replay file to write */
    char replay[512];   /* the replay file to follow */
    bool must_stop;
    bool is_fresh; /* each run has a process of its own */
    int wire;      /* the descriptor for what is found */
};

struct lg__campaign {
    struct lg__options options;
    struct lg__plan plan;
    struct lg__outcome outcome;
    uint64_t heartbeat;     /* the run writes at each decision */
    uint32_t current;       /* index of the thread that runs */
    int32_t current_tid;    /* the kernel's number of it; 0: not known yet */
    uint64_t stuck_site;    /* where the watchdog's signal found it; 0: not asked */
    uint64_t clock_base_ns; /* virtual CLOCK_REALTIME when a run begins */
    uint64_t monotonic_base_ns;
    uint32_t var_count;
    uint32_t name_count;
    uint32_t race_count;
    uint64_t races_lost;
    size_t memory_used;    /* by the last run: bytes, */
    uint32_t threads_used; /* and threads' records */
    bool has_destructors;  /* to be run when it ends */
    bool has_alarms;       /* the program has set timers that send signals */
    uint32_t learned;      /* changes whenever something about variables was learned */
    struct lg__race races[LG__RACES_MAX];
    struct lg__name *names;         /* LG__NAMES_MAX */
    struct lg__var *vars;           /* LG__VARS_MAX */
    struct lg__switch *switches;    /* LG__SWITCHES_MAX, of the run */
    struct lg__switch *replay;      /* the same, to be followed */
    struct lg__decision *decisions; /* LG__DECISIONS_MAX, of the run */
};

struct lg__image;
extern struct lg__image lg__campaign_image __attribute__((visibility("hidden")));
/* The program's own. */
extern char **lg__campaign_arguments __attribute__((visibility("hidden")));

/* NULL: not exploring, the runtime only passes on. */
extern struct lg__campaign *lg__campaign __attribute__((visibility("hidden")));

/* Read what the environment asks for.  False: nothing, the program is to run as it is. */
bool lg__options_read(struct lg__options *options);

const char *lg__strategy_name(enum lg__strategy strategy);

/* Run one schedule by the plan, in a process of its own: in that one it returns true.  In the campaign it
 * returns false when the outcome is there. */
bool lg__campaign_run(void);

/* How many were run. */
uint64_t lg__campaign_schedules(void);

/* Whether a signal has asked for the end. */
bool lg__campaign_was_stopped(void);

/* The last run was ended for having too many steps. */
void lg__campaign_note_endless(void);

/* The search is over: what is run from now on is no part of its numbers. */
void lg__campaign_count(void);

/* Say the numbers, and end the process. */
void lg__campaign_finish(int status);
/* The same for a program that cannot be explored. */
void lg__campaign_give_up(const char *text);

/* Whether the campaign was told to stop, or its time is over. */
bool lg__campaign_is_over(void);

/* Run the campaign.  Returns once in each run, in a forked child; the campaign itself ends the process. */
void lg__campaign_begin(const struct lg__options *options, char **arguments);

#endif
