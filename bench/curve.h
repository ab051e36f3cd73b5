/* Curves: how a pool's size went during a spike, as JSON and as a small plot. */
#ifndef BENCH_CURVE_H
#define BENCH_CURVE_H

#include <stddef.h>

#define CURVE_POINTS_MAX 256

struct curve_point {
    double ms;
    double open;
    double busy;
    double waiting;
};

struct curve {
    struct curve_point points[CURVE_POINTS_MAX];
    size_t count;
};

/* Add a point; beyond the room that there is, nothing happens. */
void curve_add(struct curve *curve, struct curve_point point);

/* Read [[ms, open, busy, waiting], ...] behind "curve": in an outsider's answer; NULL: no points. */
void curve_read(struct curve *curve, const char *answer);

/* Three lines under a title: open, busy, waiting, from the beginning to ms, 0 to most each. */
void curve_print(const struct curve *curve, const char *title, double ms, double most);

/* The same list again, into text. */
void curve_write(const struct curve *curve, char *text, size_t size);

#endif
