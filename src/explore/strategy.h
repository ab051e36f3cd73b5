/* Strategy: which thread goes next. */
#ifndef LG_EXPLORE_STRATEGY_H
#define LG_EXPLORE_STRATEGY_H

#include "explore/run.h"

void lg__strategy_begin(void);

/* A new thread, before anybody may choose it. */
void lg__strategy_born(struct lg__thread *thread, struct lg__thread *parent);

/* One of the candidates, of which there is at least one.  `self` is the thread that decides; it may be
 * blocked or over, and then is no candidate. */
struct lg__thread *lg__strategy_pick(struct lg__thread *self, struct lg__thread **candidates,
                                     uint32_t count);

/* The number of events at which a thread that begins its turn has to be looked at, at most `fair`. */
uint64_t lg__strategy_stop(const struct lg__thread *thread, uint64_t fair);

/* Which of `count` waiters, in the order of their coming, a signal is for. */
uint32_t lg__strategy_choose_waiter(struct lg__thread *self, struct lg__thread **waiters,
                                    uint32_t count);

/* Whether the next alarm comes before its time, in a schedule where it may; if so it is noted. */
bool lg__strategy_leaps(struct lg__thread *self);

/* Record a choice that is no switch. */
void lg__strategy_note_choice(const struct lg__thread *self, uint64_t address,
                              const struct lg__thread *chosen);

/* A random priority that was not drawn before is 0; the thread with the highest of all candidates. */
struct lg__thread *lg__strategy_highest(struct lg__thread **candidates, uint32_t count);
/* Whether the order of what the two are about to do matters. */
bool lg__strategy_are_racing(const struct lg__thread *a, const struct lg__thread *b);
bool lg__strategy_may_depart(const struct lg__thread *self);

/* Each of a strategy's own file. */
struct lg__thread *lg__periods_pick(struct lg__thread *self, struct lg__thread **candidates,
                                    uint32_t count);
void lg__surw_begin(void);
void lg__surw_born(struct lg__thread *thread, struct lg__thread *parent);
struct lg__thread *lg__surw_pick(struct lg__thread *self, struct lg__thread **candidates,
                                 uint32_t count);
/* A thread goes on because no other can. */
void lg__surw_pass(struct lg__thread *thread);
struct lg__thread *lg__reads_pick(struct lg__thread *self, struct lg__thread **candidates,
                                  uint32_t count);
void lg__bounded_begin(void);
struct lg__thread *lg__bounded_pick(struct lg__thread *self, struct lg__thread **candidates,
                                    uint32_t count);
uint32_t lg__bounded_choose(uint32_t count);

/* From a replay (replay.c). */
void lg__replay_begin(void);
/* Whether a strict replay still says what the thread does, and whether it is now to wait for a change. */
bool lg__replay_knows(const struct lg__thread *self);
bool lg__replay_spins(const struct lg__thread *self);
struct lg__thread *lg__replay_pick(struct lg__thread *self, struct lg__thread **candidates,
                                   uint32_t count);
uint64_t lg__replay_stop(const struct lg__thread *thread, uint64_t fair);
bool lg__replay_leaps(struct lg__thread *self);
uint32_t lg__replay_choose_waiter(struct lg__thread *self, struct lg__thread **waiters,
                                  uint32_t count);

#endif
