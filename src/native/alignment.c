#include "alignment.h"

#include <math.h>
#include <stdlib.h>

enum { BLANK = 0 };

/* From how many states before each state is reached in the best way: 0, 1 or 2. */
static void step(const double *before, const float *frame, const int64_t *states, Py_ssize_t count, double *now,
                 uint8_t *from)
{
    for (Py_ssize_t state = 0; state < count; state++) {
        double best = before[state];
        from[state] = 0;
        if (state > 0 && before[state - 1] > best) {
            best = before[state - 1];
            from[state] = 1;
        }
        /* Between two letters a blank may be left out, unless they are the same. */
        if (state > 1 && states[state] != BLANK && states[state] != states[state - 2] && before[state - 2] > best) {
            best = before[state - 2];
            from[state] = 2;
        }
        now[state] = best + frame[states[state]];
    }
}

int alignment_path(const float *scores, Py_ssize_t frames, Py_ssize_t classes, const int64_t *states, Py_ssize_t count,
                   int64_t *path)
{
    double *rows = malloc(2 * count * sizeof *rows);
    uint8_t *from = malloc((size_t)frames * count);
    if (!rows || !from) {
        free(rows);
        free(from);
        return -1;
    }
    double *before = rows, *now = rows + count;
    for (Py_ssize_t state = 0; state < count; state++)
        before[state] = state < 2 ? scores[states[state]] : -INFINITY;
    for (Py_ssize_t frame = 1; frame < frames; frame++) {
        step(before, scores + frame * classes, states, count, now, from + frame * count);
        double *swapped = before;
        before = now;
        now = swapped;
    }
    Py_ssize_t state = count - 1 - (before[count - 1] < before[count - 2]);
    for (Py_ssize_t frame = frames - 1; frame >= 0; frame--) {
        path[frame] = state;
        if (frame > 0)
            state -= from[frame * count + state];
    }
    free(rows);
    free(from);
    return 0;
}
