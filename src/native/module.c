/* The module manuscribe.native: the loops that take Python long, compiled.
 *
 * It is optional: where no compiler was at hand, the same is computed in Python (manuscribe/compiled.py). Arrays come as
 * buffers, so that neither numpy's headers nor its version matter, and one build serves every Python from 3.11 on. */

#include "alignment.h"
#include "seams.h"
#include "search.h"

/* How many frames of so many classes there are; -1 with an exception if that does not come out even. */
static Py_ssize_t frames_of(const Py_buffer *scores, Py_ssize_t classes)
{
    const Py_ssize_t count = scores->len / (Py_ssize_t)sizeof(float);
    if (classes >= 1 && count % classes == 0)
        return count / classes;
    PyErr_SetString(PyExc_ValueError, "scores must be frames of all classes");
    return -1;
}

enum { WIDEST = 1 << 20 };

/* Takes hold of the model of (tables, start, weight), unless that is None; to be released in any case. -1 with an
 * exception. */
static int hold(PyObject *told, Characters *model, Expected *expected)
{
    unsigned int start;
    PyObject *tables;
    model->held = 0;
    *expected = (Expected){NULL, EMPTY, 0.0};
    if (told == Py_None)
        return 0;
    if (!PyArg_ParseTuple(told, "OId", &tables, &start, &expected->weight) || characters_hold(model, tables) < 0)
        return -1;
    if (start >= (size_t)model->backoffs.len) {
        PyErr_SetString(PyExc_ValueError, "there is no such context");
        return -1;
    }
    expected->model = model;
    expected->start = start;
    return 0;
}

static PyObject *beam(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer scores;
    Py_ssize_t classes, width;
    float likely;
    double share;
    Fusion fusion;
    PyObject *language, *habit, *texts = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nfndOOdd:beam", &scores, &classes, &likely, &width, &share, &language, &habit,
                          &fusion.rarest, &fusion.bonus))
        return NULL;
    const Py_ssize_t frames = frames_of(&scores, classes);
    Characters of_language = {.held = 0}, of_habit = {.held = 0};
    if (width < 1 || width > WIDEST)
        PyErr_SetString(PyExc_ValueError, "there must be a beginning to follow");
    else if (frames >= 0 && hold(language, &of_language, &fusion.language) == 0 &&
             hold(habit, &of_habit, &fusion.habit) == 0)
        texts = search_beam((Frames){scores.buf, frames, classes}, likely, width, share, fusion);
    characters_release(&of_language);
    characters_release(&of_habit);
    PyBuffer_Release(&scores);
    return texts;
}

/* Whether all states are classes that there are; sets an exception if not. */
static int known(const int64_t *states, Py_ssize_t count, Py_ssize_t classes)
{
    for (Py_ssize_t state = 0; state < count; state++) {
        if (states[state] < 0 || states[state] >= classes) {
            PyErr_SetString(PyExc_ValueError, "there is no such class");
            return 0;
        }
    }
    return 1;
}

static PyObject *path(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer scores, states;
    Py_ssize_t classes;
    PyObject *found = NULL;
    if (!PyArg_ParseTuple(arguments, "y*ny*:path", &scores, &classes, &states))
        return NULL;
    const Py_ssize_t count = states.len / (Py_ssize_t)sizeof(int64_t), frames = frames_of(&scores, classes);
    if (frames == 0 || count < 2) {
        PyErr_SetString(PyExc_ValueError, "a frame and two states are the least");
    } else if (frames > 0 && known(states.buf, count, classes)) {
        found = PyBytes_FromStringAndSize(NULL, frames * (Py_ssize_t)sizeof(int64_t));
        int64_t *place = found ? (int64_t *)PyBytes_AsString(found) : NULL;
        if (found && alignment_path(scores.buf, frames, classes, states.buf, count, place) < 0) {
            Py_CLEAR(found);
            PyErr_NoMemory();
        }
    }
    PyBuffer_Release(&scores);
    PyBuffer_Release(&states);
    return found;
}

static PyObject *scores(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer letters;
    unsigned int context;
    PyObject *tables;
    if (!PyArg_ParseTuple(arguments, "OIy*:scores", &tables, &context, &letters))
        return NULL;
    const Py_ssize_t count = letters.len / (Py_ssize_t)sizeof(int64_t);
    Characters model;
    PyObject *found = NULL;
    if (characters_hold(&model, tables) == 0) {
        found = PyBytes_FromStringAndSize(NULL, count * (Py_ssize_t)sizeof(double));
        if (found && context >= (size_t)model.backoffs.len) {
            PyErr_SetString(PyExc_ValueError, "there is no such context");
            Py_CLEAR(found);
        }
        double *score = found ? (double *)PyBytes_AsString(found) : NULL;
        for (Py_ssize_t k = 0; found && k < count; k++)
            score[k] = characters_step(&model, &context, ((const int64_t *)letters.buf)[k]);
        characters_release(&model);
    }
    PyBuffer_Release(&letters);
    return found;
}

/* Whether costs are N×R×C, for N lengths from 1 to C; sets an exception if not. */
static int fit(const Py_buffer *costs, Py_ssize_t rows, Py_ssize_t columns, const Py_buffer *lengths)
{
    const Py_ssize_t count = lengths->len / (Py_ssize_t)sizeof(int64_t), most = PY_SSIZE_T_MAX / (Py_ssize_t)sizeof(float);
    int fits = rows >= 1 && columns >= 1 && rows <= most / columns &&
               (count == 0 ? costs->len == 0
                           : costs->len % count == 0 &&
                                 costs->len / count == rows * columns * (Py_ssize_t)sizeof(float));
    for (Py_ssize_t k = 0; fits && k < count; k++)
        fits = ((const int64_t *)lengths->buf)[k] >= 1 && ((const int64_t *)lengths->buf)[k] <= columns;
    if (!fits)
        PyErr_SetString(PyExc_ValueError, "costs and lengths must fit together");
    return fits;
}

static PyObject *seams(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer costs, lengths, climbs;
    Py_ssize_t rows, columns;
    PyObject *paths = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nny*y*:seams", &costs, &rows, &columns, &lengths, &climbs))
        return NULL;
    if (fit(&costs, rows, columns, &lengths)) {
        const Py_ssize_t count = lengths.len / (Py_ssize_t)sizeof(int64_t);
        paths = PyBytes_FromStringAndSize(NULL, count * columns * (Py_ssize_t)sizeof(int64_t));
        int64_t *path = paths ? (int64_t *)PyBytes_AsString(paths) : NULL;
        for (Py_ssize_t k = 0; paths && k < count; k++, path += columns) {
            const Py_ssize_t length = (Py_ssize_t)((const int64_t *)lengths.buf)[k];
            if (seams_cheapest((const float *)costs.buf + k * rows * columns, rows, columns, length, climbs.buf,
                               climbs.len / (Py_ssize_t)sizeof(float), path) < 0) {
                Py_CLEAR(paths);
                PyErr_NoMemory();
                break;
            }
            for (Py_ssize_t column = length; column < columns; column++)
                path[column] = path[length - 1];
        }
    }
    PyBuffer_Release(&costs);
    PyBuffer_Release(&lengths);
    PyBuffer_Release(&climbs);
    return paths;
}

static PyMethodDef methods[] = {
    {"beam", beam, METH_VARARGS, PyDoc_STR("The texts that a prefix beam search finds; see readers/compact/search.py.")},
    {"path", path, METH_VARARGS, PyDoc_STR("The most probable state of each frame; see readers/compact/alignment.py.")},
    {"scores", scores, METH_VARARGS, PyDoc_STR("Log-probability of each letter of a line; see text/characters.py.")},
    {"seams", seams, METH_VARARGS, PyDoc_STR("The cheapest row in each column; see segmentation/polygons.py.")},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "manuscribe.native",
    .m_doc = PyDoc_STR("Loops that take Python long, compiled."),
    .m_size = 0,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit_native(void)
{
    characters_prepare();
    return PyModuleDef_Init(&definition);
}
