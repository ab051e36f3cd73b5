/* Rings in the graph of orders: the theory is in order.h. */
#include "observe/order_parts.h"

/* Whether any way leads from one node to another. */
bool lg__ring_can_reach(uint32_t from, uint32_t goal)
{
    static uint32_t last_mark; /* under the order lock */
    uint32_t depth = 0;
    last_mark++;
    lg__order_graph->stack[depth++] = from;
    lg__order_graph->nodes[from].mark = last_mark;
    while (depth > 0) {
        uint32_t node = lg__order_graph->stack[--depth];
        if (node == goal)
            return true;
        for (uint32_t i = lg__order_graph->nodes[node].edges; i != 0;
             i = lg__order_graph->edges[i - 1].next_from) {
            uint32_t to = lg__order_graph->edges[i - 1].to;
            if (lg__order_graph->nodes[to].mark == last_mark)
                continue;
            lg__order_graph->nodes[to].mark = last_mark; /* on the stack once at most */
            lg__order_graph->stack[depth++] = to;
        }
    }
    return false;
}

/* How many contexts of a crowd there are that could do it now, at the same time as the example. */
static uint32_t crowd_size(const struct lg__order_edge *edge, const struct lg__order_example *other)
{
    if (edge->crowd == LG__ORDER_NONE)
        return 1;
    const struct lg__order_crowd *crowd = &lg__order_graph->crowds[edge->crowd];
    uint32_t size = 0;
    for (uint32_t i = 0; i < crowd->count; i++)
        size += crowd->contexts[i] != other->context && crowd->times[i] >= other->birth &&
                lg__context_is_alive(crowd->contexts[i]);
    return size > 0 ? size : 1;
}

/* Whether who takes the first step's thing may have to wait for those who take the second step. */
static bool waits_for(const struct lg__order_step *waiter, const struct lg__order_step *holder)
{
    const struct lg__order_example *waits = waiter->example;
    const struct lg__order_example *holds = holder->example;
    uint64_t capacity = holds->held_capacity;
    uint64_t held = holds->held_units;
    if (held + waits->taken_units <= capacity)
        held *= crowd_size(holder->edge, waits);
    return held + waits->taken_units > capacity;
}

static bool has_common_gate(const struct lg__order_example *a, const struct lg__order_example *b)
{
    for (uint32_t i = 0; i < a->gate_count; i++)
        for (uint32_t j = 0; j < b->gate_count; j++)
            if (a->gates[i] == b->gates[j])
                return true;
    return false;
}

static bool could_be_at_once(const struct lg__order_example *a, const struct lg__order_example *b)
{
    return a->context != b->context && a->time >= b->birth && b->time >= a->birth &&
           !has_common_gate(a, b);
}

static bool fits(const struct lg__order_search *search, const struct lg__order_step *step)
{
    if (step->example->gate_count > LG__ORDER_GATES ||
        !lg__context_is_alive(step->example->context) ||
        !waits_for(&search->steps[search->count - 1], step))
        return false;
    for (uint32_t i = 0; i < search->count; i++)
        if (!could_be_at_once(search->steps[i].example, step->example))
            return false;
    return true;
}

static bool is_on_way(const struct lg__order_search *search, uint32_t node)
{
    for (uint32_t i = 0; i < search->count; i++)
        if (search->steps[i].edge->to == node)
            return true;
    return false;
}

/* As the next step of the way. */
static bool close_by(struct lg__order_search *search, struct lg__order_step step)
{
    if (!fits(search, &step))
        return false;
    bool is_end = step.edge->to == search->goal;
    if (is_end ? !waits_for(&step, &search->steps[0]) : is_on_way(search, step.edge->to))
        return false;
    search->steps[search->count++] = step;
    if (is_end || lg__ring_close(search))
        return true;
    search->count--;
    return false;
}

bool lg__ring_close(struct lg__order_search *search)
{
    if (search->count == LG_PREDICTION_STEPS)
        return false;
    uint32_t node = search->steps[search->count - 1].edge->to;
    for (uint32_t i = lg__order_graph->nodes[node].edges; i != 0;
         i = lg__order_graph->edges[i - 1].next_from) {
        const struct lg__order_edge *edge = &lg__order_graph->edges[i - 1];
        for (uint32_t j = 0; j < edge->example_count; j++) {
            if (search->budget == 0)
                return false;
            search->budget--;
            if (close_by(search, (struct lg__order_step){edge, &edge->examples[j]}))
                return true;
        }
    }
    return false;
}
