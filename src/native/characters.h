/* The character models of manuscribe/text/characters.py: how probable a letter is after those before it. */

#ifndef MANUSCRIBE_CHARACTERS_H
#define MANUSCRIBE_CHARACTERS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

enum { EMPTY = 0 }; /* the context of no letters */

/* Borrows the arrays of a CharacterModel, whose constructor has seen to it that they fit together. */
typedef struct {
    Py_buffer places, letters, starts, scores, backoffs, shorter;
    int held; /* how many of the six there are to give back */
} Characters;

/* To be called once, before all others. */
void characters_prepare(void);

/* Takes hold of a CharacterModel's `tables`. On failure an exception is set, and -1 returned. */
int characters_hold(Characters *model, PyObject *tables);
void characters_release(Characters *model);

/* Log-probability (nats) of a letter in a context. */
double characters_score(const Characters *model, uint32_t context, int64_t letter);

/* The same, and the context after it. */
double characters_step(const Characters *model, uint32_t *context, int64_t letter);

#endif
