/* One thread, pinned. */
#include "alone.h"

struct trial {
    const struct alone_row *row;
    void *cells[ALONE_PEERS_MAX];
};

static double sample(void *arg, size_t variant)
{
    const struct trial *self = arg;
    const struct alone_row *row = self->row;
    if (variant == row->peer_count)
        return answer_number(outsider_ask(outsider_of(row->outsider), "alone 5"), "ns_a_pair");
    if (row->peers[variant]->enter != NULL)
        row->peers[variant]->enter();
    uint64_t start = bench_now();
    row->peers[variant]->pairs(self->cells[variant], row->pairs);
    return (double)(bench_now() - start) / row->pairs;
}

void alone_run(const struct alone_row *row)
{
    struct trial self = {.row = row};
    struct bench_variant variants[ALONE_PEERS_MAX] = {{0}};
    struct bench_trial trial = {.bench = row->bench,
                                .group = row->group,
                                .unit = "ns",
                                .rounds = row->rounds,
                                .variants = variants,
                                .variant_count = row->peer_count + row->has_outsider,
                                .goals = row->goals,
                                .goal_count = row->goal_count,
                                .sample = sample,
                                .arg = &self};
    if (!bench_is_wanted(row->group))
        return;
    for (size_t i = 0; i < row->peer_count; i++) {
        variants[i].name = row->peers[i]->name;
        variants[i].package = row->peers[i]->package;
        if (row->peers[i]->package == NULL)
            self.cells[i] = row->peers[i]->create();
    }
    if (row->has_outsider) {
        outsiders_start();
        variants[row->peer_count].name = outsider_title(outsider_of(row->outsider));
        variants[row->peer_count].package = outsider_lacks(outsider_of(row->outsider));
        variants[row->peer_count].every = 20; /* a turn of it is long */
    }
    variants[0].is_baseline = true;
    for (size_t i = 0; i < row->goal_count; i++)
        variants[row->goals[i].baseline].is_baseline = true;
    bench_pin(bench_core(bench_core_count() - 1));
    bench_trial_run(&trial);
    bench_unpin();
    bench_trial_report(&trial);
    bench_trial_free(&trial);
}
