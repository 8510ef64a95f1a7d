/* Where letters stand: the Viterbi recursion of manuscribe/readers/compact/alignment.py, compiled. */

#ifndef MANUSCRIBE_ALIGNMENT_H
#define MANUSCRIBE_ALIGNMENT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* The most probable state of each frame, into `path` (T). `scores` are log-probabilities T×C, `states` S ≥ 2 classes,
 * each below C. -1 without memory. */
int alignment_path(const float *scores, Py_ssize_t frames, Py_ssize_t classes, const int64_t *states, Py_ssize_t count,
                   int64_t *path);

#endif
