/* Prefix beam search: manuscribe/readers/compact/search.py, compiled. */

#ifndef MANUSCRIBE_SEARCH_H
#define MANUSCRIBE_SEARCH_H

#include "characters.h"

/* Log-probabilities T×C; class 0 is the blank. */
typedef struct {
    const float *scores;
    Py_ssize_t frames, classes;
} Frames;

/* How a character model takes part; without one, `model` is NULL. */
typedef struct {
    const Characters *model;
    uint32_t start; /* the context before the first letter */
    double weight, bonus;
} Fusion;

/* A list of (classes, score, log-probability of what was seen), best first; NULL with an exception set.
 *
 * `likely` is the log-probability above which a letter is possible in a frame; `share` that of the best beginning which
 * another must keep. */
PyObject *search_beam(Frames frames, float likely, Py_ssize_t width, double share, Fusion fusion);

#endif
