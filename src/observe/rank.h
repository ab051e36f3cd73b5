/* Ranks: numbers that the user has declared for names. */
#ifndef LG_OBSERVE_RANK_H
#define LG_OBSERVE_RANK_H

#include "observe/order.h"

/* Whether the second may not be taken while the first is held, by their ranks, which are written then. */
bool lg__rank_forbids(const struct lg__thing *held, const struct lg__thing *taken,
                      uint32_t *held_rank, uint32_t *taken_rank);

#endif
