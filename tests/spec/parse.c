/* The language: README.md. */
#include "spec/spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX  (64 * 1024)
#define WORDS_MAX 64

/* One line, cut into words. */
struct line {
    unsigned number;
    bool is_indented;
    char *words[WORDS_MAX];
    uint32_t count;
    char text[1024];
};

struct parser {
    struct spec *spec;
    struct line line;
    bool is_in_thread;           /* indented lines are steps of the latest thread */
    struct expectation *expects; /* indented lines are what this expects */
};

static bool wrong(struct parser *parser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool wrong(struct parser *parser, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(parser->spec->error, sizeof parser->spec->error, format, args);
    va_end(args);
    parser->spec->error_line = parser->line.number;
    return false;
}

static bool is_name(const char *word)
{
    if (!isalpha((unsigned char)word[0]) || strlen(word) >= SPEC_NAME_SIZE)
        return false;
    for (; *word; word++)
        if (!isalnum((unsigned char)*word) && *word != '-' && *word != '_')
            return false;
    return true;
}

static bool is_number(const char *word, uint32_t *number)
{
    char *end;
    unsigned long value = strtoul(word, &end, 10);
    *number = (uint32_t)value;
    return isdigit((unsigned char)word[0]) && !*end && value > 0 && value <= 1000;
}

static struct object *find_object(struct spec *spec, const char *name)
{
    for (uint32_t i = 0; i < spec->object_count; i++)
        if (!strcmp(spec->objects[i].name, name))
            return &spec->objects[i];
    return NULL;
}

static const struct step *find_step(const struct spec *spec, const char *name)
{
    for (uint32_t i = 0; i < spec->step_count; i++)
        if (!strcmp(spec->steps[i].name, name))
            return &spec->steps[i];
    return NULL;
}

static bool has_actor(const struct spec *spec, const char *name)
{
    for (uint32_t i = 0; i < spec->actor_count; i++)
        if (!strcmp(spec->actors[i], name))
            return true;
    return false;
}

/* A name is one thing in the whole file. */
static bool is_new_name(struct parser *parser, const char *name)
{
    const struct spec *spec = parser->spec;
    if (!is_name(name))
        return wrong(parser,
                     "\"%.40s\" is no name: a letter, then letters, digits, - and _, at most %d",
                     name, SPEC_NAME_SIZE - 1);
    if (find_object(parser->spec, name) || find_step(spec, name) || has_actor(spec, name))
        return wrong(parser, "there is a \"%s\" already", name);
    return true;
}

static const struct kind *find_kind(const char *noun)
{
    for (uint32_t i = 0; spec_kinds[i]; i++)
        if (!strcmp(spec_kinds[i]->noun, noun))
            return spec_kinds[i];
    return NULL;
}

/* KIND NAME [NUMBER] [OPTION] */
static bool parse_object(struct parser *parser, const struct kind *kind)
{
    struct line *line = &parser->line;
    struct spec *spec = parser->spec;
    uint32_t next = 2;
    if (spec->actor_count > 0)
        return wrong(parser, "objects come before threads");
    if (line->count < 2)
        return wrong(parser, "a %s has a name", kind->noun);
    if (!is_new_name(parser, line->words[1]))
        return false;
    if (spec->object_count == SPEC_OBJECTS_MAX)
        return wrong(parser, "more than %d objects", SPEC_OBJECTS_MAX);
    struct object *object = &spec->objects[spec->object_count];
    *object = (struct object){.kind = kind};
    snprintf(object->name, sizeof object->name, "%s", line->words[1]);
    if (kind->has_number &&
        (next >= line->count || !is_number(line->words[next++], &object->number)))
        return wrong(parser, "a %s has a number from 1 to 1000 after its name", kind->noun);
    object->has_option =
        next < line->count && kind->option && !strcmp(line->words[next], kind->option);
    next += object->has_option;
    if (next < line->count)
        return wrong(parser, "\"%.40s\" says nothing about a %s", line->words[next], kind->noun);
    spec->object_count++;
    return true;
}

static bool parse_thread(struct parser *parser)
{
    struct spec *spec = parser->spec;
    if (spec->expectation_count > 0)
        return wrong(parser, "threads come before schedules");
    if (parser->line.count != 2)
        return wrong(parser, "a thread has one name");
    if (!is_new_name(parser, parser->line.words[1]))
        return false;
    if (spec->actor_count == SPEC_ACTORS_MAX)
        return wrong(parser, "more than %d threads", SPEC_ACTORS_MAX);
    snprintf(spec->actors[spec->actor_count++], SPEC_NAME_SIZE, "%s", parser->line.words[1]);
    parser->is_in_thread = true;
    return true;
}

static const struct verb *find_verb(const struct kind *kind, const char *name)
{
    for (const struct verb *verb = kind->verbs; verb->name; verb++)
        if (!strcmp(verb->name, name))
            return verb;
    return NULL;
}

static bool wrong_verb(struct parser *parser, const struct object *object, const char *name)
{
    char verbs[SPEC_LINE_SIZE] = "";
    for (const struct verb *verb = object->kind->verbs; verb->name; verb++)
        snprintf(verbs + strlen(verbs), sizeof verbs - strlen(verbs), "%s%s", verbs[0] ? ", " : "",
                 verb->name);
    return wrong(parser, "no %.20s for %s %s: there are %.80s", name, object->kind->noun,
                 object->name, verbs);
}

/* One of several things: an object that can be, or a thread, which may come later in the file. */
static bool parse_thing(struct parser *parser, struct action *action, const char *word)
{
    if (action->thing_count == SPEC_THINGS_MAX)
        return wrong(parser, "more than %d things to wait for", SPEC_THINGS_MAX);
    struct thing *thing = &action->things[action->thing_count++];
    thing->object = find_object(parser->spec, word);
    if (thing->object && (action->verb->has_thread || !thing->object->kind->waitable))
        return wrong(parser, "%s is nothing for %s", thing->object->name, action->verb->name);
    if (!is_name(word))
        return wrong(parser, "there is no thread \"%.40s\"", word);
    snprintf(thing->thread, sizeof thing->thread, "%s", word);
    return true;
}

static bool parse_things(struct parser *parser, struct action *action, char **words, uint32_t count,
                         uint32_t *next)
{
    uint32_t most = action->verb->has_thread ? 1 : count;
    while (*next < count && action->thing_count < most && strcmp(words[*next], "within") != 0)
        if (!parse_thing(parser, action, words[(*next)++]))
            return false;
    return action->thing_count > 0 || wrong(parser, "%s of what?", action->verb->name);
}

/* What may follow VERB OBJECT: a second object, other things, a number, "within N h". */
static bool parse_rest(struct parser *parser, struct action *action, char **words, uint32_t count)
{
    const struct verb *verb = action->verb;
    uint32_t next = 0;
    action->number = 1;
    if ((verb->has_things || verb->has_thread) &&
        !parse_things(parser, action, words, count, &next))
        return false;
    if (verb->other) {
        action->other = next < count ? find_object(parser->spec, words[next++]) : NULL;
        if (!action->other || strcmp(action->other->kind->noun, verb->other) != 0)
            return wrong(parser, "%s wants a %s after %s", verb->name, verb->other,
                         action->object->name);
    }
    if (verb->has_number && next < count && is_number(words[next], &action->number))
        next++;
    if (verb->has_deadline && next + 3 == count && !strcmp(words[next], "within") &&
        is_number(words[next + 1], &action->hours) && !strcmp(words[next + 2], "h"))
        next += 3;
    if (next < count)
        return wrong(parser, "\"%.40s\" says nothing about %s", words[next], verb->name);
    return true;
}

static const struct verb *find_verb_alone(const char *name)
{
    for (const struct verb *verb = spec_verbs_alone; verb->name; verb++)
        if (!strcmp(verb->name, name))
            return verb;
    return NULL;
}

/* Whether nothing can come after what the step has so far. */
static bool is_last(const struct step *step)
{
    return step->action_count > 0 &&
           step->actions[step->action_count - 1].verb == find_verb_alone("exit");
}

static bool parse_action(struct parser *parser, struct step *step, char **words, uint32_t count)
{
    if (step->action_count == SPEC_ACTIONS_MAX)
        return wrong(parser, "more than %d actions in a step", SPEC_ACTIONS_MAX);
    if (is_last(step))
        return wrong(parser, "no action comes after exit");
    struct action *action = &step->actions[step->action_count++];
    *action = (struct action){.verb = count > 0 ? find_verb_alone(words[0]) : NULL};
    bool has_more = action->verb && (action->verb->has_things || action->verb->has_thread);
    if (has_more || (action->verb && count == 1))
        return parse_rest(parser, action, words + 1, count - 1);
    if (count < 2)
        return wrong(parser, count ? "\"%.40s\" of what?" : "an action is missing",
                     count ? words[0] : "");
    action->object = find_object(parser->spec, words[1]);
    if (!action->object)
        return wrong(parser, "there is no object \"%.40s\"", words[1]);
    action->verb = find_verb(action->object->kind, words[0]);
    if (!action->verb)
        return wrong_verb(parser, action->object, words[0]);
    return parse_rest(parser, action, words + 2, count - 2);
}

/* NAME ACTION [, ACTION]... */
static bool parse_step(struct parser *parser)
{
    struct spec *spec = parser->spec;
    struct line *line = &parser->line;
    const struct step *before = spec->step_count ? &spec->steps[spec->step_count - 1] : NULL;
    if (!is_new_name(parser, line->words[0]))
        return false;
    if (spec->step_count == SPEC_STEPS_MAX)
        return wrong(parser, "more than %d steps", SPEC_STEPS_MAX);
    if (before && before->actor == spec->actor_count - 1 && is_last(before))
        return wrong(parser, "no step comes after exit");
    struct step *step = &spec->steps[spec->step_count];
    *step = (struct step){.actor = spec->actor_count - 1, .line = line->number};
    snprintf(step->name, sizeof step->name, "%s", line->words[0]);
    for (uint32_t first = 1, last = 1; last <= line->count; last++)
        if (last == line->count || !strcmp(line->words[last], ",")) {
            if (!parse_action(parser, step, line->words + first, last - first))
                return false;
            first = last + 1;
        }
    spec->step_count++;
    return true;
}

/* The steps of a thread are taken in their order, each once at most. */
static bool add_to_schedule(struct parser *parser, const char *name)
{
    struct expectation *expects = parser->expects;
    const struct step *step = find_step(parser->spec, name);
    if (!step)
        return wrong(parser, "there is no step \"%.40s\"", name);
    uint32_t index = (uint32_t)(step - parser->spec->steps);
    for (uint32_t i = 0; i < expects->step_count; i++)
        if (parser->spec->steps[expects->steps[i]].actor == step->actor &&
            expects->steps[i] >= index)
            return wrong(parser, "step %s comes after %s in the thread", step->name,
                         parser->spec->steps[expects->steps[i]].name);
    expects->steps[expects->step_count++] = index;
    return true;
}

static bool begin_expectation(struct parser *parser)
{
    struct spec *spec = parser->spec;
    if (spec->step_count == 0)
        return wrong(parser, "a schedule needs steps");
    if (spec->expectation_count == SPEC_SCHEDULES_MAX)
        return wrong(parser, "more than %d schedules", SPEC_SCHEDULES_MAX);
    parser->expects = &spec->expectations[spec->expectation_count++];
    parser->is_in_thread = false;
    *parser->expects = (struct expectation){.line = parser->line.number};
    return true;
}

/* schedule STEP... */
static bool parse_schedule(struct parser *parser)
{
    if (!begin_expectation(parser))
        return false;
    if (parser->line.count < 2)
        return wrong(parser, "a schedule has steps");
    for (uint32_t i = 1; i < parser->line.count; i++)
        if (!add_to_schedule(parser, parser->line.words[i]))
            return false;
    return true;
}

/* every schedule */
static bool parse_every(struct parser *parser)
{
    if (parser->line.count != 2 || strcmp(parser->line.words[1], "schedule") != 0)
        return wrong(parser, "\"every\" is followed by \"schedule\"");
    if (!begin_expectation(parser))
        return false;
    parser->expects->is_every = true;
    return true;
}

/* A line that is to come; spaces between words do not count. */
static bool parse_expected(struct parser *parser)
{
    struct expectation *expects = parser->expects;
    const struct line *line = &parser->line;
    uint32_t count;
    if (expects->line_count == SPEC_LINES_MAX)
        return wrong(parser, "more than %d lines", SPEC_LINES_MAX);
    if (expects->is_every && !is_number(line->words[0], &count))
        return wrong(parser, "\"%.40s\" is no number of schedules", line->words[0]);
    if (!expects->is_every && !find_step(parser->spec, line->words[0]))
        return wrong(parser, "there is no step \"%.40s\"", line->words[0]);
    if (line->count < 2)
        return wrong(parser, "what comes of %.40s?", line->words[0]);
    char *out = expects->lines[expects->line_count++];
    for (uint32_t i = 0; i < line->count; i++) {
        bool is_comma = !strcmp(line->words[i], ",");
        snprintf(out + strlen(out), SPEC_LINE_SIZE - strlen(out), "%s%s", i && !is_comma ? " " : "",
                 line->words[i]);
    }
    return true;
}

static bool parse_line(struct parser *parser)
{
    const char *first = parser->line.words[0];
    if (!parser->spec->has_prose)
        return wrong(parser, "first say in lines with # which edges are to be expected");
    if (parser->line.is_indented && parser->expects)
        return parse_expected(parser);
    if (parser->line.is_indented)
        return parser->is_in_thread
                   ? parse_step(parser)
                   : wrong(parser, "an indented line belongs to a thread or schedule");
    const struct kind *kind = find_kind(first);
    if (kind)
        return parse_object(parser, kind);
    if (!strcmp(first, "thread"))
        return parse_thread(parser);
    if (!strcmp(first, "schedule"))
        return parse_schedule(parser);
    if (!strcmp(first, "every"))
        return parse_every(parser);
    return wrong(parser, "\"%.40s\" is no kind of object, thread, schedule or every", first);
}

/* Which threads the names in actions are, now that all are known. */
static bool find_threads(struct parser *parser, struct step *step)
{
    struct spec *spec = parser->spec;
    for (uint32_t i = 0; i < step->action_count; i++) {
        struct action *action = &step->actions[i];
        for (uint32_t j = 0; j < action->thing_count; j++) {
            struct thing *thing = &action->things[j];
            while (!thing->object && thing->actor < spec->actor_count &&
                   strcmp(spec->actors[thing->actor], thing->thread) != 0)
                thing->actor++;
            parser->line.number = step->line;
            if (thing->actor == spec->actor_count)
                return wrong(parser, "there is no thread \"%s\"", thing->thread);
        }
    }
    return true;
}

/* Commas are words of their own, a # begins a remark. */
static bool cut(struct parser *parser, const char *text, size_t length)
{
    struct line *line = &parser->line;
    size_t used = 0;
    line->count = 0;
    line->is_indented = length > 0 && text[0] == ' ';
    for (size_t i = 0; i < length && text[i] != '#';) {
        if (text[i] == ' ') {
            i++;
            continue;
        }
        if (!isgraph((unsigned char)text[i]))
            return wrong(parser, "a character that is none of text's (no tabs either)");
        if (line->count == WORDS_MAX || used + (length - i) + 2 > sizeof line->text)
            return wrong(parser, "the line is too long");
        line->words[line->count++] = line->text + used;
        if (text[i] == ',')
            line->text[used++] = text[i++];
        else
            while (i < length && text[i] != ' ' && text[i] != ',' && text[i] != '#')
                line->text[used++] = text[i++];
        line->text[used++] = 0;
    }
    return true;
}

static bool parse_text(struct parser *parser, const char *text)
{
    for (parser->line.number = 1; *text; parser->line.number++) {
        size_t length = strcspn(text, "\n");
        if (text[0] == '#' && length > 2)
            parser->spec->has_prose = true;
        if (!cut(parser, text, length) || (parser->line.count > 0 && !parse_line(parser)))
            return false;
        text += length + (text[length] == '\n');
    }
    if (parser->spec->expectation_count == 0)
        return wrong(parser, "there is no schedule");
    for (uint32_t i = 0; i < parser->spec->step_count; i++)
        if (!find_threads(parser, &parser->spec->steps[i]))
            return false;
    return true;
}

bool spec_parse(struct spec *spec, const char *path)
{
    static char text[FILE_MAX + 1];
    *spec = (struct spec){.path = path};
    struct parser parser = {.spec = spec, .line.number = 1};
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(text, 1, sizeof text, file) : 0;
    bool is_read = file && !ferror(file);
    if (!is_read)
        (void)wrong(&parser, "%s", strerror(errno));
    if (file)
        fclose(file);
    if (!is_read)
        return false;
    if (length > FILE_MAX)
        return wrong(&parser, "more than %d bytes", FILE_MAX);
    text[length] = 0;
    for (size_t i = 0; text[i]; i++)
        parser.line.number += text[i] == '\n';
    if (strlen(text) != length)
        return wrong(&parser, "not a text file");
    return parse_text(&parser, text);
}
