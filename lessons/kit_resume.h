/* kit_resume.h - checkpoints, --load and --resume

   kit.h includes this file.  checkpoint.safetensors holds all that a training is: networks, optimisers, loaders and random
   numbers, which the library saves, and what the kit and the lesson keep beside them.  One is written where a run begins,
   every few seconds on the way, and at the end, each beside the last and renamed; so a run that is killed at any moment
   goes on from one, and does again what came after it, to the same bits. */

#ifndef KIT_RESUME_H
#define KIT_RESUME_H

/* Something that the training collects and that a resumed run must find again.  To be said before kit_restore. */
static inline void kit_keep(kit *run, const char *name, void *at, size_t bytes)
{
    if (run->keeps == (int)(sizeof run->kept / sizeof run->kept[0])) kit_die(run, 1, "kit_keep: too many things");
    kit_kept *k = &run->kept[run->keeps++];
    k->name = name, k->at = at, k->bytes = bytes;
}

/* The library saves networks, so the kept things travel as parameters of a tiny network of our own: a float for each two
   bytes, which holds any two exactly. */
static inline void kit_pack(kit *run, const kit_kept *k)
{
    size_t n = (k->bytes + 1) / 2;
    const uint8_t *from = (const uint8_t *)k->at;
    float *packed = (float *)kit_room(run, n * sizeof(float));
    for (size_t i = 0; i < n; i++) packed[i] = (float)(from[2 * i] | (2 * i + 1 < k->bytes ? from[2 * i + 1] << 8 : 0));
    ae_assign(ae_param(run->notes, k->name), packed);
    free(packed);
}

static inline void kit_unpack(const kit *run, const kit_kept *k)
{
    const float *packed = ae_data(ae_param(run->notes, k->name));
    uint8_t *to = (uint8_t *)k->at;
    for (size_t i = 0; i < k->bytes; i++) to[i] = (uint8_t)((int)packed[i / 2] >> 8 * (i % 2));
}

static inline void kit_checkpoint(kit *run)
{
    kit_progress *p = &run->progress[run->nets - 1];
    p->epoch = run->epoch, p->started = run->started, p->running = ae_item(run->running), p->train_loss = run->train_loss, p->test_loss = run->test_loss;
    p->batch = run->batch, p->lr = run->lr, p->seed = run->seed, p->images = run->train.n;
    snprintf(p->dataset, sizeof p->dataset, "%s", run->dataset);
    kit_last_facts(&run->facts);
    if (run->facts.used >= sizeof run->facts_kept) kit_die(run, 1, "too many facts for a checkpoint");
    snprintf(run->facts_kept, sizeof run->facts_kept, "%s", run->facts.used ? run->facts.text : "");
    for (int i = 0; i < run->keeps; i++) kit_pack(run, &run->kept[i]);
    if (!ae_save_all(run->ae, kit_path(run, "checkpoint.safetensors"))) kit_die(run, 3, "%s", ae_error(run->ae));
    run->checked = kit_seconds();
}

/* The pictures of an earlier run, and what they are drawn from, as its plots.tsv had them.  Whatever that held, only such files go:
   .png, .u8 and .tsv in this folder, and none that this run has drawn itself before its training. */
static inline void kit_forget(kit *run, const char *name)
{
    const char *dot = strrchr(name, '.');
    char ours[300];
    snprintf(ours, sizeof ours, "\t%s\t", name);
    if (run->plots.used && strstr(run->plots.text, ours)) return;
    if (dot && !strchr(name, '/') && (!strcmp(dot, ".png") || !strcmp(dot, ".u8") || !strcmp(dot, ".tsv"))) unlink(kit_path(run, name));
}

static inline void kit_forget_pictures(kit *run)
{
    char data[256], picture[256];
    for (const char *line = run->earlier.text; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (sscanf(line, "%*[^\t\n]\t%255[^\t\n]\t%255[^\t\n]", data, picture) == 2) kit_forget(run, data), kit_forget(run, picture);
}

/* A new run in a folder that holds another one: with the checkpoint that is written here the folder is the new one's.  The
   other's checkpoint stays under another name, in case --resume was forgotten. */
static inline void kit_begin(kit *run)
{
    char old[PATH_MAX];
    kit_name(old, "%s/checkpoint.earlier.safetensors", run->out);
    unlink(old);
    if (!link(kit_path(run, "checkpoint.safetensors"), old))
        printf("%s holds an earlier run: this one takes its place, and only its checkpoint stays, as %s\n", run->out, old);
    kit_checkpoint(run);
    kit_forget_pictures(run);
    unlink(kit_path(run, "log.tsv"));
    if (run->plots.used) kit_write(run, "plots.tsv", run->plots.text, run->plots.used);
    else unlink(kit_path(run, "plots.tsv"));
    unlink(kit_path(run, "run.json"));
}

/* The first lines of OUT/name. */
static inline void kit_read_lines(kit *run, const char *name, int lines, kit_text *t)
{
    char line[4096];
    FILE *f = fopen(kit_path(run, name), "r");
    while (f && lines-- > 0 && fgets(line, sizeof line, f)) kit_print(t, "%s", line);
    if (f) fclose(f);
}

/* Now the network of this name is trained, from where the checkpoint left it. */
static inline void kit_net(kit *run, const char *name)
{
    if (run->nets == KIT_NETS) kit_die(run, 1, "more than %d networks", KIT_NETS);
    const kit_progress *p = &run->progress[run->nets++];
    run->net = name;
    if (name) kit_print(&run->net_names, "%s%s", run->nets > 1 ? " " : "", name);
    run->epoch = run->resumed = p->epoch;
    run->started = p->started;
    run->train_loss = p->epoch ? p->train_loss : NAN;
    run->test_loss = p->epoch ? p->test_loss : NAN;
    run->train_seconds = run->test_seconds = run->loop_began = run->drawn = 0;
    ae_assign(run->running, &p->running);
    if (run->resume && p->batch > 0) printf("resumed%s%s after epoch %d and %d batches\n", name ? " " : "", name ? name : "", run->epoch, run->started);
}

/* A run goes on as it was begun, or not at all; of the lesson's own options, some of which only look, a word is enough. */
static inline void kit_resume(kit *run)
{
    char now[sizeof run->options];
    memcpy(now, run->options, sizeof now);
    if (!ae_load_all(run->ae, kit_path(run, "checkpoint.safetensors"))) kit_die(run, 3, "%s", ae_error(run->ae));
    for (int i = 0; i < run->keeps; i++) kit_unpack(run, &run->kept[i]);
    const kit_progress *p = &run->progress[0];
    if (p->batch != run->batch || p->lr != run->lr || p->seed != run->seed || p->images != run->train.n || strcmp(p->dataset, run->dataset))
        kit_die(run, 2, "the run in %s was begun with --batch %d, --lr %g, --seed %llu on %d images of %.12s: resume it with the same",
                run->out, p->batch, p->lr, (unsigned long long)p->seed, p->images, p->dataset);
    if (strcmp(now, run->options)) printf("begun with %s\nresumed with %s\n", run->options, now);
    memcpy(run->options, now, sizeof now);
    run->facts.used = 0;
    kit_print(&run->facts, "%s", run->facts_kept);
    int rows = 0;
    for (int i = 0; i < KIT_NETS; i++) rows += run->progress[i].epoch;
    if (rows) kit_read_lines(run, "log.tsv", rows + 1, &run->log);
}

/* --load and --resume, once networks, optimisers and loaders are made.  model: the only network, or NULL if there are
   several; then kit_net follows, as it does for an only one that the lesson has named in run.net before. */
static inline void kit_restore(kit *run, ae_net *model)
{
    kit_keep(run, "progress", run->progress, sizeof run->progress);
    kit_keep(run, "options", run->options, sizeof run->options);
    kit_keep(run, "facts", run->facts_kept, sizeof run->facts_kept);
    run->notes = ae_net_new(run->ae);
    for (int i = 0; i < run->keeps; i++) ae_nn_parameter(run->notes, run->kept[i].name, 0, (int)(run->kept[i].bytes + 1) / 2, 0, 0, 0);
    if ((run->load || run->save) && !model) kit_die(run, 2, "--load and --save are about one network, and this run has several: choose one");
    if (run->load && !ae_load(model, run->load)) kit_die(run, 3, "%s", ae_error(run->ae));
    if (run->resume) kit_resume(run);
    if (model && !run->net) kit_net(run, NULL);
}

/* A run that was killed may have left a picture undrawn: it is older than its data, or not there. */
static inline void kit_draw_missing(kit *run)
{
    if (!run->resume || !run->plots.used || !kit_can_plot(run)) return;
    kit_wait(run, 1);
    for (char *line = run->plots.text, *next; *line; line = next) {
        char text[1024], png[PATH_MAX], data[PATH_MAX], *field[14] = { text };
        struct stat drawn, from;
        int count = 1, length = (int)strcspn(line, "\n");
        next = line + length + (line[length] == '\n');
        snprintf(text, sizeof text, "%.*s", length, line);
        for (char *p = text; count < 13 && (p = strchr(p, '\t')); field[count++] = p) *p++ = 0;
        if (count < 4 || strlen(field[2]) < 5) continue;
        kit_name(data, "%s/%s", run->out, field[1]);
        kit_name(png, "%s/%s", run->out, field[2]);
        if (stat(data, &from) || (!stat(png, &drawn) && drawn.st_mtime > from.st_mtime)) continue;
        field[2][strlen(field[2]) - 4] = 0;
        kit_draw(run, field[0], field[1], field[2], field + 3, count - 3);
        kit_wait(run, 1);
    }
}

#endif /* KIT_RESUME_H */
