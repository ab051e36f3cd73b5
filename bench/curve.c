#include "curve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 64

static const char levels[] = " .:-=+*#%@";

void curve_add(struct curve *curve, struct curve_point point)
{
    if (curve->count < CURVE_POINTS_MAX)
        curve->points[curve->count++] = point;
}

void curve_read(struct curve *curve, const char *answer)
{
    struct curve_point point;
    int length;
    curve->count = 0;
    const char *at = answer != NULL ? strstr(answer, "\"curve\": [") : NULL;
    if (at == NULL)
        return;
    at += strlen("\"curve\": [");
    while (sscanf(at, "[%lf,%lf,%lf,%lf]%n", &point.ms, &point.open, &point.busy, &point.waiting,
                  &length) == 4) {
        curve_add(curve, point);
        at += length;
        at += strspn(at, ", ");
    }
}

static double value_of(const struct curve_point *point, int line)
{
    return line == 0 ? point->open : line == 1 ? point->busy : point->waiting;
}

/* Between two samples the earlier one holds. */
static char sign_at(const struct curve *curve, int line, double ms, double most)
{
    double value = 0;
    for (size_t i = 0; i < curve->count && curve->points[i].ms <= ms; i++)
        value = value_of(&curve->points[i], line);
    int level = (int)(value / most * (double)(sizeof(levels) - 2) + 0.999);
    return levels[level < 0 ? 0 : level > 9 ? 9 : level];
}

void curve_print(const struct curve *curve, const char *title, double ms, double most)
{
    static const char *const lines[] = {"open", "busy", "waiting"};
    printf("  %s\n", title);
    for (int line = 0; line < 3; line++) {
        printf("    %-8s|", lines[line]);
        for (int column = 0; column < COLUMNS; column++)
            putchar(sign_at(curve, line, ms * column / COLUMNS, most));
        printf("|\n");
    }
}

void curve_write(const struct curve *curve, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "[");
    for (size_t i = 0; i < curve->count && used + 80 < size; i++) {
        const struct curve_point *point = &curve->points[i];
        used += (size_t)snprintf(text + used, size - used, "%s[%.1f, %.0f, %.0f, %.0f]",
                                 i > 0 ? ", " : "", point->ms, point->open, point->busy,
                                 point->waiting);
    }
    snprintf(text + used, size - used, "]");
}
