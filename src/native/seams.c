#include "seams.h"

#include <math.h>
#include <stdlib.h>

/* What each row of a column costs in all, after the column before it; `before` and `now` go on by `reach` rows both ways,
 * which are never reached. */
static void step(const float *before, const float *costs, Py_ssize_t columns, Py_ssize_t rows, const float *climbs,
                 Py_ssize_t reach, float *now)
{
    for (Py_ssize_t row = 0; row < rows; row++)
        now[row] = before[row];
    for (Py_ssize_t climb = 1; climb <= reach; climb++) {
        for (Py_ssize_t row = 0; row < rows; row++) {
            const float up = before[row - climb], down = before[row + climb];
            const float climbed = (up < down ? up : down) + climbs[climb - 1];
            now[row] = climbed < now[row] ? climbed : now[row];
        }
    }
    for (Py_ssize_t row = 0; row < rows; row++)
        now[row] += costs[row * columns];
}

/* Where a row was reached from; of ways that cost the same, the uppermost. */
static Py_ssize_t origin(const float *before, Py_ssize_t row, const float *climbs, Py_ssize_t reach)
{
    Py_ssize_t best = row;
    float least = INFINITY;
    for (Py_ssize_t from = row - reach; from <= row + reach; from++) {
        const Py_ssize_t climb = from < row ? row - from : from - row;
        const float cost = climb ? before[from] + climbs[climb - 1] : before[from];
        if (cost < least) {
            least = cost;
            best = from;
        }
    }
    return best;
}

int seams_cheapest(const float *costs, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t length, const float *climbs,
                   Py_ssize_t reach, int64_t *path)
{
    const Py_ssize_t padded = rows + 2 * reach;
    float *totals = malloc((size_t)length * padded * sizeof *totals);
    if (!totals)
        return -1;
    for (Py_ssize_t place = 0; place < length * padded; place++)
        totals[place] = INFINITY;
    float *inside = totals + reach; /* row 0 of the first column */
    for (Py_ssize_t row = 0; row < rows; row++)
        inside[row] = costs[row * columns];
    for (Py_ssize_t column = 1; column < length; column++)
        step(inside + (column - 1) * padded, costs + column, columns, rows, climbs, reach, inside + column * padded);
    const float *last = inside + (length - 1) * padded;
    Py_ssize_t row = 0;
    for (Py_ssize_t other = 1; other < rows; other++)
        if (last[other] < last[row])
            row = other;
    path[length - 1] = row;
    for (Py_ssize_t column = length - 1; column > 0; column--)
        path[column - 1] = row = origin(inside + (column - 1) * padded, row, climbs, reach);
    free(totals);
    return 0;
}
