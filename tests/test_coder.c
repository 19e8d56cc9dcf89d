/* test_coder.c: lessons/coder.h gives back what it was given, to the bit, in about as many bytes as the entropy says, and
   refuses files that are damaged or lie.  Prints TAP.  tests/test_sanitizers.sh runs it under the sanitizers.

   cc -O1 tests/test_coder.c -o test_coder -lm && ./test_coder */
#include "../lessons/coder.h"
#include "tap.h"

/* Numbers that look random, the same on every machine. */
static uint32_t dice;
static uint32_t roll(void)
{
    dice = dice * 1664525u + 1013904223u;
    return dice >> 8;
}
static double uniform(void) { return roll() / 16777216.0; }

/* ==== Decisions ============================================================================================ */

static double entropy(double p) { return p > 0 && p < 1 ? -p * log2(p) - (1 - p) * log2(1 - p) : 0; }

/* n decisions, yes with the chance `yes`: written, read, compared.  Returns the bytes, or 0 if anything differs; *ideal is
   what those very decisions are worth at the cheapest price that the coder has. */
static size_t decisions(int n, double yes, double *ideal)
{
    int count = 0;
    uint8_t *bit = (uint8_t *)malloc((size_t)n + 1);
    coder_bit m = { { 0, 0 } }, again = { { 0, 0 } };
    coder c = coder_writer(0);
    for (int i = 0; i < n; i++) {
        count += bit[i] = uniform() < yes;
        coder_write_bit(&c, &m, bit[i]);
    }
    int same = coder_end(&c);
    coder r = coder_reader(c.bytes, c.used);
    for (int i = 0; i < n; i++) same &= coder_read_bit(&r, &again) == bit[i];
    same &= coder_done(&r);
    size_t used = c.used;
    *ideal = n * fmax(entropy((double)count / n), 1 / 2840.0) / 8;
    free(bit);
    free(c.bytes);
    return same ? used : 0;
}

static void test_decisions(void)
{
    static const double chance[] = { 0, 0.001, 0.03, 0.2, 0.5, 0.8, 0.999, 1 };
    double bound;
    for (size_t i = 0; i < sizeof chance / sizeof chance[0]; i++) {
        size_t bytes = decisions(200000, chance[i], &bound);
        ok(bytes > 0 && bytes < 1.005 * bound + 12, "200,000 decisions, yes in %g: %zu bytes come back; the entropy is %.0f", chance[i], bytes, bound);
    }
    ok(decisions(0, 0.5, &bound) == 4 && decisions(1, 1, &bound) > 0 && decisions(1, 0, &bound) > 0, "none, a yes, a no");
}

/* The chances of one moment and the next may contradict each other: long runs of one kind, then of the other. */
static void test_turns(void)
{
    coder_bit m = { { 0, 0 } }, again = { { 0, 0 } };
    coder c = coder_writer(0);
    int same = 1, n = 400000;
    for (int i = 0; i < n; i++) coder_write_bit(&c, &m, (i / 70000) & 1);
    coder_end(&c);
    coder r = coder_reader(c.bytes, c.used);
    for (int i = 0; i < n; i++) same &= coder_read_bit(&r, &again) == ((i / 70000) & 1);
    ok(same && coder_done(&r), "runs longer than the counts hold, one way and then the other");
    free(c.bytes);
}

/* ==== Files ================================================================================================ */

enum { ROWS = 60, COLUMNS = 5 };

/* pack, unpack, compare all that a file says; its size, or 0. */
static size_t round_trip(int rows, int columns, int16_t *symbol)
{
    coder_file f = { 0x12345678, rows, columns, 0.25f, symbol }, g;
    uint8_t *bytes;
    size_t size;
    char why[200];
    if (!coder_pack(&f, &bytes, &size)) return 0;
    int well = coder_unpack(bytes, size, &g, why, sizeof why);
    if (!well) printf("# refused: %s\n", why);
    well = well && g.model == f.model && g.rows == rows && g.columns == columns && g.step == f.step &&
           !memcmp(g.symbol, symbol, (size_t)rows * (size_t)columns * sizeof *symbol);
    free(g.symbol);
    free(bytes);
    return well ? size : 0;
}

/* Columns of different kinds: a bell, a constant, few values, even numbers, and a rare outlier. */
static int16_t *mixture(int rows)
{
    int16_t *s = (int16_t *)calloc((size_t)rows * COLUMNS + 1, sizeof *s);
    for (int i = 0; i < rows; i++, s += COLUMNS) {
        for (int k = 0; k < 12; k++) s[0] = (int16_t)(s[0] + (int)(roll() % 5) - 2);
        s[1] = -77;
        s[2] = (int16_t)(roll() % 3);
        s[3] = (int16_t)(2 * (roll() % 2000) - 2000);
        s[4] = (int16_t)(i == rows / 2 ? 4000 : 0);
    }
    return s - (size_t)rows * COLUMNS;
}

static void test_files(void)
{
    static int16_t s[5000], wide[4096];
    for (int i = 0; i < 5000; i++) s[i] = (int16_t)(i % 7);
    int16_t *mixed = mixture(ROWS);
    ok(round_trip(ROWS, COLUMNS, mixed) > 0, "bell, constant, few values, even numbers, an outlier: back to the bit");
    ok(round_trip(0, 3, s) == CODER_HEAD + 9 + 4, "no rows: a header and nothing");
    ok(round_trip(1, 1, s) == CODER_HEAD + 3 + 4, "one number costs no coded bit: it is its column's lowest");
    ok(round_trip(1, 4096, s) > 0 && round_trip(5000, 1, s) > 0, "one row of 4,096; one column of 5,000");
    int16_t edge[] = { 32767, 32763, 32764, -32768, -32767, -30000 };
    ok(round_trip(3, 1, edge) > 0 && round_trip(3, 1, edge + 3) > 0, "the ends of 16 bits");
    for (int i = 0; i < 4096; i++) wide[i] = (int16_t)((i * 1237) % 4096 - 2048);
    ok(round_trip(4096, 1, wide) > 0, "4,096 different symbols, the most there may be");
    edge[0] = -2048, edge[1] = 2048;
    ok(!round_trip(2, 1, edge), "one more is refused");
    ok(!round_trip(1, 0, s) && !round_trip(-1, 1, s) && !round_trip(0, CODER_COLUMNS + 1, s), "no columns, too many, rows below none");
    free(mixed);
}

/* The size against the entropy of what is in the file: the model has to learn it, and then should be close. */
static void test_size(void)
{
    enum { N = 20000 };
    static int16_t s[N];
    double bits = 0, count[64] = { 0 };
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 12; k++) s[i] = (int16_t)(s[i] + (int)(roll() % 5) - 2);
        count[s[i] + 32]++;
    }
    for (int i = 0; i < 64; i++) bits -= count[i] > 0 ? count[i] * log2(count[i] / N) : 0;
    size_t size = round_trip(N, 1, s);
    ok(size > 0 && 8 * (double)size < 1.01 * bits + 400, "20,000 bell-shaped numbers: %zu bytes; their entropy is %.0f", size, bits / 8);
}

/* A file is the same bytes everywhere and for ever: this one was written on the day the format was made. */
static void test_golden(void)
{
    int16_t s[64];
    uint8_t *bytes;
    size_t size;
    for (int i = 0; i < 64; i++) s[i] = (int16_t)(i * i % 11 - (i % 4) * 3);
    coder_file f = { 7, 16, 4, 0.5f, s };
    int well = coder_pack(&f, &bytes, &size);
    printf("# %zu bytes, CRC %08x\n", size, well ? coder_crc(0, bytes, size) : 0);
    ok(well && size == 67 && coder_crc(0, bytes, size) == 0x6dafdce4u, "the bytes of a known file");
    ok(coder_crc(0, "123456789", 9) == 0xcbf43926u, "the checksum is that of gzip and PNG: its known answer");
    if (well) free(bytes);
}

/* ==== Hostile files ======================================================================================== */

static int refused(const uint8_t *bytes, size_t size, const char *word)
{
    coder_file f;
    char why[200] = "";
    uint8_t *exact = (uint8_t *)malloc(size + !size);       /* of exactly this size, so that a sanitizer sees a byte too many */
    memcpy(exact, bytes, size);
    int well = coder_unpack(exact, size, &f, why, sizeof why);
    free(exact);
    free(f.symbol);
    if (!well && word && !strstr(why, word)) printf("# says: %s\n", why);
    return !well && why[0] && (!word || strstr(why, word));
}

static void test_damage(const uint8_t *good, size_t size)
{
    uint8_t *bad = (uint8_t *)malloc(size + 1);
    size_t short_ones = 0, flipped = 0, resealed = 0, decoded = 0;
    for (size_t i = 0; i < size; i++) short_ones += refused(good, i, NULL);
    ok(short_ones == size, "cut short at each of %zu bytes: refused", size);
    memcpy(bad, good, size);
    bad[size] = 0;
    ok(refused(bad, size + 1, "checksum"), "a byte too many is refused");
    coder_seal(bad, size + 1);
    ok(refused(bad, size + 1, "go on after"), "also where the checksum was made to fit");
    for (size_t i = 0; i < size; i++)
        for (int change = 1; change < 256; change++) {
            memcpy(bad, good, size);
            bad[i] ^= (uint8_t)change;
            flipped += refused(bad, size, NULL);
        }
    ok(flipped == 255 * size, "each byte changed in each of 255 ways: refused");
    for (size_t i = 8; i < size; i++)                       /* whoever makes the checksum fit gets other numbers or a refusal */
        for (int change = 1; change < 256; change++) {
            memcpy(bad, good, size);
            bad[i] ^= (uint8_t)change;
            coder_seal(bad, size);
            if (refused(bad, size, NULL)) resealed++;
            else decoded++;
        }
    ok(resealed + decoded == 255 * (size - 8) && resealed && decoded, "the same with fitting checksums: %zu refused, %zu read as other numbers", resealed, decoded);
    size_t cut = 0, all = 0;
    for (size_t i = CODER_HEAD + 3 * COLUMNS; i < size; i++, all++) {
        memcpy(bad, good, i);
        coder_seal(bad, i);
        cut += refused(bad, i, NULL);
    }
    ok(cut == all, "cut short inside the coded bytes, with fitting checksums: refused");
    free(bad);
}

static int lie(const uint8_t *good, size_t size, size_t at, uint32_t value, int bytes, const char *word)
{
    uint8_t *bad = (uint8_t *)malloc(size);
    memcpy(bad, good, size);
    coder_store(bad + at, value, bytes);
    if (at >= 8) coder_seal(bad, size);
    int well = refused(bad, size, word);
    free(bad);
    return well;
}

static void test_lies(const uint8_t *good, size_t size)
{
    ok(lie(good, size, 0, 0x31434542, 4, "not a file of this format"), "another magic word");
    ok(lie(good, size, 12, ROWS + 1, 4, "end before"), "a row more than there is");
    ok(lie(good, size, 12, ROWS - 1, 4, "go on after"), "a row less");
    ok(lie(good, size, 12, 0, 4, "go on after"), "no rows, and coded bytes");
    ok(lie(good, size, 12, 16000000, 4, "more rows than"), "more rows than the bytes can hold");
    ok(lie(good, size, 12, 0xffffffff, 4, "more rows than") && lie(good, size, 12, 0x80000000, 4, "more rows than"), "rows of 2^32 - 1, 2^31");
    ok(lie(good, size, 16, 0, 2, "columns"), "no columns");
    ok(lie(good, size, 16, 0xffff, 2, "columns") && lie(good, size, 16, 4000, 2, "columns"), "columns beyond the file");
    ok(lie(good, size, 18, 0, 4, "step") && lie(good, size, 18, 0x7f800000, 4, "step") && lie(good, size, 18, 0x7fc00000, 4, "step") &&
       lie(good, size, 18, 0xbf800000, 4, "step"), "a step of 0, of infinity, of NaN, below 0");
    ok(lie(good, size, CODER_HEAD + 2, 13, 1, "range") && lie(good, size, CODER_HEAD + 2, 255, 1, "range"), "symbols of 13 bits, of 255");
    ok(lie(good, size, CODER_HEAD, 0x7fff, 2, "range"), "a lowest symbol so high that the highest would not fit");
}

/* Rows that cost nothing, since every column is constant, are rows all the same: their number is bounded by the format. */
static void test_constant(void)
{
    int16_t s[2] = { 5, 5 };
    coder_file f = { 1, 2, 1, 1, s };
    uint8_t *bytes;
    size_t size;
    int well = coder_pack(&f, &bytes, &size);
    ok(well && lie(bytes, size, 12, CODER_ROWS + 1, 4, "more rows than") && !lie(bytes, size, 12, 1000000, 4, NULL), "a million equal rows are believed, 2^24 + 1 are not");
    if (well) free(bytes);
    int16_t *many = (int16_t *)calloc(2000000, sizeof *many);
    many[1000000] = 1;
    ok(round_trip(2000000, 1, many) > 0, "two million equal rows but one: what the coder writes, the reader believes");
    for (int i = 0; i < 2000000; i++) many[i] = i != 1000000;
    ok(round_trip(2000000, 1, many) > 0, "the same the other way round");
    free(many);
}

static void test_too_much(void)
{
    int16_t s[1] = { 0 };
    static const int bad[][2] = { { -1, 1 }, { CODER_ROWS + 1, 1 }, { 1, 0 }, { 1, CODER_COLUMNS + 1 } };
    int taken = 0;
    for (int i = 0; i < 4; i++) {
        coder_file f = { 1, bad[i][0], bad[i][1], 1, s };
        uint8_t *bytes;
        size_t size;
        taken += coder_pack(&f, &bytes, &size);
    }
    ok(!taken, "fewer rows than none, more than the format has, no column or too many are not packed");
}

static void test_garbage(void)
{
    uint8_t bytes[400];
    int refusals = 0;
    for (int i = 0; i < 3000; i++) {
        size_t size = roll() % sizeof bytes;
        for (size_t k = 0; k < size; k++) bytes[k] = (uint8_t)roll();
        if (i % 2 && size > CODER_HEAD) {                   /* half of them look right at first */
            memcpy(bytes, "AEC1", 4);
            bytes[15] = bytes[14] = bytes[17] = 0;
            coder_seal(bytes, size);
        }
        refusals += refused(bytes, size, NULL);
    }
    ok(refusals > 2900, "3,000 times garbage: %d refused, none crashes", refusals);
}

static void test_numbers(void)
{
    float z[] = { -1, 0, 0.26f, 1, 2, 2, 2, 2 };
    int16_t s[8];
    float step = coder_step(z, 4, 2, 4);                    /* columns -1 .. 2 and 0 .. 2: the widest is 3 */
    ok(fabsf(step - 3 / 15.0f) < 1e-6f, "the widest column decides the step");
    ok(coder_quantise(z, 8, step, s) && s[0] == -5 && s[1] == 0 && s[2] == 1 && s[4] == 10, "numbers are rounded to steps");
    z[3] = NAN;
    ok(!coder_quantise(z, 8, step, s), "NaN is refused");
    z[3] = 1e9f;
    ok(!coder_quantise(z, 8, step, s), "what does not fit 16 bits is refused");
    z[0] = z[1] = 3;
    ok(coder_step(z, 1, 2, 4) > 0, "equal numbers have a step, too");
}

int main(void)
{
    test_decisions();
    test_turns();
    test_files();
    test_size();
    test_golden();
    int16_t *s = mixture(ROWS);
    coder_file f = { 99, ROWS, COLUMNS, 0.1f, s };
    uint8_t *good = NULL;
    size_t size = 0;
    if (ok(coder_pack(&f, &good, &size), "a file to be damaged")) {
        test_damage(good, size);
        test_lies(good, size);
    }
    free(good);
    free(s);
    test_constant();
    test_too_much();
    test_garbage();
    test_numbers();
    return tap_end();
}
