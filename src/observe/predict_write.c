/* Warnings as text and JSON. */
#include "observe/order.h"
#include "plat/text.h"

/* As `mutex "accounts" (bank.c:12)`. */
static void add_thing(struct lg__text *text, const char *noun, const char *name, const char *place)
{
    if (name[0])
        lg__text_addf(text, "%s \"%s\"", noun, name);
    else
        lg__text_addf(text, "an unnamed %s", noun);
    lg__text_addf(text, " (%s)", place[0] ? place : "unknown place");
}

static void add_step(struct lg__text *text, const struct lg_prediction_step *step)
{
    lg__text_addf(text, "\n  %s held ", step->context);
    add_thing(text, step->held_noun, step->held_name, step->held_place);
    lg__text_add(text, " and took ");
    add_thing(text, step->taken_noun, step->taken_name, step->taken_place);
}

static void add_warning(struct lg__text *text, const struct lg_prediction *prediction)
{
    if (prediction->kind == LG_PREDICTION_RANK)
        lg__text_addf(text, "rank %u was taken while rank %u was held", prediction->taken_rank,
                      prediction->held_rank);
    else
        lg__text_add(text, "these could deadlock, if they come at the same time");
    for (uint32_t i = 0; i < prediction->step_count; i++)
        add_step(text, &prediction->steps[i]);
}

size_t lg_prediction_write(const struct lg_prediction *prediction, char *buffer, size_t size)
{
    struct lg__text text;
    lg__text_begin(&text, buffer, size);
    if (prediction && prediction->step_count <= LG_PREDICTION_STEPS)
        add_warning(&text, prediction);
    return text.length;
}

static void json_thing(struct lg__text *text, const char *key, const char *noun, const char *name,
                       const char *place)
{
    lg__json_key(text, key);
    lg__text_add(text, "{");
    lg__json_string(text, "noun", noun);
    lg__json_string(text, "name", name);
    lg__json_string(text, "place", place);
    lg__text_add(text, "}");
}

static void json_warning(struct lg__text *text, const struct lg_prediction *prediction)
{
    bool is_rank = prediction->kind == LG_PREDICTION_RANK;
    lg__text_add(text, "{");
    lg__json_string(text, "kind", is_rank ? "rank" : "order");
    if (is_rank) {
        lg__json_number(text, "held_rank", prediction->held_rank);
        lg__json_number(text, "taken_rank", prediction->taken_rank);
    }
    lg__json_key(text, "steps");
    lg__text_add(text, "[");
    for (uint32_t i = 0; i < prediction->step_count; i++) {
        const struct lg_prediction_step *step = &prediction->steps[i];
        lg__text_add(text, i ? ",{" : "{");
        lg__json_string(text, "context", step->context);
        json_thing(text, "held", step->held_noun, step->held_name, step->held_place);
        json_thing(text, "taken", step->taken_noun, step->taken_name, step->taken_place);
        lg__text_add(text, "}");
    }
    lg__text_add(text, "]}");
}

static void json_all(struct lg__text *text, const struct lg__order_counts *counts)
{
    struct lg_prediction prediction;
    lg__text_add(text, "{");
    lg__json_number(text, "found", counts->found);
    lg__json_number(text, "classes", counts->classes);
    lg__json_number(text, "orders", counts->edges);
    lg__json_number(text, "left_out", counts->left_out);
    lg__json_key(text, "warnings");
    lg__text_add(text, "[");
    for (uint32_t i = 0; lg__order_get(i, &prediction); i++) {
        lg__text_add(text, i ? "," : "");
        json_warning(text, &prediction);
    }
    lg__text_add(text, "]}");
}

static void text_all(struct lg__text *text, const struct lg__order_counts *counts)
{
    struct lg_prediction prediction;
    lg__text_addf(text, "%u warning%s; %u names and %u orders seen\n", counts->found,
                  counts->found == 1 ? "" : "s", counts->classes, counts->edges);
    for (uint32_t i = 0; lg__order_get(i, &prediction); i++) {
        add_warning(text, &prediction);
        lg__text_add(text, "\n");
    }
}

size_t lg_predict_write(enum lg_report_format format, char *buffer, size_t size)
{
    struct lg__order_counts counts = lg__order_counts();
    struct lg__text text;
    lg__text_begin(&text, buffer, size);
    if (format == LG_REPORT_JSON)
        json_all(&text, &counts);
    else if (format == LG_REPORT_TEXT)
        text_all(&text, &counts);
    return text.length;
}
