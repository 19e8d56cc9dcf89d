/* tools.h - other people's compressors as filters: gzip, cjpeg and djpeg as they are installed here

   Include kit.h first.  A tool gets bytes on its standard input and answers on its standard output; both pass through files
   in the folder of --out, so that none can wait for the other.  What is not installed is no error: the answer is NULL.
   C99, POSIX. */

#ifndef TOOLS_H
#define TOOLS_H

/* A whole file, to be freed; NULL with the reason in `why`. */
static inline uint8_t *tools_read(const char *path, size_t *size, char *why, size_t room)
{
    struct stat info;
    uint8_t *bytes = NULL;
    int there = !stat(path, &info), plain = there && S_ISREG(info.st_mode);    /* opening a pipe would wait for ever */
    FILE *f = plain ? fopen(path, "rb") : NULL;
    snprintf(why, room, "%s", there && !plain ? "not a file" : strerror(errno));
    if (f) {
        *size = (size_t)info.st_size;
        bytes = (uint8_t *)malloc(*size + 1);
        if (!bytes || fread(bytes, 1, *size, f) != *size) {
            snprintf(why, room, "cannot be read");
            free(bytes);
            bytes = NULL;
        }
        fclose(f);
    }
    return bytes;
}

/* Standard input and output of this process become two files. */
static inline int tools_connect(const char *in, const char *out)
{
    int from = open(in, O_RDONLY), to = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0666), quiet = open("/dev/null", O_WRONLY);
    return from >= 0 && to >= 0 && quiet >= 0 && dup2(from, 0) >= 0 && dup2(to, 1) >= 0 && dup2(quiet, 2) >= 0;
}

/* What argv[0], found in PATH, makes of bytes[size]: to be freed; NULL if it is not installed, or fails. */
static inline uint8_t *tools_run(kit *run, const char *const *argv, const uint8_t *bytes, size_t size, size_t *made)
{
    char path[PATH_MAX], in[PATH_MAX], out[PATH_MAX], why[80];
    int status = -1;
    if (!kit_in_path(argv[0], path)) return NULL;
    kit_name(in, "%s/tool.in", run->out);
    kit_name(out, "%s/tool.out", run->out);
    kit_write(run, "tool.in", bytes, size);
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        if (tools_connect(in, out)) execv(path, (char *const *)argv);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    uint8_t *answer = child > 0 && status == 0 ? tools_read(out, made, why, sizeof why) : NULL;
    unlink(in);
    unlink(out);
    return answer;
}

/* images[n][28][28] as one grey picture (PGM), `wide` images in a row; what is left over in the last row is black. */
static inline uint8_t *tools_picture(const kit *run, const uint8_t *images, int n, int wide, size_t *size)
{
    int high = (n + wide - 1) / wide, head;
    *size = (size_t)high * (size_t)wide * 784 + 32;
    uint8_t *pgm = (uint8_t *)kit_room(run, *size);
    memset(pgm, 0, *size);
    head = snprintf((char *)pgm, 32, "P5 %d %d 255\n", 28 * wide, 28 * high);
    *size -= (size_t)(32 - head);
    for (int i = 0; i < n * 28; i++)                     /* row y of image k */
        memcpy(pgm + head + ((size_t)(i / 28 / wide * 28 + i % 28) * (size_t)wide + (size_t)(i / 28 % wide)) * 28, images + (size_t)i * 28, 28);
    return pgm;
}

/* The images in such a picture; 0 if it has another size. */
static inline int tools_images(const uint8_t *pgm, size_t size, int n, int wide, float *image)
{
    size_t pixels = (size_t)((n + wide - 1) / wide) * (size_t)wide * 784;
    if (size < pixels) return 0;
    pgm += size - pixels;
    for (int i = 0; i < n * 28; i++)
        for (int x = 0; x < 28; x++)
            image[(size_t)i * 28 + (size_t)x] = pgm[((size_t)(i / 28 / wide * 28 + i % 28) * (size_t)wide + (size_t)(i / 28 % wide)) * 28 + (size_t)x] / 255.0f;
    return 1;
}

/* image[n][784] as an IDX file, to be freed. */
static inline uint8_t *tools_idx(const kit *run, const float *image, int n, size_t *size)
{
    *size = 16 + (size_t)n * 784;
    uint8_t *bytes = (uint8_t *)kit_room(run, *size);
    const uint32_t head[4] = { 0x803, (uint32_t)n, 28, 28 };
    for (int i = 0; i < 16; i++) bytes[i] = (uint8_t)(head[i / 4] >> (24 - i % 4 * 8));
    for (size_t i = 0; i < (size_t)n * 784; i++) bytes[16 + i] = kit_byte(image[i]);
    return bytes;
}

#endif /* TOOLS_H */
