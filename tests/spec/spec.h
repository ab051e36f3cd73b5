/* Schedule specs: threads, their steps and the order in which the steps are taken, with what has to come
 * of it, in a text file; see README.md for the language.
 *
 *     parse.c      the file
 *     kind_*.c     what there is to wait for: objects, verbs
 *     alone.c      verbs that need no object, or several
 *     actor.c      the threads, which take one step at a time
 *     run.c        one schedule, from fresh objects to their end
 *     check.c      all schedules of a file against what it expects
 *     main.c       the files
 *
 * Nothing here sleeps or looks at a clock: a step is over when its thread says so, and blocks when its wait
 * record says so. */
#ifndef LG_TEST_SPEC_H
#define LG_TEST_SPEC_H

#include <lifeguard/lifeguard.h>

#include <pthread.h>
#include <stdbool.h>

#define SPEC_NAME_SIZE     16
#define SPEC_LINE_SIZE     160
#define SPEC_OBJECTS_MAX   16
#define SPEC_ACTORS_MAX    8
#define SPEC_STEPS_MAX     32 /* of all threads */
#define SPEC_ACTIONS_MAX   4
#define SPEC_THINGS_MAX    4 /* of one action */
#define SPEC_HOLDS_MAX     16
#define SPEC_SCHEDULES_MAX 32
#define SPEC_LINES_MAX     64
#define SPEC_ALL_MAX       5000 /* orders of the steps that "every schedule" may try */

struct actor;
struct action;
struct hold;
struct object;

/* What an action comes to besides a status, which is never above 0. */
enum { SPEC_NOT_HELD = 1, SPEC_EXIT };

struct verb {
    const char *name;
    int (*perform)(struct actor *actor, const struct action *action);
    const char *other; /* kind of a second object that it takes, or NULL */
    bool has_number;   /* takes a number, which may be left out: 1 */
    bool has_deadline; /* takes "within HOURS h", which may be left out: for ever */
    bool has_things;   /* takes names of objects that are waitable, and of threads */
    bool has_thread;   /* takes the name of a thread */
    bool has_body;     /* the actions behind it in its step are done within it (actor_do_rest) */
};

struct kind {
    const char *noun;
    const char *option; /* a word that may follow the name, or NULL */
    bool has_number;    /* a number has to follow the name */
    const struct verb *verbs;
    int (*create)(struct object *object); /* LG_OK, or what went wrong */
    void (*destroy)(struct object *object);
    /* Give back what is held, of an actor that may have ended. */
    void (*let_go)(struct hold *hold);
    /* As one of several things that are waited for; NULL: it cannot be. */
    struct lg_waitable (*waitable)(const struct object *object);
};

extern const struct kind *const spec_kinds[]; /* the last is NULL */

/* Verbs without an object: exit, release.  The last has no name. */
extern const struct verb spec_verbs_alone[];

/* Something to wait for.  What it is when it lives is its kind's. */
struct object {
    char name[SPEC_NAME_SIZE];
    const struct kind *kind;
    uint32_t number;
    bool has_option;
    void *live;
};

/* An object, or a thread. */
struct thing {
    struct object *object;
    char thread[SPEC_NAME_SIZE]; /* if it is no object */
    uint32_t actor;
};

struct action {
    const struct verb *verb;
    struct object *object, *other;
    struct thing things[SPEC_THINGS_MAX];
    uint32_t thing_count;
    uint32_t number;
    uint32_t hours; /* 0: for ever */
};

struct step {
    char name[SPEC_NAME_SIZE];
    unsigned line;
    uint32_t actor;
    struct action actions[SPEC_ACTIONS_MAX];
    uint32_t action_count;
};

/* What a file says of one schedule, or of every: lines to come. */
struct expectation {
    unsigned line;
    bool is_every;
    uint32_t steps[SPEC_STEPS_MAX];
    uint32_t step_count;
    char lines[SPEC_LINES_MAX][SPEC_LINE_SIZE];
    uint32_t line_count;
};

struct spec {
    const char *path;
    struct object objects[SPEC_OBJECTS_MAX];
    uint32_t object_count;
    char actors[SPEC_ACTORS_MAX][SPEC_NAME_SIZE];
    uint32_t actor_count;
    struct step steps[SPEC_STEPS_MAX];
    uint32_t step_count;
    struct expectation expectations[SPEC_SCHEDULES_MAX];
    uint32_t expectation_count;
    bool has_prose;
    unsigned error_line;
    char error[SPEC_LINE_SIZE];
};

/* False: error and error_line say what is wrong. */
bool spec_parse(struct spec *spec, const char *path);

/* ---- Actors ---------------------------------------------------------------------------------- */

/* Something held, last taken last. */
struct hold {
    struct object *object;
    struct lg_lease lease; /* of a pool */
    uint32_t units;
    uint32_t mode; /* the kind's */
};

struct actor {
    const char *name;
    struct actor *crew; /* all of them, in the order of the file */
    pthread_t thread;
    struct lg_cancel *cancel; /* what ends its waits at the end of the run */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct step *step;          /* under lock; what it is about */
    bool must_end;                    /* under lock */
    bool is_leaving;                  /* under lock; a step was "exit" */
    bool has_ended;                   /* the runner's; the thread is joined */
    char result[SPEC_LINE_SIZE];      /* under lock; of the latest step */
    struct lg_context *context;       /* atomic */
    uint64_t id;                      /* of the context; r/o once that is there */
    const struct thing *had;          /* its own thread's; which of several things a step has had */
    struct hold held[SPEC_HOLDS_MAX]; /* its own thread's; anybody's when it has ended */
    uint32_t held_count;
};

bool actor_start(struct actor *actor, struct actor *crew, const char *name,
                 struct lg_cancel *cancel);
/* Take a step; it must have none. */
void actor_take(struct actor *actor, const struct step *step);
bool actor_is_idle(struct actor *actor);
/* Let the thread end after its step, giving back what it holds; then wait until it has. */
void actor_dismiss(struct actor *actor);
void actor_end(struct actor *actor);

/* For verbs, on the actor's thread.  What has been taken. */
void actor_hold(struct actor *actor, const struct hold *hold);
/* The hold of an object that was taken last, or NULL. */
struct hold *actor_find(struct actor *actor, const struct object *object);
void actor_drop(struct actor *actor, struct hold *hold);
void actor_let_all_go(struct actor *actor);
/* For a verb that has_body: do the actions behind it in its step, up to the first that does not come to LG_OK;
 * what that came to. */
int actor_do_rest(struct actor *actor, const struct action *action);
lg_deadline action_deadline(const struct action *action);

/* ---- Runs ------------------------------------------------------------------------------------ */

/* What came of a schedule: a line an event, and how each step ended. */
struct transcript {
    char lines[SPEC_LINES_MAX][SPEC_LINE_SIZE];
    uint32_t line_count;
    char results[SPEC_STEPS_MAX][SPEC_LINE_SIZE]; /* "" : it was not taken */
};

/* False: there was no memory or no thread. */
bool spec_run(struct spec *spec, const uint32_t *steps, uint32_t count, struct transcript *out);

/* Check all that the file expects; with must_print, print what came instead.  How many were not met. */
unsigned spec_check(struct spec *spec, bool must_print);

#endif
