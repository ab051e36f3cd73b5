/* Ranks: a table that only grows, read without a lock. */
#include "observe/rank.h"

#include "plat/text.h"

#include <string.h>

#define RANKS_MAX 256

/* `rank` and `flags` may be declared anew: one word, so that they are of one declaration. */
struct rank {
    char name[LG_NAME_SIZE]; /* r/o once it is counted */
    uint64_t value;          /* atomic relaxed; flags << 32 | rank */
};

static struct lg__raw_lock rank_lock; /* nothing is taken under it */
static struct rank ranks[RANKS_MAX];  /* the first rank_count of them are there */
static uint32_t rank_count;           /* atomic; grows under rank_lock, after the name (release) */

static struct rank *find(const char *name)
{
    uint32_t count = lg__load_acquire(&rank_count);
    for (uint32_t i = 0; name[0] && i < count; i++)
        if (strcmp(ranks[i].name, name) == 0)
            return &ranks[i];
    return NULL;
}

int lg_rank_declare(const char *name, uint32_t rank, uint32_t flags)
{
    if (!name || !name[0] || (flags & ~(LG_RANK_NESTS | LG_RANK_BY_ADDRESS)))
        return LG_EINVAL;
    char copy[LG_NAME_SIZE];
    lg__copy_name(copy, sizeof copy, name);
    uint64_t value = (uint64_t)flags << 32 | rank;
    lg__raw_lock(&rank_lock);
    struct rank *known = find(copy);
    uint32_t count = rank_count;
    if (known) {
        lg__store_relaxed(&known->value, value);
    } else if (count < RANKS_MAX) {
        memcpy(ranks[count].name, copy, sizeof copy);
        lg__store_relaxed(&ranks[count].value, value);
        lg__store_release(&rank_count, count + 1);
    }
    lg__raw_unlock(&rank_lock);
    (void)lg__observe_tick(); /* what was looked at before is looked at again */
    return known || count < RANKS_MAX ? LG_OK : LG_ENOMEM;
}

bool lg__rank_forbids(const struct lg__thing *held, const struct lg__thing *taken,
                      uint32_t *held_rank, uint32_t *taken_rank)
{
    const struct rank *below = find(held->name);
    const struct rank *above = below ? find(taken->name) : NULL;
    if (!above || held->object == taken->object)
        return false;
    uint64_t value = lg__load_relaxed(&above->value);
    uint64_t flags = value >> 32;
    *held_rank = (uint32_t)lg__load_relaxed(&below->value);
    *taken_rank = (uint32_t)value;
    if (*taken_rank != *held_rank)
        return *taken_rank < *held_rank;
    if (flags & LG_RANK_BY_ADDRESS)
        return (uintptr_t)taken->object < (uintptr_t)held->object;
    return !(flags & LG_RANK_NESTS);
}

/* Fork: it is held for a few stores. */
static void lock_ranks(void)
{
    lg__raw_lock(&rank_lock);
}

static void unlock_ranks(void)
{
    lg__raw_unlock(&rank_lock);
}

static void forget_lock(void)
{
    rank_lock = (struct lg__raw_lock){0};
}

static __attribute__((constructor)) void add_fork_hooks(void)
{
    static const struct lg__fork_hooks hooks = {lock_ranks, unlock_ranks, forget_lock};
    lg__fork_add(&hooks);
}
