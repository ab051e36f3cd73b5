/* The schedules of small periods, in the order of how soon they find: one thread for a few points and then another;
 * two in turn; one for more points; then two such departures.
 *
 * Threads of one kind (started at one place with one function) are alike, so the first two of each kind stand
 * for all: a hundred workers take no more schedules than two. */
#include "explore/campaign.h"
#include "explore/search.h"
#include "explore/tally.h"

#define REPRESENTATIVES_MAX 12
#define PAIRS_MAX           (REPRESENTATIVES_MAX * (REPRESENTATIVES_MAX - 1))
#define POINTS_MAX          400
#define FIRST_ROUNDS        2 /* of one departure, before threads in turn */

enum stage { FIRST_DEPARTURE, IN_TURN, ONE_DEPARTURE, TWO_DEPARTURES, NO_MORE };

static struct {
    uint32_t threads[REPRESENTATIVES_MAX];
    bool is_first[REPRESENTATIVES_MAX];   /* of its kind */
    uint32_t limits[REPRESENTATIVES_MAX]; /* points that the thread has, as far as is known */
    uint32_t count;
    uint32_t names; /* when they were chosen */
    struct {
        uint8_t first, second;
    } pairs[PAIRS_MAX];
    uint32_t pair_count;
    uint32_t different; /* pairs of different kinds; these come first */
    enum stage stage;
    uint32_t pair, points, others; /* where in the stage; `others`: points of the second */
    uint32_t
        third; /* TWO_DEPARTURES: 0 the first again, else 1 + the representative that comes then */
    uint32_t of; /* the representative whose limit the last run tests */
} state;

/* ---- Representatives ----------------------------------------------------------------------------------- */

static uint32_t count_of_kind(uint64_t kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < state.count; i++)
        count += state.threads[i] && lg__campaign->names[state.threads[i]].kind == kind;
    return count;
}

static bool are_alike(uint32_t a, uint32_t b)
{
    return state.threads[a] && state.threads[b] &&
           lg__campaign->names[state.threads[a]].kind == lg__campaign->names[state.threads[b]].kind;
}

/* Different kinds by their first threads; of one kind the first two. */
static void add_pairs(bool is_alike)
{
    for (uint32_t a = 0; a < state.count; a++) {
        for (uint32_t b = 0; b < state.count; b++) {
            bool is_first = state.is_first[a] && state.is_first[b];
            if (a == b || are_alike(a, b) != is_alike || (!is_alike && !is_first))
                continue;
            state.pairs[state.pair_count].first = (uint8_t)a;
            state.pairs[state.pair_count++].second = (uint8_t)b;
        }
    }
}

/* main counts if it does more than to start the others and to wait for them. */
static bool is_main_busy(void)
{
    for (uint32_t i = 0; i < lg__tally->count_used; i++)
        if (!lg__tally->counts[i].thread && lg__tally->counts[i].var)
            return true;
    return false;
}

static void choose_representatives(void)
{
    const struct lg__campaign *campaign = lg__campaign;
    state.names = campaign->name_count;
    state.count = state.pair_count = 0;
    for (uint32_t i = 1; i < campaign->name_count && state.count < REPRESENTATIVES_MAX - 1; i++) {
        uint32_t known = count_of_kind(campaign->names[i].kind);
        state.is_first[state.count] = !known;
        if (known < 2)
            state.threads[state.count++] = i;
    }
    state.is_first[state.count] = is_main_busy();
    state.threads[state.count++] = 0;
    for (uint32_t i = 0; i < state.count; i++) {
        uint32_t known = lg__tally_of_thread(state.threads[i]);
        state.limits[i] = known < POINTS_MAX ? known + 1 : POINTS_MAX;
    }
    add_pairs(false);
    state.different = state.pair_count;
    add_pairs(true);
}

/* ---- Stages ---------------------------------------------------------------------------------------------- */

static void add_period(uint32_t representative, uint32_t points)
{
    struct lg__plan *plan = &lg__campaign->plan;
    plan->periods[plan->period_count++] =
        (struct lg__period){state.threads[representative], points};
}

/* main comes first, until it blocks, and so starts everybody; unless it is in the schedule itself. */
static void begin_plan(uint32_t first, uint32_t second)
{
    lg__campaign->plan.period_count = 0;
    if (state.threads[first] && state.threads[second])
        add_period(state.count - 1, LG__TO_THE_END);
}

/* Two threads of one kind and no others come in both orders when the search begins. */
static bool plan_in_turn(void)
{
    if (state.pair == (state.names > 3 ? state.pair_count : state.different))
        return false;
    uint32_t first = state.pairs[state.pair].first, second = state.pairs[state.pair].second;
    begin_plan(first, second);
    add_period(first, LG__TO_THE_END);
    add_period(second, LG__TO_THE_END);
    state.pair++;
    return true;
}

static uint32_t longest(void)
{
    uint32_t longest = 0;
    for (uint32_t i = 0; i < state.count; i++)
        if (state.limits[i] > longest)
            longest = state.limits[i];
    return longest;
}

/* Threads of one kind seldom meet where those of different kinds do not: half as many points in a round.  0: none
 * in this round. */
static uint32_t points_in_round(uint32_t pair, uint32_t round)
{
    if (pair < state.different || !state.different)
        return round;
    return round % 2 ? 0 : round / 2;
}

/* The next pair of this round, up to the last round; then the next round. */
static bool plan_one_departure(uint32_t last)
{
    for (; state.points <= last; state.points++, state.pair = 0) {
        while (state.pair < state.pair_count) {
            uint32_t points = points_in_round(state.pair, state.points);
            uint32_t first = state.pairs[state.pair].first;
            uint32_t second = state.pairs[state.pair++].second;
            if (!points || points > state.limits[first])
                continue;
            begin_plan(first, second);
            add_period(first, points);
            add_period(second, LG__TO_THE_END);
            state.of = first;
            return true;
        }
    }
    return false;
}

/* The sum of the points of both grows; of one sum, all splits; of one split, all pairs and all thirds. */
static bool advance_departures(void)
{
    if (++state.third <= state.count)
        return true;
    state.third = 0;
    if (++state.pair < state.pair_count)
        return true;
    state.pair = 0;
    if (--state.points)
        return ++state.others > 0;
    state.points = state.others;
    state.others = 1;
    state.points++;
    return state.points + state.others <= 2 * longest();
}

static bool plan_two_departures(void)
{
    for (bool is_more = true; is_more; is_more = advance_departures()) {
        uint32_t first = state.pairs[state.pair].first, second = state.pairs[state.pair].second;
        uint32_t third = state.third ? state.third - 1 : first;
        if (state.points > state.limits[first] || state.others > state.limits[second] ||
            (state.third && (third == first || third == second)))
            continue;
        begin_plan(first, second);
        add_period(first, state.points);
        add_period(second, state.others);
        add_period(third, LG__TO_THE_END);
        advance_departures();
        return true;
    }
    return false;
}

static bool plan_stage(void)
{
    switch (state.stage) {
    case IN_TURN:
        return plan_in_turn();
    case FIRST_DEPARTURE:
        return plan_one_departure(FIRST_ROUNDS);
    case ONE_DEPARTURE:
        return plan_one_departure(2 * longest());
    case TWO_DEPARTURES:
        return state.pair_count && plan_two_departures();
    default:
        return false;
    }
}

bool lg__enumerate(void)
{
    if (state.names != lg__campaign->name_count)
        choose_representatives();
    lg__campaign->plan.is_exit_late = true;
    lg__campaign->plan.is_time_early = false;
    lg__campaign->plan.has_suspects =
        lg__campaign->options.races == LG__RACES_OFF; /* points are counted */
    state.of = REPRESENTATIVES_MAX;
    for (; state.stage < NO_MORE; state.stage++) {
        if (plan_stage())
            return true;
        state.pair = state.third = 0;
        state.points =
            state.stage == IN_TURN ? FIRST_ROUNDS + 1 : 1; /* where ONE_DEPARTURE goes on */
        state.others = 1;
    }
    return false;
}

void lg__enumerate_again(void)
{
    state.stage = FIRST_DEPARTURE;
    state.pair = state.third = 0;
    state.points = state.others = 1;
    state.names = 0;
}

void lg__enumerate_learn(void)
{
    const struct lg__plan *plan = &lg__campaign->plan;
    if (plan->strategy != LG__STRATEGY_PERIODS || state.of >= REPRESENTATIVES_MAX)
        return;
    uint32_t step = plan->period_count - 2;
    uint32_t passed = lg__campaign->outcome.passed[step];
    if (passed < plan->periods[step].points && passed < state.limits[state.of])
        state.limits[state.of] = passed;
}
