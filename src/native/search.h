/* Prefix beam search: manuscribe/readers/compact/search.py, compiled. */

#ifndef MANUSCRIBE_SEARCH_H
#define MANUSCRIBE_SEARCH_H

#include "characters.h"

/* Log-probabilities T×C; class 0 is the blank. */
typedef struct {
    const float *scores;
    Py_ssize_t frames, classes;
} Frames;

/* A character model, and how much its log-probabilities weigh; `model` is NULL where there is none. */
typedef struct {
    const Characters *model;
    uint32_t start; /* the context before the first letter */
    double weight;
} Expected;

/* How character models take part: `habit` is taken off, but for no letter more than if it were as rare as `rarest`. */
typedef struct {
    Expected language, habit;
    double rarest, bonus; /* nats */
} Fusion;

/* A list of (classes, score, log-probability of what was seen), best first; NULL with an exception set.
 *
 * `likely` is the log-probability above which a letter is possible in a frame; `share` that of the best beginning which
 * another must keep. */
PyObject *search_beam(Frames frames, float likely, Py_ssize_t width, double share, Fusion fusion);

#endif
