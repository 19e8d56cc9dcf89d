/* coder.h - an adaptive arithmetic coder, and the compressed file that lesson 10 writes with it

   C99 and C++11; everything here is static, and nothing else of the project is needed.

       coder_file f = { fingerprint, 10000, 32, 0.25f, symbol };          // int16_t symbol[10000][32]; number = symbol * step
       if (coder_pack(&f, &bytes, &size)) ... write them, free(bytes) ...
       if (!coder_unpack(bytes, size, &f, why, sizeof why)) puts(why);    // else f.symbol is new: free it

   THE CODER.  A message is a sequence of yes-or-no decisions, and its code is a point of an interval.  Each decision cuts
   the interval in two, in the proportion of the chances that the model gives to yes and no, and keeps one of the parts:
   what is likely hardly shrinks it.  In the end log2(1 / length) bits name a point inside, which is the sum of
   -log2(chance) over all decisions (Rissanen 1976; Pasco 1976).  The two ends are numbers of 32 bits; a leading byte in
   which they agree will not change any more, so it is written, and both move up by eight bits.  As the ends never cross,
   nothing is ever carried into a byte that was written.

   THE MODEL counts.  After a times no and b times yes the next yes has the chance (b + 1/2) / (a + b + 1) (Krichevsky &
   Trofimov 1981).  The decoder counts likewise, so no table of frequencies is stored.  A symbol of several bits is a walk
   down a tree: each node is a decision with counts of its own.  Counts are whole numbers: the decoder
   arrives at the same ones on every machine, which one that computes its chances in floats would not promise.

   THE FILE (.aec), everything little-endian:
        0  "AEC1"            8  fingerprint of the network       16  columns, 2 bytes       22  of each column: the lowest
        4  CRC-32 of what    12 rows                             18  step, a float              symbol, 2 bytes; bits, 1
           follows byte 8                                                               then  the coded symbols, row by row

   HOSTILE FILES are refused with a reason.  No memory is taken before the header is plausible: no decision costs
   less than -log2(4095/4096) bits, so so many coded bytes cannot hold more than so many symbols.  The coded bytes must
   be used up to the last one, and no further.

   ERRORS.  Functions return 1 if all is well; else 0, and nothing to be freed. */
#ifndef CODER_H
#define CODER_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CODER_HEAD = 22,               /* bytes before the columns */
    CODER_COLUMNS = 4096,          /* at most so many */
    CODER_ROWS = 1 << 24,
    CODER_BITS = 12,               /* of a symbol */
    CODER_LEAST = 16,              /* the smallest chance, of 65536: 1 / 4096 */
    CODER_COUNT = 60000            /* counts are halved here: they fit 16 bits */
};

typedef struct coder {
    uint8_t *bytes;                /* written so far, or to be read */
    size_t   used, room, at;       /* room: allocated; at: read so far */
    uint32_t low, high, point;     /* the interval, both ends included; point: the decoder's place in it */
    int      failed;               /* no memory; or read beyond the end */
} coder;
typedef struct coder_bit { uint16_t seen[2]; } coder_bit;       /* how often a decision was no, yes; begins as {0, 0} */

typedef struct coder_file {
    uint32_t model;                /* fingerprint of the network that understands these numbers */
    int      rows, columns;
    float    step;
    int16_t *symbol;               /* [rows][columns] */
} coder_file;

/* ==== One decision ========================================================================================= */

/* Where the interval is cut: `low` to here is yes, the rest no.  It holds at least two points, so neither is empty. */
static inline uint32_t coder_cut(const coder *c, const coder_bit *m)
{
    uint32_t chance = (uint32_t)((2 * m->seen[1] + 1) * (uint64_t)65536 / (2 * (m->seen[0] + m->seen[1]) + 2));
    if (chance < CODER_LEAST) chance = CODER_LEAST;
    if (chance > 65536 - CODER_LEAST) chance = 65536 - CODER_LEAST;
    return c->low + (uint32_t)((uint64_t)(c->high - c->low) * chance >> 16);
}

static inline void coder_learn(coder_bit *m, int bit)
{
    if (++m->seen[bit] < CODER_COUNT) return;
    m->seen[0] = (uint16_t)((m->seen[0] + 1) / 2);
    m->seen[1] = (uint16_t)((m->seen[1] + 1) / 2);
}

static inline void coder_put(coder *c, uint32_t byte)
{
    if (c->used == c->room && !c->failed) {
        uint8_t *more = (uint8_t *)realloc(c->bytes, 2 * c->room + 256);
        if (more) c->bytes = more, c->room = 2 * c->room + 256;
        else c->failed = 1;
    }
    if (!c->failed) c->bytes[c->used++] = (uint8_t)byte;
}

static inline uint32_t coder_get(coder *c)
{
    if (c->at < c->used) return c->bytes[c->at++];
    c->failed = 1;
    return 0;
}

/* Keeps the part of the interval that was chosen.  1: the ends agree in their first byte, which is then done with. */
static inline void coder_keep(coder *c, uint32_t cut, int bit)
{
    if (bit) c->high = cut;
    else     c->low = cut + 1;
}

static inline int coder_agree(const coder *c) { return (c->low ^ c->high) >> 24 == 0; }

static inline void coder_shift(coder *c)
{
    c->low <<= 8;
    c->high = c->high << 8 | 255;
}

static inline void coder_write_bit(coder *c, coder_bit *m, int bit)
{
    coder_keep(c, coder_cut(c, m), bit);
    coder_learn(m, bit);
    for (; coder_agree(c); coder_shift(c)) coder_put(c, c->high >> 24);
}

static inline int coder_read_bit(coder *c, coder_bit *m)
{
    uint32_t cut = coder_cut(c, m);
    int bit = c->point <= cut;
    coder_keep(c, cut, bit);
    coder_learn(m, bit);
    for (; coder_agree(c); coder_shift(c)) c->point = c->point << 8 | coder_get(c);
    return bit;
}

/* ==== Symbols ============================================================================================== */

/* A symbol below 2^bits, its highest bit first: tree[2^bits], of which tree[0] stays unused. */
static inline void coder_write(coder *c, coder_bit *tree, int bits, unsigned symbol)
{
    unsigned node = 1;
    while (bits-- > 0) {
        int bit = symbol >> bits & 1;
        coder_write_bit(c, tree + node, bit);
        node = 2 * node + (unsigned)bit;
    }
}

static inline unsigned coder_read(coder *c, coder_bit *tree, int bits)
{
    unsigned node = 1, all = 1u << bits;
    while (node < all) node = 2 * node + (unsigned)coder_read_bit(c, tree + node);
    return node - all;
}

/* A coder that writes to memory of its own (free(c.bytes) in the end), which may begin with `head` bytes of something else. */
static inline coder coder_writer(size_t head)
{
    coder c;
    memset(&c, 0, sizeof c);
    c.high = UINT32_MAX;
    while (c.used < head && !c.failed) coder_put(&c, 0);
    return c;
}

/* Four bytes that lie in the interval whatever follows; 1 if all was written. */
static inline int coder_end(coder *c)
{
    for (int i = 0; i < 4; i++, coder_shift(c)) coder_put(c, c->low >> 24);
    return !c->failed;
}

static inline coder coder_reader(const uint8_t *bytes, size_t size)
{
    coder c;
    memset(&c, 0, sizeof c);
    c.bytes = (uint8_t *)bytes;
    c.used = size;
    c.high = UINT32_MAX;
    for (int i = 0; i < 4; i++) c.point = c.point << 8 | coder_get(&c);
    return c;
}

/* 1 if every byte was used, and no more than there were. */
static inline int coder_done(const coder *c) { return !c->failed && c->at == c->used; }

/* ==== Numbers to symbols =================================================================================== */

/* The step that gives the widest column of number[rows][columns] at most 2^bits symbols. */
static inline float coder_step(const float *number, int rows, int columns, int bits)
{
    float widest = 0;
    for (int k = 0; k < columns; k++) {
        float low = INFINITY, high = -INFINITY;
        for (int i = 0; i < rows; i++) {
            low = fminf(low, number[(size_t)i * columns + k]);
            high = fmaxf(high, number[(size_t)i * columns + k]);
        }
        widest = fmaxf(widest, high - low);
    }
    return widest > 0 ? widest / ((1 << bits) - 1) : 1;
}

/* symbol = number / step, rounded; 0 if one is no number or does not fit. */
static inline int coder_quantise(const float *number, size_t count, float step, int16_t *symbol)
{
    for (size_t i = 0; i < count; i++) {
        float s = rintf(number[i] / step);
        if (!(s >= -32768 && s <= 32767)) return 0;
        symbol[i] = (int16_t)s;
    }
    return 1;
}

/* ==== The file ============================================================================================= */

/* The checksum of gzip and PNG, four bits at a time.  A burst of up to 32 wrong bits never passes; to go on, give the last result. */
static inline uint32_t coder_crc(uint32_t crc, const void *bytes, size_t size)
{
    static const uint32_t four[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
    const uint8_t *p = (const uint8_t *)bytes;
    for (crc = ~crc; size--; p++) {
        crc ^= *p;
        crc = crc >> 4 ^ four[crc & 15];
        crc = crc >> 4 ^ four[crc & 15];
    }
    return ~crc;
}

static inline void coder_store(uint8_t *to, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) to[i] = (uint8_t)(value >> 8 * i);
}

static inline uint32_t coder_fetch(const uint8_t *from, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint32_t)from[i] << 8 * i;
    return value;
}

/* Writes the checksum of a finished file into it. */
static inline void coder_seal(uint8_t *bytes, size_t size) { coder_store(bytes + 4, coder_crc(0, bytes + 8, size - 8), 4); }

/* The lowest symbol of each column and how many bits the others need above it, 3 bytes each; the sum of bits, or -1. */
static inline int coder_ranges(const coder_file *f, uint8_t *out)
{
    int sum = 0;
    for (int k = 0; k < f->columns; k++, out += 3) {
        int low = 0, high = 0, bits = 0;
        for (int i = 0; i < f->rows; i++) {
            int s = f->symbol[(size_t)i * f->columns + k];
            if (!i || s < low) low = s;
            if (!i || s > high) high = s;
        }
        while (bits <= CODER_BITS && high - low >= 1 << bits) bits++;
        if (bits > CODER_BITS) return -1;
        if (low + (1 << bits) > 32768) low = 32768 - (1 << bits);          /* all 2^bits symbols fit 16 bits */
        coder_store(out, (uint32_t)low & 0xffff, 2);
        out[2] = (uint8_t)bits;
        sum += bits;
    }
    return sum;
}

/* A tree of counts for each column, all zero. */
static inline coder_bit *coder_trees(int columns) { return (coder_bit *)calloc((size_t)columns << CODER_BITS, sizeof(coder_bit)); }

/* The whole file as bytes, to be freed.  0: out of memory, or there is too much of something for the format. */
static inline int coder_pack(const coder_file *f, uint8_t **bytes, size_t *size)
{
    size_t head = CODER_HEAD + 3 * (size_t)f->columns;
    uint32_t step;
    if (f->rows < 0 || f->rows > CODER_ROWS || f->columns < 1 || f->columns > CODER_COLUMNS) return 0;
    coder c = coder_writer(head);
    coder_bit *tree = coder_trees(f->columns);
    int well = !c.failed && tree && coder_ranges(f, c.bytes + CODER_HEAD) >= 0;
    for (size_t i = 0; well && i < (size_t)f->rows * f->columns; i++) {
        size_t k = i % f->columns;
        const uint8_t *range = c.bytes + CODER_HEAD + 3 * k;
        coder_write(&c, tree + (k << CODER_BITS), range[2], (unsigned)(f->symbol[i] - (int16_t)coder_fetch(range, 2)));
        well = !c.failed;
    }
    free(tree);
    if (!well || !coder_end(&c)) { free(c.bytes); return 0; }
    memcpy(&step, &f->step, 4);
    memcpy(c.bytes, "AEC1", 4);
    coder_store(c.bytes + 8, f->model, 4);
    coder_store(c.bytes + 12, (uint32_t)f->rows, 4);
    coder_store(c.bytes + 16, (uint32_t)f->columns, 2);
    coder_store(c.bytes + 18, step, 4);
    coder_seal(c.bytes, c.used);
    *bytes = c.bytes;
    *size = c.used;
    return 1;
}

/* What is wrong with the header of bytes[size]?  NULL: nothing, and it is in `f`. */
static inline const char *coder_wrong(const uint8_t *bytes, size_t size, coder_file *f)
{
    uint32_t step, rows, sum = 0;
    size_t head;
    if (size < CODER_HEAD) return size >= 4 && memcmp(bytes, "AEC1", 4) ? "not a file of this format" : "cut short inside its header";
    if (memcmp(bytes, "AEC1", 4)) return "not a file of this format";
    if (coder_fetch(bytes + 4, 4) != coder_crc(0, bytes + 8, size - 8)) return "damaged or cut short: the checksum does not fit";
    f->model = coder_fetch(bytes + 8, 4);
    rows = coder_fetch(bytes + 12, 4);
    f->columns = (int)coder_fetch(bytes + 16, 2);
    step = coder_fetch(bytes + 18, 4);
    memcpy(&f->step, &step, 4);
    head = CODER_HEAD + 3 * (size_t)f->columns;
    if (!f->columns || f->columns > CODER_COLUMNS || size < head + 4) return "its header promises columns that are not there";
    if (!(f->step > 0 && f->step < INFINITY)) return "its step is no positive number";
    for (int k = 0; k < f->columns; k++) {
        const uint8_t *range = bytes + CODER_HEAD + 3 * k;
        if (range[2] > CODER_BITS || (int16_t)coder_fetch(range, 2) + (1 << range[2]) > 32768) return "a column's range is impossible";
        sum += range[2];
    }
    if (rows > CODER_ROWS || (uint64_t)rows * sum > (uint64_t)(size - head) * 8 * 2840) return "its header promises more rows than its bytes can hold";
    f->rows = (int)rows;
    return NULL;
}

/* The symbols of bytes[size], to be freed.  0: the file is refused, and `why` tells. */
static inline int coder_unpack(const uint8_t *bytes, size_t size, coder_file *f, char *why, size_t room)
{
    memset(f, 0, sizeof *f);
    const char *wrong = coder_wrong(bytes, size, f);
    size_t head = CODER_HEAD + 3 * (size_t)f->columns, count = (size_t)f->rows * f->columns;
    coder_bit *tree = wrong ? NULL : coder_trees(f->columns);
    if (!wrong && (!tree || !(f->symbol = (int16_t *)malloc((count + 1) * sizeof *f->symbol)))) wrong = "out of memory";
    if (!wrong) {
        coder c = coder_reader(bytes + head, size - head);
        for (size_t i = 0; i < count && !c.failed; i++) {
            size_t k = i % f->columns;
            const uint8_t *range = bytes + CODER_HEAD + 3 * k;
            f->symbol[i] = (int16_t)((int16_t)coder_fetch(range, 2) + (int)coder_read(&c, tree + (k << CODER_BITS), range[2]));
        }
        if (!coder_done(&c)) wrong = c.failed ? "its coded bytes end before its numbers do" : "its coded bytes go on after its last number";
    }
    free(tree);
    if (!wrong) return 1;
    free(f->symbol);
    f->symbol = NULL;
    snprintf(why, room, "%s", wrong);
    return 0;
}

#endif /* CODER_H */
