/* The graph of orders, and the rings in it: the theory is in order.h. */
#include "observe/order_parts.h"

#include "observe/rank.h"
#include "plat/memory.h"
#include "plat/text.h"

#include <string.h>

#define BUCKETS      1024u
#define FOUND_MAX    256
#define STEPS_BUDGET 4000 /* of one search */

/* All under order_lock, but for what says otherwise. */
static struct lg__raw_lock order_lock;
struct lg__order_graph *lg__order_graph;                  /* atomic; set once */
static uint32_t node_heads[BUCKETS], edge_heads[BUCKETS]; /* index + 1 */
static uint32_t node_count, edge_count, crowd_count, class_count;
static uint32_t shape = 1; /* grows with each edge that was not there */
static uint64_t found_names[FOUND_MAX];
static uint32_t found_count, warning_count, left_out;

bool lg__order_get_ready(void)
{
    lg__raw_lock(&order_lock);
    if (!lg__order_graph)
        lg__store_release(&lg__order_graph,
                          (struct lg__order_graph *)lg__reserve(sizeof *lg__order_graph));
    bool is_ready = lg__order_graph != NULL;
    lg__raw_unlock(&order_lock);
    return is_ready;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
    return hash;
}

/* ---- Nodes and edges ------------------------------------------------------------------------------ */

static uint32_t node_bucket(const struct lg__resource_class *class, const char *name,
                            uint32_t serial)
{
    uint64_t hash = serial ? serial * 0x9e3779b97f4a7c15ull : hash_text((uintptr_t) class, name);
    return (uint32_t)(hash >> 7) % BUCKETS;
}

static uint32_t edge_bucket(uint32_t from, uint32_t to)
{
    return (from * 0x9e3779b1u ^ to * 0x85ebca6bu) % BUCKETS;
}

static void link_node(uint32_t index)
{
    struct lg__order_node *node = &lg__order_graph->nodes[index];
    uint32_t *head = &node_heads[node_bucket(node->class, node->name, node->serial)];
    node->next = *head;
    *head = index + 1;
}

static void link_edge(uint32_t index)
{
    struct lg__order_edge *edge = &lg__order_graph->edges[index];
    uint32_t *head = &edge_heads[edge_bucket(edge->from, edge->to)];
    edge->next = *head;
    *head = index + 1;
    edge->next_from = lg__order_graph->nodes[edge->from].edges;
    lg__order_graph->nodes[edge->from].edges = index + 1;
}

/* Make room: forget single things, and all edges from and to them.  What remains moves up. */
static void forget_singles(void)
{
    uint32_t *moved = lg__order_graph->stack; /* old index to new */
    uint32_t nodes = 0, edges = 0;
    memset(node_heads, 0, sizeof node_heads);
    memset(edge_heads, 0, sizeof edge_heads);
    for (uint32_t i = 0; i < node_count; i++) {
        moved[i] = lg__order_graph->nodes[i].serial ? LG__ORDER_NONE : nodes;
        if (moved[i] == LG__ORDER_NONE)
            continue;
        lg__order_graph->nodes[nodes] = lg__order_graph->nodes[i];
        lg__order_graph->nodes[nodes].edges = 0;
        link_node(nodes++);
    }
    for (uint32_t i = 0; i < edge_count; i++) {
        struct lg__order_edge *edge = &lg__order_graph->edges[i];
        if (moved[edge->from] == LG__ORDER_NONE || moved[edge->to] == LG__ORDER_NONE)
            continue;
        edge->crowd = LG__ORDER_NONE; /* they gather again */
        edge->from = moved[edge->from];
        edge->to = moved[edge->to];
        lg__order_graph->edges[edges] = *edge;
        link_edge(edges++);
    }
    node_count = nodes;
    edge_count = edges;
    crowd_count = 0;
    shape++;
}

/* LG__ORDER_NONE: there is no room. */
static uint32_t find_node(const struct lg__thing *thing, uint32_t serial)
{
    const char *name = serial ? "" : thing->name;
    uint32_t *head = &node_heads[node_bucket(thing->class, name, serial)];
    for (uint32_t i = *head; i != 0; i = lg__order_graph->nodes[i - 1].next) {
        const struct lg__order_node *node = &lg__order_graph->nodes[i - 1];
        if (node->serial == serial && node->class == thing->class &&
            (serial || strcmp(node->name, name) == 0))
            return i - 1;
    }
    if (node_count == LG__ORDER_NODES)
        return LG__ORDER_NONE;
    struct lg__order_node *node = &lg__order_graph->nodes[node_count];
    *node = (struct lg__order_node){.class = thing->class, .serial = serial};
    memcpy(node->name, thing->name, sizeof node->name);
    link_node(node_count);
    class_count += serial == 0;
    return node_count++;
}

/* NULL: there is no room. */
static struct lg__order_edge *find_edge(uint32_t from, uint32_t to)
{
    for (uint32_t i = edge_heads[edge_bucket(from, to)]; i != 0;
         i = lg__order_graph->edges[i - 1].next)
        if (lg__order_graph->edges[i - 1].from == from && lg__order_graph->edges[i - 1].to == to)
            return &lg__order_graph->edges[i - 1];
    if (edge_count == LG__ORDER_EDGES)
        return NULL;
    struct lg__order_edge *edge = &lg__order_graph->edges[edge_count];
    *edge = (struct lg__order_edge){.from = from, .to = to, .crowd = LG__ORDER_NONE};
    link_edge(edge_count++);
    shape++;
    return edge;
}

/* Two of a class are held together: from now on each of its things is for itself.  What was seen of all of
 * them as one says too much. */
static void take_apart(uint32_t class_node)
{
    if (class_node == LG__ORDER_NONE || lg__order_graph->nodes[class_node].is_apart)
        return;
    lg__order_graph->nodes[class_node].is_apart = true;
    for (uint32_t i = 0; i < edge_count; i++)
        if (lg__order_graph->edges[i].from == class_node ||
            lg__order_graph->edges[i].to == class_node)
            lg__order_graph->edges[i].example_count = 0;
}

/* The node of a thing: its class, or its own.  LG__ORDER_NONE: it is not known well enough, or there is no room. */
static uint32_t node_of(const struct lg__thing *thing)
{
    uint32_t class_node = thing->name[0] ? find_node(thing, 0) : LG__ORDER_NONE;
    if (class_node != LG__ORDER_NONE && !lg__order_graph->nodes[class_node].is_apart)
        return class_node;
    bool has_room = !thing->name[0] || class_node != LG__ORDER_NONE;
    left_out += !has_room;
    return has_room && thing->serial != 0 ? find_node(thing, thing->serial) : LG__ORDER_NONE;
}

/* The edge for a taking of `taken` while `held` is held; NULL: there is none. */
static struct lg__order_edge *edge_of(const struct lg__thing *held, const struct lg__thing *taken)
{
    if (held->object == taken->object)
        return NULL;
    if ((node_count + 4 > LG__ORDER_NODES || edge_count == LG__ORDER_EDGES) &&
        node_count > class_count)
        forget_singles();
    if (held->class == taken->class && held->name[0] && strcmp(held->name, taken->name) == 0)
        take_apart(find_node(held, 0));
    uint32_t from = node_of(held);
    uint32_t to = node_of(taken);
    struct lg__order_edge *edge =
        from != LG__ORDER_NONE && to != LG__ORDER_NONE ? find_edge(from, to) : NULL;
    left_out += from != LG__ORDER_NONE && to != LG__ORDER_NONE && !edge;
    return edge;
}

/* ---- Examples ------------------------------------------------------------------------------------- */

static struct lg__order_example example_of(const struct lg__taker *taker,
                                           const struct lg__thing *things, uint32_t held,
                                           uint32_t count)
{
    const struct lg__thing *taken = &things[count];
    struct lg__order_example example = {
        .context = taker->context,
        .birth = taker->birth,
        .time = lg__load_relaxed(&lg__observe_time),
        .held_place = things[held].place,
        .taken_place = taken->place,
        .held_units = things[held].units,
        .held_capacity = things[held].capacity,
        .taken_units = taken->units,
        .taken_capacity = taken->capacity,
    };
    for (uint32_t i = 0; i < count; i++) {
        const void *gate = things[i].object;
        if (i == held || things[i].units < things[i].capacity || gate == things[held].object)
            continue;
        if (example.gate_count < LG__ORDER_GATES)
            example.gates[example.gate_count] = gate;
        example.gate_count++;
    }
    return example;
}

static bool is_same(const struct lg__order_example *a, const struct lg__order_example *b)
{
    return a->context == b->context && a->gate_count == b->gate_count &&
           a->held_units == b->held_units && a->taken_units == b->taken_units &&
           memcmp(a->gates, b->gates, sizeof a->gates) == 0;
}

/* How many of the edge's examples are of this context. */
static uint32_t count_of(const struct lg__order_edge *edge, uint64_t context)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < edge->example_count; i++)
        count += edge->examples[i].context == context;
    return count;
}

/* Whether an example may go for the sake of a new one: it can be in no ring, or it has more gates, or its
 * context has others and the new one's has none. */
static bool may_go(const struct lg__order_edge *edge, const struct lg__order_example *old,
                   const struct lg__order_example *example)
{
    return !lg__context_is_alive(old->context) || old->gate_count > example->gate_count ||
           (count_of(edge, old->context) > 1 && count_of(edge, example->context) == 0);
}

/* Where a new example goes: that of the same, or a free place, or that of one that may go.  NULL: those that
 * are there say as much. */
static struct lg__order_example *place_for(struct lg__order_edge *edge,
                                           const struct lg__order_example *example)
{
    for (uint32_t i = 0; i < edge->example_count; i++)
        if (is_same(&edge->examples[i], example))
            return &edge->examples[i];
    if (edge->example_count < LG__ORDER_EXAMPLES)
        return &edge->examples[edge->example_count++];
    for (uint32_t i = 0; i < LG__ORDER_EXAMPLES; i++)
        if (may_go(edge, &edge->examples[i], example))
            return &edge->examples[i];
    return NULL;
}

/* Write down who holds a part of something; a crowd can hold it all, if no gate keeps them apart. */
static void join_crowd(struct lg__order_edge *edge, const struct lg__order_example *example)
{
    if (example->held_units >= example->held_capacity || example->gate_count > 0 ||
        example->held_capacity / example->held_units > LG__ORDER_CROWD)
        return;
    if (edge->crowd == LG__ORDER_NONE && crowd_count < LG__ORDER_CROWDS) {
        lg__order_graph->crowds[crowd_count].count = 0;
        edge->crowd = crowd_count++;
    }
    if (edge->crowd == LG__ORDER_NONE)
        return;
    struct lg__order_crowd *crowd = &lg__order_graph->crowds[edge->crowd];
    uint32_t place = crowd->count < LG__ORDER_CROWD ? crowd->count : LG__ORDER_CROWD - 1;
    for (uint32_t i = 0; i < crowd->count; i++)
        if (crowd->contexts[i] == example->context)
            place = i;
    for (uint32_t i = 0; i < crowd->count && place == LG__ORDER_CROWD - 1; i++)
        if (!lg__context_is_alive(crowd->contexts[i]))
            place = i;
    crowd->contexts[place] = example->context;
    crowd->times[place] = example->time;
    crowd->count += place == crowd->count;
}

/* ---- Warnings ------------------------------------------------------------------------------------- */

/* The same for a ring wherever it is entered: each class once, in any order. */
static uint64_t names_of(const struct lg__order_search *search)
{
    uint64_t sum = search->count;
    for (uint32_t i = 0; i < search->count; i++) {
        const struct lg__order_node *node = &lg__order_graph->nodes[search->steps[i].edge->to];
        uint64_t hash = hash_text(0xcbf29ce484222325ull ^ (uintptr_t)node->class, node->name);
        sum += (node->name[0] ? hash : hash ^ node->serial) * 0x9e3779b97f4a7c15ull;
    }
    return sum;
}

/* Whether names were warned of before; from now on they were. */
static bool was_found(uint64_t names)
{
    for (uint32_t i = 0; i < found_count; i++)
        if (found_names[i] == names)
            return true;
    if (found_count == FOUND_MAX) /* so many are enough */
        return true;
    found_names[found_count++] = names;
    return false;
}

static void fill_step(struct lg_prediction_step *out, const struct lg__order_node *from,
                      const struct lg__order_node *to, const struct lg__order_example *example)
{
    lg__context_copy_name(example->context, out->context);
    lg__copy_name(out->held_noun, sizeof out->held_noun, from->class->noun);
    lg__copy_name(out->held_name, sizeof out->held_name, from->name);
    lg__copy_place(out->held_place, sizeof out->held_place, example->held_place);
    lg__copy_name(out->taken_noun, sizeof out->taken_noun, to->class->noun);
    lg__copy_name(out->taken_name, sizeof out->taken_name, to->name);
    lg__copy_place(out->taken_place, sizeof out->taken_place, example->taken_place);
}

/* A new warning; NULL: no more are kept. */
static struct lg_prediction *add_warning(struct lg__order_news *news)
{
    uint32_t index = warning_count++;
    if (index >= LG_PREDICTIONS_MAX)
        return NULL;
    news->count++;
    memset(&lg__order_graph->kept[index], 0, sizeof lg__order_graph->kept[index]);
    return &lg__order_graph->kept[index];
}

static void warn_of_ring(const struct lg__order_search *search, struct lg__order_news *news)
{
    struct lg_prediction *kept = was_found(names_of(search)) ? NULL : add_warning(news);
    if (!kept)
        return;
    kept->kind = LG_PREDICTION_ORDER;
    kept->step_count = search->count;
    for (uint32_t i = 0; i < search->count; i++) {
        const struct lg__order_edge *edge = search->steps[i].edge;
        fill_step(&kept->steps[i], &lg__order_graph->nodes[edge->from],
                  &lg__order_graph->nodes[edge->to], search->steps[i].example);
    }
}

static void check_ranks(const struct lg__thing *held, const struct lg__thing *taken,
                        const struct lg__order_example *example, struct lg__order_news *news)
{
    uint32_t held_rank, taken_rank;
    if (!lg__rank_forbids(held, taken, &held_rank, &taken_rank))
        return;
    uint64_t names = hash_text(hash_text(1, held->name) * 31, taken->name);
    struct lg_prediction *kept = was_found(names) ? NULL : add_warning(news);
    if (!kept)
        return;
    struct lg__order_node from = {.class = held->class}, to = {.class = taken->class};
    memcpy(from.name, held->name, sizeof from.name);
    memcpy(to.name, taken->name, sizeof to.name);
    kept->kind = LG_PREDICTION_RANK;
    kept->held_rank = held_rank;
    kept->taken_rank = taken_rank;
    kept->step_count = 1;
    fill_step(&kept->steps[0], &from, &to, example);
}

/* One pair: write it down, and look for a ring that it closes. */
static void take_one(struct lg__order_edge *edge, const struct lg__order_example *example,
                     struct lg__order_news *news)
{
    struct lg__order_example *place = place_for(edge, example);
    if (place)
        *place = *example;
    join_crowd(edge, example);
    if (edge->no_ring_at == shape)
        return;
    if (!lg__ring_can_reach(edge->to, edge->from)) {
        edge->no_ring_at = shape;
        return;
    }
    struct lg__order_search search = {
        .steps = {{edge, example}}, .count = 1, .goal = edge->from, .budget = STEPS_BUDGET};
    if (example->gate_count <= LG__ORDER_GATES && lg__ring_close(&search))
        warn_of_ring(&search, news);
}

struct lg__order_news lg__order_take(const struct lg__taker *taker, const struct lg__thing *things,
                                     uint32_t count)
{
    lg__raw_lock(&order_lock);
    struct lg__order_news news = {.first = warning_count};
    uint32_t left_out_before = left_out;
    for (uint32_t held = 0; lg__order_graph && held < count; held++) {
        struct lg__order_example example = example_of(taker, things, held, count);
        check_ranks(&things[held], &things[count], &example, &news);
        struct lg__order_edge *edge = edge_of(&things[held], &things[count]);
        if (edge)
            take_one(edge, &example, &news);
    }
    news.is_full = left_out_before == 0 && left_out > 0;
    lg__raw_unlock(&order_lock);
    return news;
}

bool lg__order_get(uint32_t index, struct lg_prediction *out)
{
    lg__raw_lock(&order_lock);
    bool is_there = lg__order_graph && index < warning_count && index < LG_PREDICTIONS_MAX;
    if (is_there)
        *out = lg__order_graph->kept[index];
    lg__raw_unlock(&order_lock);
    return is_there;
}

struct lg__order_counts lg__order_counts(void)
{
    lg__raw_lock(&order_lock);
    struct lg__order_counts counts = {class_count, edge_count, warning_count, left_out};
    lg__raw_unlock(&order_lock);
    return counts;
}

void lg__order_reset(void)
{
    lg__raw_lock(&order_lock);
    memset(node_heads, 0, sizeof node_heads);
    memset(edge_heads, 0, sizeof edge_heads);
    node_count = edge_count = crowd_count = class_count = 0;
    found_count = warning_count = left_out = 0;
    shape++;
    lg__raw_unlock(&order_lock);
    (void)lg__observe_tick(); /* what was looked at before is looked at again */
}

/* Fork: what the parent's other threads did counts no more, because they have ended. */
static void lock_order(void)
{
    lg__raw_lock(&order_lock);
}

static void unlock_order(void)
{
    lg__raw_unlock(&order_lock);
}

static void forget_lock(void)
{
    order_lock = (struct lg__raw_lock){0};
}

static __attribute__((constructor)) void add_fork_hooks(void)
{
    static const struct lg__fork_hooks hooks = {lock_order, unlock_order, forget_lock};
    lg__fork_add(&hooks);
}
