/* kit_options.h - the command line of a lesson: its own options and those that every lesson has

   kit.h includes this file.  A table of options is read by getopt_long and printed by --help, so the two cannot differ. */

#ifndef KIT_OPTIONS_H
#define KIT_OPTIONS_H

/* Edit distance of two short words: how many letters to insert, delete or replace. */
static inline int kit_distance(const char *a, const char *b)
{
    int row[64], n = (int)strlen(b);
    if (n > 63) return INT_MAX;
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]), best = row[j - 1] < row[j] ? row[j - 1] : row[j];
            diagonal = row[j];
            row[j] = change < best + 1 ? change : best + 1;
        }
    }
    return row[n];
}

/* How far a word is from an option's name; one that is only cut short is nearest. */
static inline int kit_likeness(const char *word, const char *name)
{
    return *word && !strncmp(name, word, strlen(word)) ? 0 : kit_distance(word, name);
}

static inline void kit_unknown(const kit *run, const kit_option *table, const char *word)
{
    char name[64];
    const char *best = "help";
    snprintf(name, sizeof name, "%s", word + strspn(word, "-"));
    name[strcspn(name, "=")] = 0;
    for (const kit_option *o = table; o->name; o++)
        if (kit_likeness(name, o->name) < kit_likeness(name, best)) best = o->name;
    kit_die(run, 2, "unknown option %s; did you mean --%s?  --help lists them all", word, best);
}

/* getopt_long takes --epoch for --epochs; we do not, so that a name means the same when another option is added. */
static inline int kit_in_full(const kit_option *table, const char *word)
{
    size_t n = strcspn(word, "=");
    while (table->name && (strncmp(word, "--", 2) || strlen(table->name) != n - 2 || strncmp(word + 2, table->name, n - 2))) table++;
    return table->name != NULL;
}

/* The lesson's own options as this run has them: they are noted in its checkpoint. */
static inline void kit_note_options(kit *run, const kit_option *o)
{
    size_t used = 0, size = sizeof run->options;
    for (; o && o->name && used < size; o++) {
        char *to = run->options + used;
        used += (size_t)(o->kind == KIT_INT || o->kind == KIT_FLAG ? snprintf(to, size - used, "--%s %d ", o->name, *(int *)o->value)
                       : o->kind == KIT_REAL ? snprintf(to, size - used, "--%s %g ", o->name, *(double *)o->value)
                                             : snprintf(to, size - used, "--%s %s ", o->name, *(const char **)o->value));
    }
}

/* Reads a value into its option, or leaves with a message.  A NaN fails both comparisons, so it is refused. */
static inline void kit_value(const kit *run, const kit_option *o, const char *word)
{
    char *end = NULL;
    errno = 0;
    if (o->kind >= KIT_TEXT) { *(const char **)o->value = word; return; }
    if (o->kind == KIT_SEED) {
        *(uint64_t *)o->value = strtoull(word, &end, 10);
        if (word[0] < '0' || word[0] > '9' || *end || errno)
            kit_die(run, 2, "--%s %s: a whole number from 0 to 2^64 - 1 is wanted", o->name, word);
        return;
    }
    double number = strtod(word, &end);
    int whole = o->kind == KIT_INT;
    if (end == word || *end || !(number >= o->least && number <= o->most) || (whole && number != floor(number)))
        kit_die(run, 2, "--%s %s: a %snumber from %g to %g is wanted", o->name, word, whole ? "whole " : "", o->least, o->most);
    if (whole) *(int *)o->value = (int)number;
    else       *(double *)o->value = number;
}

static inline double kit_setting(const kit_settings *s, const char *name)
{
    return !strcmp(name, "epochs") ? s->epochs : !strcmp(name, "batch") ? s->batch : s->lr;
}

static inline void kit_help(const kit *run, const kit_option *table)
{
    printf("%s: %s\n\nUsage: ./%s [options]\n", run->lesson, run->about, run->lesson);
    for (const kit_option *o = table; o->name; o++) {
        char left[40], value[PATH_MAX] = "";
        static const char *const what[] = { "", " N", " N", " X", " F", " DIR", " NAME" };
        snprintf(left, sizeof left, "--%s%s", o->name, what[o->kind]);
        if (o->kind == KIT_INT && *(int *)o->value >= o->least) snprintf(value, sizeof value, " (default %d)", *(int *)o->value);
        if (o->kind == KIT_SEED) snprintf(value, sizeof value, " (default %llu)", (unsigned long long)*(uint64_t *)o->value);
        if (o->kind == KIT_REAL && *(double *)o->value >= o->least) snprintf(value, sizeof value, " (default %g)", *(double *)o->value);
        if (o->kind >= KIT_TEXT && *(const char **)o->value)
            snprintf(value, sizeof value, " (default %.200s)", *(const char **)o->value);
        if (o->value == &run->epochs || o->value == &run->batch || o->value == &run->lr)
            snprintf(value, sizeof value, " (default %g; %g with --quick, %g with --full)", kit_setting(&run->usual, o->name),
                     kit_setting(&run->in_quick, o->name), kit_setting(&run->in_full, o->name));
        printf("  %-16s %s%s\n", left, o->help, value);
    }
    printf("\nWritten to the folder of --out: log.tsv, run.json, model.safetensors, checkpoint.safetensors, plots.tsv,\n  %s\n"
           "Data is looked for in --data, $AUTOENC_DATA, data/ beside this program and the user's cache; `make data` gets it.\n"
           "Exit status: 0 done, 1 misuse of the library, 2 bad option, 3 files, data, memory or device, 130 interrupted.\n",
           run->files);
}

/* The lesson's own options, then those of every lesson. */
static inline int kit_table(kit *run, const kit_option *more, kit_option *table)
{
    const kit_option common[] = {
        { "quick",       KIT_FLAG, &run->quick,       0, 0, "a first look: smaller, under 10 seconds" },
        { "full",        KIT_FLAG, &run->full,        0, 0, "the document's own settings to the letter" },
        { "epochs",      KIT_INT,  &run->epochs,      0, 1e6, "how many epochs in all, also when resuming" },
        { "batch",       KIT_INT,  &run->batch,       1, 1e6, "images in a batch" },
        { "lr",          KIT_REAL, &run->lr,          0, 1e6, "learning rate" },
        { "seed",        KIT_SEED, &run->seed,        0, 0, "of weights, shuffling and noise" },
        { "threads",     KIT_INT,  &run->threads,     0, 1024, "threads that compute, 0 for all cores; results do not depend on it" },
        { "data",        KIT_DIR,  &run->data,        0, 0, "folder with unpacked IDX files" },
        { "out",         KIT_DIR,  &run->out,         0, 0, "folder for everything this run writes" },
        { "device",      KIT_NAME, &run->device,      0, 0, "auto, cpu, cuda, or cuda-tf32 (products with rounded factors)" },
        { "synthetic",   KIT_FLAG, &run->synthetic,   0, 0, "use the built-in strokes even if there is data" },
        { "save",        KIT_TEXT, &run->save,        0, 0, "write the weights to F as well" },
        { "load",        KIT_TEXT, &run->load,        0, 0, "read the weights from F, then train (not at all with --epochs 0)" },
        { "resume",      KIT_FLAG, &run->resume,      0, 0, "go on from the checkpoint in the folder of --out" },
        { "no-plot",     KIT_FLAG, &run->no_plot,     0, 0, "write the data of the pictures, draw none; `make plots` does later" },
        { "no-progress", KIT_FLAG, &run->no_progress, 0, 0, "no progress bar" },
        { "live",        KIT_FLAG, &run->live,        0, 0, "draw loss.png anew after each epoch, its last 30 epochs" },
        { "help",        KIT_FLAG, &run->help,        0, 0, "print this" },
        { 0 } };
    int n = 0;
    for (; more && more->name; more++) table[n++] = *more;
    memcpy(table + n, common, sizeof common);                 /* its last row is the end of the table, too */
    return n + (int)(sizeof common / sizeof common[0]) - 1;
}

static inline void kit_options(kit *run, int argc, char **argv, const kit_option *more)
{
    kit_option table[64];
    struct option known[64];
    int n = kit_table(run, more, table), c, which = 0;
    memset(known, 0, sizeof known);
    for (int i = 0; i < n; i++) {
        known[i].name = table[i].name;
        known[i].has_arg = table[i].kind == KIT_FLAG ? no_argument : required_argument;
        known[i].val = 256;
    }
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":h", known, &which)) != -1) {
        const char *word = optarg && optarg == argv[optind - 1] ? argv[optind - 2] : argv[optind - 1];
        if (c == 'h') run->help = 1;
        else if (!kit_in_full(table, word)) kit_unknown(run, table, word);
        else if (c == ':') kit_die(run, 2, "%s needs a value", word);
        else if (c == '?') kit_die(run, 2, "%s: this option takes no value", word);
        else if (table[which].kind == KIT_FLAG) *(int *)table[which].value = 1;
        else kit_value(run, &table[which], optarg);
    }
    kit_note_options(run, more);
    if (run->help) { kit_help(run, table); exit(0); }
    if (optind < argc) kit_die(run, 2, "%s: every word here belongs to an option; --help lists them", argv[optind]);
    if (run->quick && run->full) kit_die(run, 2, "--quick and --full exclude each other");
    if (run->load && run->resume) kit_die(run, 2, "--load and --resume exclude each other");
    if (strcmp(run->device, "auto") && strcmp(run->device, "cpu") && strcmp(run->device, "cuda") && strcmp(run->device, "cuda-tf32"))
        kit_die(run, 2, "--device %s: auto, cpu, cuda or cuda-tf32 is wanted", run->device);
}

#endif /* KIT_OPTIONS_H */
