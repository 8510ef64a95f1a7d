#include "search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TINY 1e-100
#define HUGE_ENOUGH 1e100
enum { BLANK = 0, NOBODY = -1 };

/* A beginning of texts. Beginnings refer to one another by their places in the pool, which may move as it grows. */
typedef struct {
    Py_ssize_t before;         /* the beginning that is shorter by a letter */
    Py_ssize_t child, sibling; /* one that is longer by a letter, and the next of those with it */
    int64_t last;              /* its last letter */
    Py_ssize_t step;           /* in which it was last alive */
    double gain;               /* nats that the character models add */
    double factor;             /* what the character models have for its last letter */
    double blank, letter;      /* probability of the alignments that end in a blank, or in the last letter */
    uint32_t context, habitual; /* of the language and of the habit */
} Prefix;

typedef struct {
    Prefix *pool;
    Py_ssize_t used, room;
    Py_ssize_t *alive, *grown; /* places in the pool */
    Py_ssize_t living, growing, growth; /* how many there are, and room for how many in both */
    double *masses;            /* of the best `width` of `grown`, least first; room for one more */
    Py_ssize_t weighed;
    int64_t *numbers;          /* the likely letters of a frame, room for all classes … */
    double *values;            /* … and their probabilities */
    double *ended, *either;    /* of those alive before a step, the sum without and with their `letter` */
    Py_ssize_t width;
    double share, most;        /* the least share of the best; the most that the character models make of a letter */
    Fusion fusion;
} Search;

static double mass_of(const Prefix *prefix)
{
    return prefix->blank + prefix->letter;
}

static Py_ssize_t begin(Search *search, Prefix prefix)
{
    if (search->used == search->room) {
        const Py_ssize_t room = search->room * 2;
        Prefix *pool = realloc(search->pool, room * sizeof *pool);
        if (!pool)
            return NOBODY;
        search->pool = pool;
        search->room = room;
    }
    search->pool[search->used] = prefix;
    return search->used++;
}

static int grow(Search *search, Py_ssize_t place)
{
    if (search->growing == search->growth) {
        const Py_ssize_t growth = search->growth * 2;
        Py_ssize_t *grown = realloc(search->grown, growth * sizeof *grown);
        if (grown)
            search->grown = grown;
        Py_ssize_t *alive = realloc(search->alive, growth * sizeof *alive);
        if (alive)
            search->alive = alive;
        if (!grown || !alive)
            return -1;
        search->growth = growth;
    }
    search->grown[search->growing++] = place;
    return 0;
}

static Py_ssize_t child_of(const Search *search, Py_ssize_t place, int64_t letter)
{
    Py_ssize_t child = search->pool[place].child;
    while (child != NOBODY && search->pool[child].last != letter)
        child = search->pool[child].sibling;
    return child;
}

/* Nats that a letter adds. */
static double gain_of(const Fusion *fusion, const Prefix *before, int64_t letter)
{
    const Expected *language = &fusion->language, *habit = &fusion->habit;
    double gain = language->weight * characters_score(language->model, before->context, letter) + fusion->bonus;
    if (habit->model) {
        const double expected = characters_score(habit->model, before->habitual, letter);
        gain -= habit->weight * (expected > fusion->rarest ? expected : fusion->rarest);
    }
    return gain;
}

/* The beginning that is longer by a letter: `*child` is NOBODY if too little would be left of the letter's probability.
 * Returns -1 without memory. */
static int longer(Search *search, Py_ssize_t place, int64_t letter, double mass, double least, Py_ssize_t *child)
{
    const Prefix *before = &search->pool[place];
    Prefix begun = {.before = place, .child = NOBODY, .sibling = before->child, .last = letter, .step = NOBODY,
                    .gain = before->gain, .factor = 1.0, .context = before->context, .habitual = before->habitual};
    *child = NOBODY;
    if (search->fusion.language.model) {
        const double gain = gain_of(&search->fusion, before, letter);
        begun.factor = exp(gain);
        if (mass * begun.factor <= least)
            return 0;
        begun.gain += gain;
        characters_step(search->fusion.language.model, &begun.context, letter);
        if (search->fusion.habit.model)
            characters_step(search->fusion.habit.model, &begun.habitual, letter);
    }
    *child = begin(search, begun);
    if (*child == NOBODY)
        return -1;
    search->pool[place].child = *child;
    return 0;
}

static int compare_masses(const void *one, const void *other)
{
    const double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* The least mass with which a beginning still counts. */
static double least_of(const Search *search, double behind)
{
    return search->weighed == search->width && search->masses[0] > behind ? search->masses[0] : behind;
}

static void weigh(Search *search, double mass)
{
    Py_ssize_t place = search->weighed++;
    for (; place > 0 && search->masses[place - 1] > mass; place--)
        search->masses[place] = search->masses[place - 1];
    search->masses[place] = mass;
    if (search->weighed > search->width)
        memmove(search->masses, search->masses + 1, --search->weighed * sizeof mass);
}

/* Those alive as they are after a frame. -1 without memory. */
static int keep(Search *search, Py_ssize_t step, double blank, const int64_t *numbers, const double *values,
                Py_ssize_t letters)
{
    search->growing = 0;
    for (Py_ssize_t k = 0; k < search->living; k++) {
        Prefix *prefix = &search->pool[search->alive[k]];
        search->ended[k] = prefix->blank;
        search->either[k] = mass_of(prefix);
        double again = 0.0;
        for (Py_ssize_t n = 0; n < letters; n++)
            if (numbers[n] == prefix->last)
                again = values[n];
        prefix->blank = search->either[k] * blank;
        prefix->letter *= again;
        prefix->step = step;
        search->masses[k] = mass_of(prefix);
        if (grow(search, search->alive[k]) < 0)
            return -1;
    }
    search->weighed = search->living;
    qsort(search->masses, search->weighed, sizeof *search->masses, compare_masses);
    return 0;
}

/* One of those alive with a letter more: begun, or, if it is there already, with what comes to it. `*least` is the mass
 * that it must have. -1 without memory. */
static int lengthen(Search *search, Py_ssize_t place, Py_ssize_t step, int64_t letter, double mass, double behind,
                    double *least)
{
    Py_ssize_t number = child_of(search, place, letter);
    if (number == NOBODY) {
        if (mass * search->most <= *least)
            return 0;
        if (longer(search, place, letter, mass, *least, &number) < 0)
            return -1;
        if (number == NOBODY)
            return 0;
    }
    Prefix *child = &search->pool[number];
    mass *= child->factor;
    if (child->step == step) {
        child->letter += mass;
    } else if (mass > *least) {
        child->step = step;
        child->blank = 0.0;
        child->letter = mass;
        if (grow(search, number) < 0)
            return -1;
        weigh(search, mass);
        *least = least_of(search, behind);
    }
    return 0;
}

/* What a frame makes of those alive: each as it is, and with each likely letter more. -1 without memory. */
static int extend(Search *search, Py_ssize_t step, double blank, const int64_t *numbers, const double *values,
                  Py_ssize_t letters)
{
    if (keep(search, step, blank, numbers, values, letters) < 0)
        return -1;
    const double behind = search->masses[search->weighed - 1] * search->share;
    double least = least_of(search, behind);
    for (Py_ssize_t k = 0; k < search->living; k++) {
        const Py_ssize_t place = search->alive[k];
        for (Py_ssize_t n = 0; n < letters; n++) {
            /* The same letter twice needs a blank between. */
            const int twice = numbers[n] == search->pool[place].last;
            const double mass = (twice ? search->ended[k] : search->either[k]) * values[n];
            if (lengthen(search, place, step, numbers[n], mass, behind, &least) < 0)
                return -1;
        }
    }
    return 0;
}

typedef struct {
    double mass;
    Py_ssize_t order, place;
} Ranked;

static int compare_ranked(const void *one, const void *other)
{
    const Ranked *a = one, *b = other;
    if (a->mass != b->mass)
        return a->mass < b->mass ? 1 : -1;
    return a->order < b->order ? 1 : -1;
}

/* The best of those grown become those alive, the very best first, without those too far behind it. */
static int choose(Search *search)
{
    Ranked *ranked = malloc(search->growing * sizeof *ranked);
    if (!ranked)
        return -1;
    for (Py_ssize_t k = 0; k < search->growing; k++)
        ranked[k] = (Ranked){mass_of(&search->pool[search->grown[k]]), k, search->grown[k]};
    qsort(ranked, search->growing, sizeof *ranked, compare_ranked);
    const Py_ssize_t most = search->growing < search->width ? search->growing : search->width;
    const double least = ranked[0].mass * search->share;
    search->living = 0;
    for (Py_ssize_t k = 0; k < most; k++)
        if (k == 0 || ranked[k].mass >= least) /* no number is at least NaN; one beginning must live */
            search->alive[search->living++] = ranked[k].place;
    free(ranked);
    return 0;
}

/* Probabilities are scaled where they become too small; returns the logarithm of what they were divided by. */
static double scaled(Search *search)
{
    const double most = mass_of(&search->pool[search->alive[0]]);
    if ((TINY < most && most < HUGE_ENOUGH) || most == 0)
        return 0.0;
    for (Py_ssize_t k = 0; k < search->living; k++) {
        search->pool[search->alive[k]].blank /= most;
        search->pool[search->alive[k]].letter /= most;
    }
    return log(most);
}

/* Blanks alone: what ended in a letter ends in a blank now. */
static void rest(Search *search)
{
    for (Py_ssize_t k = 0; k < search->living; k++) {
        Prefix *prefix = &search->pool[search->alive[k]];
        prefix->blank = mass_of(prefix);
        prefix->letter = 0.0;
    }
}

/* The likely letters of a frame, with their probabilities; returns how many there are. */
static Py_ssize_t letters_of(const float *frame, Py_ssize_t classes, float likely, int64_t *numbers, double *values)
{
    Py_ssize_t letters = 0;
    for (Py_ssize_t number = BLANK + 1; number < classes; number++) {
        if (frame[number] > likely) {
            numbers[letters] = number;
            values[letters++] = exp(frame[number]);
        }
    }
    return letters;
}

/* Follows all frames. `*scale` becomes the logarithm of what all probabilities were divided by. -1 without memory. */
static int follow(Search *search, Frames frames, float likely, double *scale)
{
    int64_t *numbers = search->numbers;
    double *values = search->values;
    *scale = 0.0;
    for (Py_ssize_t step = 0; step < frames.frames; step++) {
        const float *frame = frames.scores + step * frames.classes;
        const Py_ssize_t letters = letters_of(frame, frames.classes, likely, numbers, values);
        if (letters == 0) {
            *scale += frame[BLANK];
            rest(search);
            continue;
        }
        if (extend(search, step, exp(frame[BLANK]), numbers, values, letters) < 0 || choose(search) < 0)
            return -1;
        *scale += scaled(search);
    }
    return 0;
}

static PyObject *text_of(const Search *search, Py_ssize_t place)
{
    Py_ssize_t length = 0;
    for (Py_ssize_t at = place; search->pool[at].before != NOBODY; at = search->pool[at].before)
        length++;
    PyObject *text = PyList_New(length);
    for (Py_ssize_t at = place; text && length; at = search->pool[at].before) {
        PyObject *letter = PyLong_FromLongLong(search->pool[at].last);
        if (!letter || PyList_SetItem(text, --length, letter) < 0)
            Py_CLEAR(text);
    }
    return text;
}

static PyObject *found(const Search *search, double scale)
{
    PyObject *texts = PyList_New(0);
    for (Py_ssize_t k = 0; texts && k < search->living; k++) {
        const Prefix *prefix = &search->pool[search->alive[k]];
        const double total = mass_of(prefix), score = total ? log(total) + scale : -Py_HUGE_VAL;
        PyObject *text = text_of(search, search->alive[k]);
        PyObject *one = text ? Py_BuildValue("(Ndd)", text, score, score - prefix->gain) : NULL;
        if (!one || PyList_Append(texts, one) < 0)
            Py_CLEAR(texts);
        Py_XDECREF(one);
    }
    return texts;
}

/* Memory for a search, with the empty text alive. -1 without; what there is must be freed all the same. */
static int prepare(Search *search, Py_ssize_t classes)
{
    enum { ROOM = 256 };
    const Py_ssize_t width = search->width;
    search->room = ROOM;
    search->growth = width + ROOM;
    search->pool = malloc(search->room * sizeof *search->pool);
    search->alive = malloc(search->growth * sizeof *search->alive);
    search->grown = malloc(search->growth * sizeof *search->grown);
    search->masses = malloc((width + 1) * sizeof *search->masses);
    search->ended = malloc(width * sizeof *search->ended);
    search->either = malloc(width * sizeof *search->either);
    search->numbers = malloc(classes * sizeof *search->numbers);
    search->values = malloc(classes * sizeof *search->values);
    if (!search->pool || !search->alive || !search->grown || !search->masses || !search->ended || !search->either ||
        !search->numbers || !search->values)
        return -1;
    search->alive[0] = begin(search, (Prefix){.before = NOBODY, .child = NOBODY, .sibling = NOBODY, .last = BLANK,
                                              .step = NOBODY, .factor = 1.0, .blank = 1.0,
                                              .context = search->fusion.language.start,
                                              .habitual = search->fusion.habit.start});
    search->living = 1;
    return 0;
}

static void release(Search *search)
{
    free(search->pool);
    free(search->alive);
    free(search->grown);
    free(search->masses);
    free(search->ended);
    free(search->either);
    free(search->numbers);
    free(search->values);
}

/* The most that the character models make of a letter's probability. */
static double most_of(Fusion fusion)
{
    if (!fusion.language.model)
        return 1.0;
    return exp(fusion.bonus - (fusion.habit.model ? fusion.habit.weight * fusion.rarest : 0.0));
}

PyObject *search_beam(Frames frames, float likely, Py_ssize_t width, double share, Fusion fusion)
{
    Search search = {.width = width, .share = share, .fusion = fusion, .most = most_of(fusion)};
    double scale;
    PyObject *texts = NULL;
    if (prepare(&search, frames.classes) < 0 || follow(&search, frames, likely, &scale) < 0)
        PyErr_NoMemory();
    else
        texts = found(&search, scale);
    release(&search);
    return texts;
}
