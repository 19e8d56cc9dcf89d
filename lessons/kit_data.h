/* kit_data.h - where the lessons' images come from: MNIST, EMNIST's letters, or strokes drawn by the program

   kit.h includes this file; a lesson calls kit_data and finds its images in run.train and run.test.  Files are not
   trusted: a wrong one is named with its fault, and is never read beyond what it really holds. */

#ifndef KIT_DATA_H
#define KIT_DATA_H

static inline uint32_t kit_big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One IDX file of `dims` axes: its bytes after the header, or NULL with the reason in `why`.  The header is believed
   only where it agrees with the size of the file, and no more memory is taken than the file is long. */
static inline uint8_t *kit_read_idx(const char *path, int dims, int *n, char *why, size_t size)
{
    uint8_t head[16] = {0}, *bytes = NULL;
    size_t start = 4 + 4 * (size_t)dims;
    struct stat info;
    int there = !stat(path, &info), plain = there && S_ISREG(info.st_mode);   /* opening a pipe would wait for ever */
    FILE *f = plain ? fopen(path, "rb") : NULL;
    if (there && !plain) snprintf(why, size, "%s: not a file", path);
    else if (!f) snprintf(why, size, "%s: %s", path, strerror(errno));
    else if (fread(head, 1, start, f) != start) snprintf(why, size, "%s: cut short inside its header", path);
    else if (head[0] == 0x1f && head[1] == 0x8b) snprintf(why, size, "%s: still packed by gzip; unpack it", path);
    else if (kit_big_endian(head) != 0x800u + (uint32_t)dims) snprintf(why, size, "%s: not an IDX file of %s", path, dims == 3 ? "images" : "labels");
    else if (dims == 3 && (kit_big_endian(head + 8) != 28 || kit_big_endian(head + 12) != 28))
        snprintf(why, size, "%s: images of %ux%u, 28x28 are wanted", path, kit_big_endian(head + 8), kit_big_endian(head + 12));
    else {
        uint64_t count = kit_big_endian(head + 4), want = count * (dims == 3 ? 784 : 1), have = (uint64_t)info.st_size - start;
        if (want != have || !count || count > INT_MAX)
            snprintf(why, size, "%s: its header says %llu %s, its size says otherwise (%llu bytes after the header)", path,
                     (unsigned long long)count, dims == 3 ? "images" : "labels", (unsigned long long)have);
        else if (!(bytes = (uint8_t *)malloc((size_t)want)) || fread(bytes, 1, (size_t)want, f) != want) {
            snprintf(why, size, "%s: cannot be read", path);
            free(bytes);
            bytes = NULL;
        }
        *n = (int)count;
    }
    if (f) fclose(f);
    return bytes;
}

static inline void kit_set_free(kit_set *set)
{
    free(set->images);
    free(set->labels);
    memset(set, 0, sizeof *set);
}

/* Images and labels of one set.  They must be equally many, and every label must be one of the classes.  0: `set` is
   empty, and `why` tells. */
static inline int kit_read_set(const char *stem, int classes, kit_set *set, char *why, size_t size)
{
    char path[PATH_MAX];
    int labels = 0, low = classes == KIT_LETTERS, bad = 0;
    kit_name(path, "%s-images-idx3-ubyte", stem);
    set->labels = NULL;
    set->images = kit_read_idx(path, 3, &set->n, why, size);
    kit_name(path, "%s-labels-idx1-ubyte", stem);
    if (set->images) set->labels = kit_read_idx(path, 1, &labels, why, size);
    for (int i = 0; set->labels && i < labels; i++) bad += set->labels[i] < low || set->labels[i] >= classes + low;
    if (set->labels && labels == set->n && !bad) return 1;
    if (set->labels && labels != set->n) snprintf(why, size, "%s: %d labels for %d images", path, labels, set->n);
    else if (bad) snprintf(why, size, "%s: %d of the labels not in %d .. %d", path, bad, low, classes - 1 + low);
    kit_set_free(set);
    return 0;
}

/* 1: the data is in this folder and read.  0: it is not here.  -1: it is here, and wrong; `why` tells. */
static inline int kit_read_folder(kit *run, const char *folder, int classes, char *why, size_t size)
{
    static const char *const stems[2][2] = { { "train", "t10k" }, { "emnist-letters-train", "emnist-letters-test" } };
    const char *const *stem = stems[classes == KIT_LETTERS];
    const char *sub = classes == KIT_LETTERS ? "emnist/" : "mnist/";
    char path[PATH_MAX];
    for (int deep = 1; deep >= 0; deep--) {
        kit_name(path, "%s/%s%s-images-idx3-ubyte", folder, deep ? sub : "", stem[0]);
        if (access(path, F_OK)) continue;
        for (int t = 0; t < 2; t++) {
            kit_name(path, "%s/%s%s", folder, deep ? sub : "", stem[t]);
            if (kit_read_set(path, classes, t ? &run->test : &run->train, why, size)) continue;
            kit_set_free(&run->train);                        /* half a data set is none */
            return -1;
        }
        return 1;
    }
    return 0;
}

/* Tries the places in their order; the notice lists those where nothing was found. */
static inline int kit_find_data(kit *run, int classes, kit_text *notice)
{
    char place[4][PATH_MAX] = { "" }, why[PATH_MAX + 200];
    const char *data = getenv("AUTOENC_DATA"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (run->data) kit_name(place[0], "%s", run->data);
    else {
        if (data && *data) kit_name(place[1], "%s", data);
        kit_name(place[2], "%s/data", run->folder);
        if (cache && *cache) kit_name(place[3], "%s/autoenc", cache);
        else if (home) kit_name(place[3], "%s/.cache/autoenc", home);
    }
    for (int i = 0; i < 4; i++) {
        if (!place[i][0]) continue;
        int found = kit_read_folder(run, place[i], classes, why, sizeof why);
        if (found > 0) return 1;
        if (found < 0 && run->data) kit_die(run, 3, "%s", why);
        kit_print(notice, "    %s\n", found < 0 ? why : place[i]);
    }
    return 0;
}

/* A number from 0 to 1 as a byte; what lies outside is shown as black or white. */
static inline uint8_t kit_byte(float x)
{
    return (uint8_t)(255 * (x > 0 ? x < 1 ? x : 1 : 0) + 0.5f);
}

/* Rows become columns: EMNIST stores its images that way, so strokes that stand in for it do too. */
static inline void kit_transpose(uint8_t *image)
{
    for (int y = 0; y < 28; y++)
        for (int x = 0; x < y; x++) {
            uint8_t pixel = image[28 * y + x];
            image[28 * y + x] = image[28 * x + y];
            image[28 * x + y] = pixel;
        }
}

static inline void kit_strokes(kit *run, int classes, int n, uint64_t seed, kit_set *set)
{
    set->n = n;
    set->images = (uint8_t *)kit_room(run, (size_t)n * 784);
    set->labels = (uint8_t *)kit_room(run, (size_t)n);
    strokes_fill(classes, seed, n, set->images, set->labels);
    for (int i = 0; classes == KIT_LETTERS && i < n; i++) kit_transpose(set->images + (size_t)i * 784);
}

/* MNIST for KIT_DIGITS, EMNIST's letters for KIT_LETTERS, or strokes drawn by the program.  `most` > 0 trains on the
   first `most` images only, for --quick.  Letters are labelled 1 .. 26 and lie on their side, as in EMNIST's files. */
static inline void kit_data(kit *run, int classes, int most)
{
    const char *wanted = classes == KIT_LETTERS ? "emnist" : "mnist";
    kit_text notice = { NULL, 0, 0 };
    run->dataset = wanted;
    if (run->synthetic || !kit_find_data(run, classes, &notice)) {
        if (run->data && !run->synthetic) kit_die(run, 3, "no %s data in %s (IDX files, unpacked); `make data` gets it", wanted, run->data);
        run->dataset = "strokes";
        kit_strokes(run, classes, most > 0 ? most : 60000, 1, &run->train);
        kit_strokes(run, classes, 10000, 2, &run->test);
        if (!run->synthetic) printf("No %s data in\n%sso this run uses the built-in strokes: drawn by the program, easier than "
                                    "handwriting.  `make data` gets the real data.\n", wanted, notice.text);
    }
    if (most > 0 && run->train.n > most) run->train.n = most;
    printf("data: %s, %d training and %d test images\n", run->dataset, run->train.n, run->test.n);
    free(notice.text);
}

/* Everything the kit holds goes back; networks and loaders first, which borrow the images. */
static inline void kit_free(kit *run)
{
    ae_free(run->ae);
    kit_set_free(&run->train);
    kit_set_free(&run->test);
    void *mine[] = { run->log.text, run->facts.text,
                     run->plots.text, run->command.text, run->columns.text, run->cells.text, run->net_facts.text,
                     run->net_names.text, run->earlier.text };
    for (size_t i = 0; i < sizeof mine / sizeof mine[0]; i++) free(mine[i]);
}

/* ==== Images and networks as plain arrays ======================================================================== */

static inline float *kit_floats(const kit *run, int rows, int columns)
{
    return (float *)kit_room(run, (size_t)rows * (size_t)columns * sizeof(float));
}

/* transforms.ToTensor(): bytes to numbers from 0 to 1. */
static inline float *kit_images(const kit *run, const kit_set *set)
{
    float *image = kit_floats(run, set->n, 784);
    for (size_t i = 0; i < (size_t)set->n * 784; i++) image[i] = set->images[i] / 255.0f;
    return image;
}

/* DataLoader(set, batch_size=run.batch, shuffle=shuffle) */
static inline ae_loader *kit_loader(const kit *run, const kit_set *set, int shuffle)
{
    ae_loader *loader = ae_loader_new(run->ae, run->batch, shuffle);
    ae_load_u8(loader, set->images, set->n, 1, 28, 28);
    ae_load_labels(loader, set->labels, set->n);
    return loader;
}

/* print(model) */
static inline void kit_summary(const kit *run, const ae_net *model)
{
    size_t size = (size_t)ae_summary(model, NULL, 0) + 1;
    char *text = (char *)kit_room(run, size);
    ae_summary(model, text, size);
    printf("%s\n", text);
    free(text);
}

/* out = net(in) for n rows of c x h x w, `batch` rows at a time, with no gradients; h and w are 0 for rows of c numbers.
   Returns rows a second. */
static inline double kit_apply(ae_ctx *ae, ae_net *net, const float *in, int n, int c, int h, int w, int batch, float *out)
{
    double start = kit_seconds();
    int before = ae_grad_enabled(ae, 0);                                  /* with torch.no_grad(): */
    size_t wide = (size_t)c * (size_t)(h ? h : 1) * (size_t)(w ? w : 1);
    for (int i = 0; i < n; i += batch) {
        int rows = n - i < batch ? n - i : batch;
        size_t mark = ae_begin(ae);
        ae_tensor y = ae_forward(net, ae_from(ae, in + (size_t)i * wide, rows, c, h, w));
        size_t size = (size_t)ae_size(y, -1), row = size / (size_t)rows;
        memcpy(out + (size_t)i * row, ae_data(y), size * sizeof(float));
        ae_end(ae, mark);
    }
    ae_grad_enabled(ae, before);
    return n / (kit_seconds() - start);
}

/* Do two networks make the same of image[n], to the last bit?  `batch` at a time, so that nobody needs room for all of it. */
static inline int kit_same_bits(const kit *run, ae_net *a, ae_net *b, const float *image, int n, int batch)
{
    float *drawn = kit_floats(run, 2 * batch, 784), *again = drawn + (size_t)batch * 784;
    int same = 1;
    for (int i = 0; i < n; i += batch) {
        int rows = n - i < batch ? n - i : batch;
        kit_apply(run->ae, a, image + (size_t)i * 784, rows, 1, 28, 28, batch, drawn);
        kit_apply(run->ae, b, image + (size_t)i * 784, rows, 1, 28, 28, batch, again);
        same &= !memcmp(drawn, again, (size_t)rows * 784 * sizeof(float));
    }
    free(drawn);
    return same;
}

/* The mean over every pixel of every test image; loss is ae_mse_loss, ae_l1_loss or ae_bce_loss. */
static inline double kit_test_loss(kit *run, ae_net *model, ae_loader *test, ae_tensor (*loss)(ae_tensor, ae_tensor, ae_reduction))
{
    double sum = 0, pixels = 0, start = kit_seconds();
    int before = ae_grad_enabled(run->ae, 0);                             /* with torch.no_grad(): */
    ae_tensor x;
    while (ae_next_batch(test, &x, NULL)) {
        if (run->flat) x = ae_view(x, -1, 784, 0, 0);
        sum += ae_item(loss(ae_forward(model, x), x, AE_SUM));
        pixels += ae_size(x, -1);
    }
    ae_grad_enabled(run->ae, before);
    run->test_seconds = kit_seconds() - start;
    return sum / pixels;
}

typedef struct kit_search { const kit_set *among; const float *image; double *distance; } kit_search;

/* One image against all: a comparison stops as soon as it is worse than the best one so far. */
static inline void kit_nearest_one(void *user, int index)
{
    const kit_search *s = (const kit_search *)user;
    int best = INT_MAX;
    uint8_t x[784];
    for (int j = 0; j < 784; j++) x[j] = kit_byte(s->image[(size_t)index * 784 + j]);
    for (int i = 0; i < s->among->n; i++) {
        const uint8_t *y = s->among->images + (size_t)i * 784;
        int sum = 0;
        for (int from = 0; from < 784 && sum < best; from += 112)
            for (int j = from; j < from + 112; j++) sum += (x[j] - y[j]) * (x[j] - y[j]);
        if (sum < best) best = sum;
    }
    s->distance[index] = sqrt((double)best) / 255;
}

/* How far images[n][784] are from the nearest training image, in the plain distance of 784 numbers from 0 to 1: the
   mean of the n.  What looks like no digit is far from all of them. */
static inline double kit_nearest(kit *run, const float *image, int n)
{
    double sum = 0;
    kit_search search = { &run->train, image, (double *)kit_room(run, (size_t)n * sizeof(double)) };
    ae_parallel(run->ae, n, kit_nearest_one, &search);
    for (int i = 0; i < n; i++) sum += search.distance[i];
    free(search.distance);
    return sum / n;
}

/* PCA(n_components=2).fit_transform(points): points[n][d] to xy[n][2]. */
static inline void kit_pca_plane(const kit *run, const float *points, int n, int d, float *xy)
{
    char why[160];
    pca_model plane;
    pca_rows rows = pca_rows_f32(points);
    if (!pca_fit(run->ae, &rows, n, d, 2, &plane, why, sizeof why)) kit_die(run, 3, "PCA: %s", why);
    pca_project(run->ae, &plane, &rows, n, 2, xy);
    pca_free(&plane);
}

/* PCA(n_components=units).fit(set) */
static inline pca_model kit_pca(const kit *run, const kit_set *set, int units)
{
    char why[160];
    pca_model linear;
    pca_rows rows = pca_rows_u8(set->images);
    if (!pca_fit(run->ae, &rows, set->n, 784, units, &linear, why, sizeof why)) kit_die(run, 3, "PCA: %s", why);
    return linear;
}

/* What a loss means: the mean squared error on the test images of the mean training image, and of PCA, the best linear
   code, with as many numbers as the network's code has. */
static inline void kit_baselines(kit *run, int units, double *mean_image, double *pca)
{
    pca_model linear = kit_pca(run, &run->train, units);
    pca_rows test = pca_rows_u8(run->test.images);
    *mean_image = pca_error(run->ae, &linear, &test, run->test.n, 0);
    *pca = pca_error(run->ae, &linear, &test, run->test.n, units);
    kit_fact(run, "mean_image_loss", *mean_image);
    kit_fact(run, "pca_loss", *pca);
    pca_free(&linear);
}

/* Rows as the first `units` numbers of a fitted PCA draw them, out[n][784]; units 0 is the mean of what it was fitted to.
   PCA is not confined to 0 .. 1, so what it draws may have to be clipped. */
static inline void kit_pca_draw(const kit *run, const pca_model *linear, const pca_rows *rows, int n, int units, float *out)
{
    float *code = kit_floats(run, n, units + 1);
    if (units) pca_project(run->ae, linear, rows, n, units, code);
    for (int i = 0; i < n; i++) {
        float *row = out + (size_t)i * 784;
        for (int j = 0; j < 784; j++) row[j] = (float)linear->mean[j];
        for (int k = 0; k < units; k++)
            for (int j = 0; j < 784; j++) row[j] += code[(size_t)i * (size_t)units + (size_t)k] * (float)linear->component[(size_t)k * 784 + (size_t)j];
    }
    free(code);
}

/* The test images as PCA with so many numbers draws them, for lessons with another loss than MSE. */
static inline void kit_pca_images(kit *run, int units, float *out)
{
    pca_model linear = kit_pca(run, &run->train, units ? units : 1);
    pca_rows test = pca_rows_u8(run->test.images);
    kit_pca_draw(run, &linear, &test, run->test.n, units, out);
    pca_free(&linear);
}

/* Letters beside digits: EMNIST's test letters if they are at hand, else drawn ones, all put upright.  `letters` is {0} before. */
static inline void kit_letters(const kit *run, kit *letters)
{
    kit_text places = { NULL, 0, 0 };
    letters->lesson = run->lesson, letters->data = run->data;
    strcpy(letters->folder, run->folder);
    letters->dataset = strcmp(run->dataset, "strokes") && kit_find_data(letters, KIT_LETTERS, &places) ? "emnist" : "strokes";
    if (!letters->test.n) kit_strokes(letters, KIT_LETTERS, 1000, 2, &letters->test);
    for (int i = 0; i < letters->test.n; i++) kit_transpose(letters->test.images + (size_t)i * 784);
    free(places.text);
}

#endif /* KIT_DATA_H */
