#include "characters.h"

#include <string.h>

#define NATS_A_STEP (-0.05)
enum { NOWHERE = 255 };

/* By steps. A table, since compilers that join a product and a sum would round otherwise than Python does. */
static double nats[256];

void characters_prepare(void)
{
    for (int steps = 0; steps < 256; steps++)
        nats[steps] = NATS_A_STEP * steps;
}

typedef struct {
    uint32_t number, context; /* the n-gram that was found, and the context in which it is */
    double score;
} Ngram;

int characters_hold(Characters *model, PyObject *tables)
{
    Py_buffer *parts[] = {&model->places, &model->letters,  &model->starts,
                          &model->scores, &model->backoffs, &model->shorter};
    model->held = 0;
    for (int part = 0; part < 6; part++) {
        PyObject *table = PyTuple_GetItem(tables, part);
        /* The last one remembers what was found. */
        if (!table || PyObject_GetBuffer(table, parts[part], part == 5 ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0) {
            characters_release(model);
            return -1;
        }
        model->held++;
    }
    const Py_ssize_t contexts = model->backoffs.len, wide = sizeof(uint32_t);
    if (model->scores.len != model->letters.len || model->starts.len != (contexts + 1) * wide ||
        model->shorter.len != contexts * wide) {
        PyErr_SetString(PyExc_ValueError, "the arrays of the character model do not fit together");
        characters_release(model);
        return -1;
    }
    return 0;
}

void characters_release(Characters *model)
{
    Py_buffer *parts[] = {&model->places, &model->letters,  &model->starts,
                          &model->scores, &model->backoffs, &model->shorter};
    while (model->held)
        PyBuffer_Release(parts[--model->held]);
}

static uint8_t place_of(const Characters *model, int64_t letter)
{
    const uint8_t *places = model->places.buf;
    return letter >= 0 && letter < model->places.len ? places[letter] : NOWHERE;
}

/* The longest known n-gram that a letter makes of a context. */
static Ngram found(const Characters *model, uint32_t context, uint8_t place)
{
    const uint8_t *letters = model->letters.buf, *scores = model->scores.buf, *backoffs = model->backoffs.buf;
    const uint32_t *starts = model->starts.buf, *shorter = model->shorter.buf;
    double backed_off = 0.0;
    for (;;) {
        const uint8_t *begin = letters + starts[context];
        const uint8_t *letter = memchr(begin, place, starts[context + 1] - starts[context]);
        if (letter) {
            const uint32_t index = (uint32_t)(letter - letters);
            return (Ngram){index + 1, context, backed_off + nats[scores[index]]};
        }
        if (context == EMPTY)
            return (Ngram){EMPTY, EMPTY, backed_off + nats[255]};
        backed_off += nats[backoffs[context]];
        context = shorter[context];
    }
}

/* The context that an n-gram is, or ends in: those that begin no longer ones tell nothing of what follows. */
static uint32_t entered(const Characters *model, Ngram ngram, uint8_t place)
{
    uint32_t *shorter = model->shorter.buf;
    while (ngram.number >= (uint32_t)model->backoffs.len) {
        if (ngram.context == EMPTY)
            return EMPTY;
        ngram = found(model, shorter[ngram.context], place);
    }
    if (ngram.number != EMPTY && ngram.context != EMPTY && shorter[ngram.number] == EMPTY)
        shorter[ngram.number] = entered(model, found(model, shorter[ngram.context], place), place);
    return ngram.number;
}

double characters_score(const Characters *model, uint32_t context, int64_t letter)
{
    return found(model, context, place_of(model, letter)).score;
}

double characters_step(const Characters *model, uint32_t *context, int64_t letter)
{
    const uint8_t place = place_of(model, letter);
    const Ngram ngram = found(model, *context, place);
    *context = entered(model, ngram, place);
    return ngram.score;
}
