/* Goals: whom a row is compared with, and what share of the operations its threads must get. */
#include "harness.h"

size_t bench_goals_fill(struct bench_goal *goals, size_t subject,
                        const struct bench_variant *variants, size_t variant_count,
                        enum bench_sense sense)
{
    size_t count = 0;
    for (size_t i = 0; i < variant_count; i++)
        if (variants[i].is_baseline && i != subject)
            goals[count++] = (struct bench_goal){subject, i, sense, 1.0};
    return count;
}

/* No share is fairer than the scheduler was. */
static double share_allowance(const struct bench_trial *trial)
{
    return fmin(1 / trial->fair_share, BENCH_ALLOWANCE_MAX);
}

/* One that is absent has no share, NAN; its goal stays, as skipped. */
static bool is_fair(const struct bench_trial *trial, size_t variant)
{
    return !(trial->shares[variant] < BENCH_SHARE_GOAL / share_allowance(trial));
}

static bool has_goal_against(const struct bench_goal *goals, size_t count, size_t baseline)
{
    for (size_t i = 0; i < count; i++)
        if (goals[i].baseline == baseline)
            return true;
    return false;
}

void bench_goals_keep_fair(struct bench_trial *trial, struct bench_goal *goals)
{
    size_t kept = 0;
    for (size_t i = 0; i < trial->variant_count; i++)
        if (!is_fair(trial, i) && has_goal_against(goals, trial->goal_count, i))
            snprintf(trial->notes[i], sizeof(trial->notes[i]), "share below %.2f: no goal",
                     BENCH_SHARE_GOAL);
    for (size_t i = 0; i < trial->goal_count; i++)
        if (is_fair(trial, goals[i].baseline))
            goals[kept++] = goals[i];
    trial->goal_count = kept;
}

void bench_report_shares(const struct bench_trial *trial, const size_t *subjects,
                         size_t subject_count)
{
    for (size_t i = 0; i < trial->variant_count; i++) {
        char name[96], note[96];
        struct bench_figure figure = {BENCH_FIGURE_INIT};
        bool is_subject = false;
        for (size_t j = 0; j < subject_count; j++)
            is_subject = is_subject || subjects[j] == i;
        snprintf(name, sizeof(name), "%s, share", trial->variants[i].name);
        snprintf(note, sizeof(note), "%s has %.2f, threads that share nothing %.2f",
                 trial->variants[0].name, trial->shares[0], trial->fair_share);
        figure.bench = trial->bench;
        figure.group = trial->group;
        figure.metric = name;
        figure.unit = "min/max";
        figure.value = trial->shares[i];
        figure.package = trial->variants[i].package;
        figure.is_json_only = !is_subject;
        if (is_subject) {
            figure.sense = BENCH_AT_LEAST;
            figure.goal = BENCH_SHARE_GOAL;
            figure.allowance = share_allowance(trial);
            figure.note = note;
        }
        bench_record(&figure);
    }
}
