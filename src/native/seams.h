/* Seams between lines: the search of manuscribe/segmentation/polygons.py, compiled. */

#ifndef MANUSCRIBE_SEAMS_H
#define MANUSCRIBE_SEAMS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* The cheapest row of each of the first `length` columns of R×C costs, into `path`; the rows may change by as many steps
 * a column as there are `climbs`, which are the costs of 1, 2, … steps. -1 without memory. */
int seams_cheapest(const float *costs, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t length, const float *climbs,
                   Py_ssize_t reach, int64_t *path);

#endif
