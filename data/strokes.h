/* strokes.h - digits and capital letters drawn by the program itself

   For whoever has no MNIST and no network: ten digits and twenty-six capital letters, drawn at run time from the
   stroke table below into 28x28 bytes like MNIST's (0 = paper, 255 = ink, about 20 pixels tall, centred by mass).
   Each drawing is slanted, turned, bent, stretched, and written with a pen of its own, so that there is something
   to learn, and something to generalise to. It is not handwriting: never report a figure made from it as MNIST's.

       static uint8_t images[1000 * 28 * 28], labels[1000];
       strokes_fill(STROKES_DIGITS, 1, 1000, images, labels);      // a training set
       strokes_fill(STROKES_DIGITS, 2, 1000, images, labels);      // another seed, a test set

   A drawing is a function of (glyph, seed, index) and of nothing else: no state, no globals, no order of calls.
   All arithmetic is on integers, and no negative number is shifted, so every machine and compiler draws the same
   bytes. C99 and C++11. Public domain or MIT, as the rest of the project. */

#ifndef STROKES_H
#define STROKES_H

#include <stdint.h>
#include <string.h>

enum { STROKES_DIGITS = 10, STROKES_LETTERS = 26, STROKES_SIDE = 28, STROKES_PIXELS = 28 * 28 };

/* glyph: 0..9 the digits, 10..35 the letters A..Z, upright. image: 28*28 bytes, rows from the top. */
static inline void strokes_draw(int glyph, uint64_t seed, uint64_t index, uint8_t *image);

/* classes: STROKES_DIGITS (labels 0..9, as in MNIST) or STROKES_LETTERS (labels 1..26, as in EMNIST). Image i does not
   depend on n, and each run of `classes` images from the start holds every class once, in shuffled order. */
static inline void strokes_fill(int classes, uint64_t seed, int n, uint8_t *images, uint8_t *labels);

/* ==== The stroke table ============================================================================================ */

/* A point is two letters, x then y, from a (0) to y (24), y downwards. A point in small letters lies on the line; one
   in capitals is the control point of a quadratic curve, and two of those in a row have an unwritten point of the line
   half way between them, as in TrueType. A space lifts the pen. A slash begins another way to write the same glyph;
   each way is as likely as the next, so a common one may stand twice. */
static inline const char *strokes__glyph(int glyph) {
    static const char *const table[STROKES_DIGITS + STROKES_LETTERS] = {
        "maEAEYUYUAma/oaBABYWYWAoa",                                         /* 0 */
        "maMMmy/maMMmy/gfmamy/hfmamy gysy",                                  /* 1 */
        "fgGAmaTAthTNeyuy/fgGAmaTAthSQgxCYDSJTuw",                           /* 2 */
        "fdIAmaTAtfSLklULurUYmyGYeu",                                        /* 3 */
        "iaFLfouo qbpy/pacqvq papy",                                         /* 4 */
        "tahagkKIniUIuqUYlyGYeu",                                            /* 5 */
        "raFDeqEYlyTYtrTLllFLeq",                                            /* 6 */
        "ebuaMKjy/ebuaMKjy hmrl/fgebuaMKjy",                                 /* 7 */
        "mlFJgfGAmaTAsfRJmlEOesEYmyUYusUOml/seQAmaFAffFKmmUPutTYmyEYesFNmlRJse", /* 8 */
        "thTAmaFAfgFNlnSNtgSRqy/thTAmaFAfgFNlnSNtgUYlyGYfv",                 /* 9 */
        "eymauy hqrq",                                                       /* A */
        "fafy falaSAsfSLklfl klULurUYlyfy",                                  /* B */
        "tfRAmaEAemEYnySYut",                                                /* C */
        "fafy fajaUAumUYjyfy",                                               /* D */
        "tafafyuy flql/tafafyuy flql/sdQAmaFAffFLllELerEYmyTYuu",            /* E */
        "tafafy flql",                                                       /* F */
        "tfRAmaEAemEYmyTYuono",                                              /* G */
        "eaey uauy emum",                                                    /* H */
        "maMMmy gasa gysy/maMMmy gasa gysy/maMMmy",                          /* I */
        "qaqrQYkyEYes/qaqrQYkyEYes kava",                                    /* J */
        "fafy tafn jkuy",                                                    /* K */
        "fafyty",                                                            /* L */
        "dyfamqtavy",                                                        /* M */
        "eyeauyua",                                                          /* N */
        "maDADYVYVAma",                                                      /* O */
        "fafy falaTAtgTNlnfn",                                               /* P */
        "maDADWVWVAma opvy",                                                 /* Q */
        "fafy falaTAtgTMlmfm kmuy",                                          /* R */
        "tdRAmaFAfgFKmlUNusUYmyGYeu",                                        /* S */
        "dava mamy",                                                         /* T */
        "eaepEYmyUYupua",                                                    /* U */
        "eamyua",                                                            /* V */
        "caiymfqywa",                                                        /* W */
        "eauy uaey",                                                         /* X */
        "eamlua mlmy",                                                       /* Y */
        "eauaeyuy/eauaeyuy imqm",                                            /* Z */
    };
    return table[glyph];
}

/* ==== Random numbers ============================================================================================== */

/* SplitMix64's finaliser: a bijection of 64 bits in which every input bit reaches every output bit. */
static inline uint64_t strokes__mix(uint64_t x) {
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The start of the random numbers of one drawing, or (stream 1) of one shuffled run of classes. */
static inline uint64_t strokes__random(uint64_t seed, uint64_t index, uint64_t stream) {
    uint64_t key = strokes__mix(seed + UINT64_C(0x9e3779b97f4a7c15));
    return strokes__mix(key ^ strokes__mix(2 * index + stream + 1));
}

static inline uint64_t strokes__next(uint64_t *random) {
    *random += UINT64_C(0x9e3779b97f4a7c15);
    return strokes__mix(*random);
}

/* A number of 0..n-1. */
static inline int strokes__below(uint64_t *random, int n) {
    return (int)(((strokes__next(random) >> 32) * (uint64_t)n) >> 32);
}

/* A number of low..high, the middle likelier than the ends: the sum of two dice. */
static inline int32_t strokes__between(uint64_t *random, int32_t low, int32_t high) {
    uint64_t bits = strokes__next(random);
    uint64_t dice = (bits & 0xffff) + ((bits >> 16) & 0xffff);
    return low + (int32_t)((dice * (uint64_t)(high - low)) >> 17);
}

/* ==== From the table to a line of straight pieces ================================================================= */

/* Before it is fitted to the image a drawing is measured in 256ths of a table unit from the middle of the table,
   afterwards in 256ths of a pixel from the image's top left corner. */
enum { STROKES__ONE = 256, STROKES__IMAGE = 28 * 256, STROKES__STEPS = 6, STROKES__MOST = 128 };

typedef struct { int32_t x, y; } strokes__point;
typedef struct { strokes__point a, b; } strokes__piece;
typedef struct { int count; strokes__piece piece[STROKES__MOST]; } strokes__line;

/* The pieces of one quadratic curve, by its polynomial: with t = k/n, P(t) = ((n-k)^2 a + 2k(n-k) c + k^2 b) / n^2. */
static inline void strokes__curve(strokes__line *line, strokes__point a, strokes__point c, strokes__point b) {
    strokes__point from = a;
    for (int k = 1; k <= STROKES__STEPS && line->count < STROKES__MOST; k++) {
        int32_t l = STROKES__STEPS - k, wa = l * l, wc = 2 * k * l, wb = k * k;
        strokes__point to;
        to.x = (wa * a.x + wc * c.x + wb * b.x) / (STROKES__STEPS * STROKES__STEPS);
        to.y = (wa * a.y + wc * c.y + wb * b.y) / (STROKES__STEPS * STROKES__STEPS);
        line->piece[line->count].a = from;
        line->piece[line->count++].b = to;
        from = to;
    }
}

static inline strokes__point strokes__middle(strokes__point a, strokes__point b) {
    strokes__point m;
    m.x = (a.x + b.x) / 2;
    m.y = (a.y + b.y) / 2;
    return m;
}

/* Nobody's hand returns to quite the same place: every point is moved by at most `reach`. */
static inline strokes__point strokes__jitter(strokes__point p, int32_t reach, uint64_t *random) {
    p.x += strokes__between(random, -reach, reach);
    p.y += strokes__between(random, -reach, reach);
    return p;
}

/* Where the chosen way of writing begins; it ends before the next slash. */
static inline const char *strokes__form(const char *text, uint64_t *random) {
    int forms = 1, chosen;
    for (const char *s = text; *s; s++) forms += *s == '/';
    for (chosen = strokes__below(random, forms); chosen > 0; chosen--) text = strchr(text, '/') + 1;
    return text;
}

/* One point of the table: its place, jittered, and whether it lies on the line. */
static inline strokes__point strokes__read(const char *text, int32_t reach, int *on, uint64_t *random) {
    strokes__point p;
    *on = text[0] >= 'a';
    p.x = (text[0] - (*on ? 'a' : 'A') - 12) * STROKES__ONE;
    p.y = (text[1] - (*on ? 'a' : 'A') - 12) * STROKES__ONE;
    return strokes__jitter(p, reach, random);
}

/* Follows the pen through one way of writing. A straight stroke becomes a curve as well, with its control point
   jittered from its middle, because hands do not draw straight. */
static inline void strokes__trace(const char *text, int32_t reach, uint64_t *random, strokes__line *line) {
    strokes__point pen = { 0, 0 }, control = { 0, 0 };
    int down = 0, bent = 0, on;
    for (line->count = 0; *text && *text != '/'; text += 2) {
        if (*text == ' ') { down = 0; text++; }
        strokes__point p = strokes__read(text, reach, &on, random), to = p;
        if (!on && bent) to = strokes__middle(control, p);          /* the unwritten point between two controls */
        if (on && !bent) control = strokes__jitter(strokes__middle(pen, p), reach, random);
        if (down && (on || bent)) strokes__curve(line, pen, control, to);
        if (on || bent) pen = to;
        if (!on) control = p;
        bent = !on;
        down = 1;
    }
}

/* ==== A hand of its own: slant, turn, bend, taper, waist, stretch ================================================= */

/* All in 1024ths. Turning is a shear each way, which also enlarges a little; fitting undoes that. The waist is how far
   the middle of the drawing moves down while its top and bottom stay. */
typedef struct { int32_t slant, turn, bend, taper, waist, stretch; } strokes__hand;

static inline strokes__hand strokes__choose_hand(uint64_t *random) {
    strokes__hand h;
    h.slant = strokes__between(random, -300, 650);
    h.turn = strokes__between(random, -200, 200);
    h.bend = strokes__between(random, -250, 250);
    h.taper = strokes__between(random, -300, 300);
    h.waist = strokes__between(random, -220, 220);
    h.stretch = strokes__between(random, 700, 1350);
    return h;
}

static inline strokes__point strokes__move(strokes__point p, strokes__hand h) {
    const int32_t half = 12 * STROKES__ONE;
    strokes__point q;
    p.y += (half - p.y * p.y / half) * h.waist / 1024;
    p.x = p.x * h.stretch / 1024;
    p.x += p.x * (p.y * h.taper / half) / 1024;
    p.x += (p.y * p.y / half) * h.bend / 1024;
    p.x -= p.y * h.slant / 1024;
    q.x = p.x - p.y * h.turn / 1024;
    q.y = p.y + p.x * h.turn / 1024;
    return q;
}

static inline void strokes__deform(strokes__line *line, strokes__hand hand) {
    for (int i = 0; i < line->count; i++) {
        line->piece[i].a = strokes__move(line->piece[i].a, hand);
        line->piece[i].b = strokes__move(line->piece[i].b, hand);
    }
}

/* ==== Fitting to the image, as MNIST was ========================================================================== */

static inline int32_t strokes__min(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t strokes__max(int32_t a, int32_t b) { return a > b ? a : b; }
static inline int32_t strokes__clamp(int32_t x, int32_t low, int32_t high) {
    return strokes__max(low, strokes__min(x, high));
}

/* The integer square root, rounded down, by Newton's method from above. */
static inline int32_t strokes__root(int32_t x) {
    int32_t r = x < 1 ? 1 : x, next = (r + 1) / 2;
    while (next < r) { r = next; next = (r + x / r) / 2; }
    return x < 1 ? 0 : r;
}

static inline void strokes__box(const strokes__line *line, strokes__point *low, strokes__point *high) {
    *low = *high = line->piece[0].a;
    for (int i = 0; i < line->count; i++) {
        const strokes__piece *s = &line->piece[i];
        low->x = strokes__min(low->x, strokes__min(s->a.x, s->b.x));
        low->y = strokes__min(low->y, strokes__min(s->a.y, s->b.y));
        high->x = strokes__max(high->x, strokes__max(s->a.x, s->b.x));
        high->y = strokes__max(high->y, strokes__max(s->a.y, s->b.y));
    }
}

/* Enlarges the drawing so that the longer side of its box is `size` 256ths of a pixel. */
static inline void strokes__scale(strokes__line *line, int32_t size) {
    strokes__point low, high;
    strokes__box(line, &low, &high);
    int32_t side = strokes__max(1, strokes__max(high.x - low.x, high.y - low.y));
    for (int i = 0; i < line->count; i++) {
        strokes__piece *s = &line->piece[i];
        s->a.x = s->a.x * size / side;
        s->a.y = s->a.y * size / side;
        s->b.x = s->b.x * size / side;
        s->b.y = s->b.y * size / side;
    }
}

/* The centre of mass of a wire of this shape. */
static inline strokes__point strokes__mass(const strokes__line *line) {
    int64_t x = 0, y = 0, total = 1;
    strokes__point centre;
    for (int i = 0; i < line->count; i++) {
        const strokes__piece *s = &line->piece[i];
        int32_t dx = s->b.x - s->a.x, dy = s->b.y - s->a.y, length = strokes__root(dx * dx + dy * dy);
        x += (int64_t)(s->a.x + s->b.x) * length;
        y += (int64_t)(s->a.y + s->b.y) * length;
        total += 2 * length;
    }
    centre.x = (int32_t)(x / total);
    centre.y = (int32_t)(y / total);
    return centre;
}

/* Moves the centre of mass to `middle`, or as near to it as leaves the drawing and `margin` inside the image. */
static inline void strokes__centre(strokes__line *line, strokes__point middle, int32_t margin) {
    strokes__point low, high, mass = strokes__mass(line);
    strokes__box(line, &low, &high);
    int32_t dx = strokes__clamp(middle.x - mass.x, margin - low.x, STROKES__IMAGE - margin - high.x);
    int32_t dy = strokes__clamp(middle.y - mass.y, margin - low.y, STROKES__IMAGE - margin - high.y);
    for (int i = 0; i < line->count; i++) {
        strokes__piece *s = &line->piece[i];
        s->a.x += dx;
        s->b.x += dx;
        s->a.y += dy;
        s->b.y += dy;
    }
}

/* ==== Ink ========================================================================================================= */

/* Lowers the squared distances in `nearest` to those from one piece, only where the pen reaches: the box of the piece
   grown by `reach`. The division by the piece's squared length is done once, as a reciprocal. */
static inline void strokes__sweep(const strokes__piece *s, int32_t reach, int32_t *nearest) {
    int32_t dx = s->b.x - s->a.x, dy = s->b.y - s->a.y, length2 = strokes__max(1, dx * dx + dy * dy);
    int32_t x0 = strokes__max(0, strokes__min(s->a.x, s->b.x) - reach) / STROKES__ONE;
    int32_t y0 = strokes__max(0, strokes__min(s->a.y, s->b.y) - reach) / STROKES__ONE;
    int32_t x1 = strokes__min(STROKES_SIDE - 1, (strokes__max(s->a.x, s->b.x) + reach) / STROKES__ONE);
    int32_t y1 = strokes__min(STROKES_SIDE - 1, (strokes__max(s->a.y, s->b.y) + reach) / STROKES__ONE);
    int64_t reciprocal = (INT64_C(1) << 40) / length2;
    for (int32_t y = y0; y <= y1; y++) {
        for (int32_t x = x0; x <= x1; x++) {
            int32_t px = x * STROKES__ONE + STROKES__ONE / 2 - s->a.x;     /* from the piece's start to the middle */
            int32_t py = y * STROKES__ONE + STROKES__ONE / 2 - s->a.y;     /* of the pixel */
            int32_t along = strokes__clamp(px * dx + py * dy, 0, length2);
            int32_t t = (int32_t)((along * reciprocal) >> 24);          /* how far along the piece, of 65536 */
            int32_t ex = px - dx * t / 65536, ey = py - dy * t / 65536;
            int32_t *d = &nearest[y * STROKES_SIDE + x];
            *d = strokes__min(*d, ex * ex + ey * ey);
        }
    }
}

/* Black within radius - soft of the line, white beyond radius + soft, and in between linear in the square of the
   distance: that looks like MNIST's edges and needs no root. */
static inline void strokes__ink(const strokes__line *line, int32_t radius, int32_t soft, uint8_t *image) {
    int32_t black = (radius - soft) * (radius - soft), white = (radius + soft) * (radius + soft);
    int32_t nearest[STROKES_PIXELS];
    for (int i = 0; i < STROKES_PIXELS; i++) nearest[i] = white;
    for (int i = 0; i < line->count; i++) strokes__sweep(&line->piece[i], radius + soft, nearest);
    memset(image, 0, STROKES_PIXELS);
    for (int i = 0; i < STROKES_PIXELS; i++) {
        if (nearest[i] < white) image[i] = (uint8_t)((white - strokes__max(black, nearest[i])) * 255 / (white - black));
    }
}

/* ==== The two functions =========================================================================================== */

static inline void strokes_draw(int glyph, uint64_t seed, uint64_t index, uint8_t *image) {
    uint64_t random = strokes__random(seed, index, 0);
    strokes__line line;
    strokes__point middle;
    strokes__trace(strokes__form(strokes__glyph(glyph), &random), 600, &random, &line);
    strokes__deform(&line, strokes__choose_hand(&random));
    int32_t radius = strokes__between(&random, 150, 440), soft = strokes__between(&random, 120, 150);
    int32_t height = strokes__between(&random, 37 * STROKES__ONE / 2, 41 * STROKES__ONE / 2);
    strokes__scale(&line, height - 2 * radius);
    middle.x = middle.y = STROKES__IMAGE / 2 + STROKES__ONE / 2;      /* MNIST's: the middle of pixel 14 */
    strokes__centre(&line, strokes__jitter(middle, 160, &random), STROKES__ONE + radius + soft);
    strokes__ink(&line, radius, soft, image);
}

/* The classes 0..n-1 in an order of their own for each run of n images (Fisher and Yates). */
static inline void strokes__shuffle(int n, uint64_t seed, uint64_t run, int *order) {
    uint64_t random = strokes__random(seed, run, 1);
    for (int i = 0; i < n; i++) {
        int j = strokes__below(&random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

static inline void strokes_fill(int classes, uint64_t seed, int n, uint8_t *images, uint8_t *labels) {
    int order[STROKES_LETTERS], letters = classes == STROKES_LETTERS;
    for (int i = 0; i < n; i++) {
        if (i % classes == 0) strokes__shuffle(classes, seed, (uint64_t)(i / classes), order);
        int c = order[i % classes];
        labels[i] = (uint8_t)(letters ? c + 1 : c);
        strokes_draw(letters ? STROKES_DIGITS + c : c, seed, (uint64_t)i, images + (size_t)i * STROKES_PIXELS);
    }
}

#endif /* STROKES_H */
