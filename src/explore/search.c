#include "explore/search.h"

#include "explore/campaign.h"
#include "explore/finding.h"
#include "explore/tally.h"
#include "explore/together.h"
#include "explore/variable.h"

#include <string.h>

#define FIRST_PERIODS  3
#define ENUMERATED_MAX 200 /* schedules of small periods before all else */
#define VARIABLES_MAX  65536
#define WEIGHT_MAX     64 /* a variable that is touched more often than this is no better a target */

#define TIMES_LONGER 20
#define STEPS_MIN    20000
#define ENDLESS_FREE 4  /* schedules that may have all steps, and still do not end */
#define ENDLESS_EACH 64 /* schedules, one may have them later too */

LG__TOGETHER static uint64_t longest; /* steps of a schedule that has ended */
LG__TOGETHER static uint64_t endless; /* schedules that have not */

/* splitmix64's finisher: seeds of neighbours have nothing in common. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* The campaign's own random numbers, for what a plan is about. */
LG__TOGETHER static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
    random_state += 0x9e3779b97f4a7c15;
    return mix(random_state) % below;
}

/* ---- SURW: a variable for the schedule -------------------------------------------------------------------- */

static bool is_target(uint32_t number)
{
    uint32_t flags = lg__campaign->vars[number].flags;
    return (flags & LG__VAR_SYNC) || lg__variable_is_point(flags);
}

/* The variables that several threads have events at, by how many they are. */
static uint32_t choose_target(void)
{
    static struct {
        uint32_t threads;
        uint32_t sum;
    } seen[VARIABLES_MAX];
    const struct lg__tally *tally = lg__tally;
    uint32_t variables = lg__campaign->var_count + 1, target = 0;
    uint64_t sum = 0;
    if (variables > VARIABLES_MAX)
        variables = VARIABLES_MAX;
    memset(seen, 0, variables * sizeof *seen);
    for (uint32_t i = 0; i < tally->count_used; i++) {
        const struct lg__count *count = &tally->counts[i];
        if (!count->var || count->var >= variables || !is_target(count->var))
            continue;
        seen[count->var].threads++;
        seen[count->var].sum += count->most;
    }
    for (uint32_t i = 1; i < variables; i++) {
        if (seen[i].threads < 2)
            continue;
        uint64_t weight = seen[i].sum < WEIGHT_MAX ? seen[i].sum : WEIGHT_MAX;
        sum += weight;
        if (draw(sum) < weight)
            target = i;
    }
    return target;
}

/* Each thread's events at the target, and those of all that it starts. */
static void set_weights(uint32_t target)
{
    struct lg__campaign *campaign = lg__campaign;
    for (uint32_t i = 0; i < campaign->name_count; i++)
        campaign->names[i].weight = 0;
    for (uint32_t i = 0; i < lg__tally->count_used; i++)
        if (lg__tally->counts[i].var == target)
            campaign->names[lg__tally->counts[i].thread].weight = lg__tally->counts[i].most;
    for (uint32_t i = campaign->name_count; i-- > 1;)
        campaign->names[campaign->names[i].parent].weight += campaign->names[i].weight;
}

/* ---- Reads-from: a wish for the schedule ------------------------------------------------------------------ */

static const struct lg__place *draw_read(const struct lg__place *write)
{
    const struct lg__place *drawn = NULL;
    uint64_t count = 0;
    for (uint32_t i = 0; i < lg__tally->place_used; i++) {
        const struct lg__place *read = &lg__tally->places[i];
        bool is_another = read->thread != write->thread || read->has_many || write->has_many;
        if (read->is_write || read->var != write->var || !is_another)
            continue;
        if (!draw(++count))
            drawn = read;
    }
    return drawn;
}

static bool draw_pair(struct lg__pair *pair, uint32_t var)
{
    const struct lg__tally *tally = lg__tally;
    for (int tries = 0; tries < 32 && tally->place_used; tries++) {
        const struct lg__place *write = &tally->places[draw(tally->place_used)];
        if (!write->is_write || !is_target(write->var) || (var && write->var != var))
            continue;
        const struct lg__place *read = draw_read(write);
        if (!read)
            continue;
        *pair = (struct lg__pair){write->site, read->site, write->var, draw(4) == 0};
        return true;
    }
    return false;
}

static void draw_pairs(struct lg__plan *plan)
{
    uint32_t wanted = draw(5) == 0 ? 0 : draw(8) == 0 ? 2 : 1;
    while (plan->pair_count < wanted &&
           draw_pair(&plan->pairs[plan->pair_count], plan->pair_count ? plan->pairs[0].var : 0))
        plan->pair_count++;
}

/* ---- Plans ------------------------------------------------------------------------------------------------ */

/* The next of those that draw. */
static enum lg__strategy next_in_rotation(void)
{
    static const enum lg__strategy rotation[] = {
        LG__STRATEGY_SURW, LG__STRATEGY_RF, LG__STRATEGY_SURW,
        LG__STRATEGY_POS,  LG__STRATEGY_RF, LG__STRATEGY_SURW,
        LG__STRATEGY_PCT,  LG__STRATEGY_RF, LG__STRATEGY_PERIODS};
    LG__TOGETHER static uint64_t turn;
    return rotation[turn++ % (sizeof rotation / sizeof *rotation)];
}

void lg__plan_make(uint64_t number, uint64_t length)
{
    static const uint32_t depths[] = {2, 3, 2, 3, 5};
    const struct lg__options *options = &lg__campaign->options;
    uint64_t random = mix(options->seed * 0x9e3779b97f4a7c15u + number);
    random_state = random;
    lg__campaign->plan = (struct lg__plan){.strategy = options->strategy,
                                           .seed = random,
                                           .depth = depths[random % 5],
                                           .length = length,
                                           .steps_max = options->steps,
                                           .is_exit_late = random >> 8 & 1,
                                           .is_time_early = (random >> 9 & 7) == 0,
                                           .has_suspects = (random >> 12 & 3) == 0 ||
                                                           options->races == LG__RACES_OFF,
                                           .must_check_races = options->races != LG__RACES_OFF,
                                           .must_fail_on_race = options->races == LG__RACES_FAIL};
}

/* What the strategy needs; one that has nothing to go by becomes POS, which needs nothing. */
static void complete_plan(void)
{
    struct lg__plan *plan = &lg__campaign->plan;
    if (plan->strategy == LG__STRATEGY_SURW) {
        plan->target = choose_target();
        set_weights(plan->target);
    }
    if (plan->strategy == LG__STRATEGY_RF)
        draw_pairs(plan);
    if (plan->strategy == LG__STRATEGY_PERIODS && !lg__enumerate())
        plan->strategy = LG__STRATEGY_POS;
}

/* ---- The order of things ------------------------------------------------------------------------------------ */

/* Threads that go round in circles take as long as all other schedules together.  When that has happened a few times,
 * later schedules may have no more than many times the steps of the longest that has ended; but from time to time one
 * may have all. */
static void limit_steps(void)
{
    struct lg__plan *plan = &lg__campaign->plan;
    uint64_t most = longest * TIMES_LONGER + STEPS_MIN;
    if (endless > ENDLESS_FREE && lg__campaign_schedules() % ENDLESS_EACH && most < plan->steps_max)
        plan->steps_max = most;
}

static void learn_length(void)
{
    const struct lg__outcome *outcome = &lg__campaign->outcome;
    if (outcome->state == LG__OUTCOME_TOO_LONG)
        endless++;
    else if (outcome->steps > longest)
        longest = outcome->steps;
}

static bool run_one(void)
{
    limit_steps();
    if (lg__campaign_run() || lg__finding_judge())
        return true;
    learn_length();
    lg__enumerate_learn();
    return false;
}

/* In order and in reverse order: they teach which bytes are shared. */
static bool run_in_order(bool is_reversed)
{
    lg__plan_make(0, 0);
    lg__campaign->plan.strategy = LG__STRATEGY_ORDER;
    lg__campaign->plan.is_reversed = is_reversed;
    lg__campaign->plan.is_exit_late = true;
    lg__campaign->plan.is_time_early = false;
    return run_one();
}

static bool learn(void)
{
    return run_in_order(false) || (!lg__campaign_is_over() && run_in_order(true));
}

/* Small periods find soon what threads of different kinds do to each other: the first schedules are, and then
 * every second until there are enough; what they do not find soon another strategy does.  An order comes again
 * from time to time: what was learned since then makes races visible in it. */
static bool run_next(uint64_t number, uint64_t length)
{
    LG__TOGETHER static uint64_t enumerated;
    uint64_t most = lg__campaign->options.schedules / 10;
    bool is_auto = lg__campaign->options.strategy == LG__STRATEGY_AUTO;
    if (is_auto && number % 50 >= 48)
        return run_in_order(number % 2);
    lg__plan_make(number, length);
    if (is_auto && (number < FIRST_PERIODS || number % 2 == 0) &&
        enumerated < (most > ENUMERATED_MAX ? most : ENUMERATED_MAX)) {
        lg__campaign->plan.strategy = LG__STRATEGY_PERIODS;
        enumerated++;
    } else if (is_auto) {
        lg__campaign->plan.strategy = next_in_rotation();
    }
    complete_plan();
    return run_one();
}

bool lg__search(void)
{
    const struct lg__options *options = &lg__campaign->options;
    if (options->strategy != LG__STRATEGY_RANDOM && options->strategy != LG__STRATEGY_POS &&
        learn())
        return true;
    uint64_t length = lg__campaign->outcome.choices + 1;
    for (uint64_t number = 0; !lg__campaign_is_over(); number++) {
        if (run_next(number, length))
            return true;
        length = (length + lg__campaign->outcome.choices) / 2 + 1;
    }
    if (lg__campaign->name_count == 1 && !lg__campaign->has_alarms)
        lg__campaign_give_up(
            "the program has started no second thread: there is nothing to explore");
    lg__campaign_finish(0);
    return false;
}
