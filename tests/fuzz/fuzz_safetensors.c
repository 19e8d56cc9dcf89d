/* fuzz_safetensors.c: any bytes at all as a file for ae_open, ae_load and ae_load_all.  libFuzzer makes the bytes; the
   sanitizers find wrong accesses, and `must` checks what the library promises of a file that it refuses: a text that names
   it, no call of on_fail, not one number and not one byte of memory changed, and no more memory asked for on the way than
   the file is worth.  What it accepts must survive being saved and opened again.

       clang -g -O1 -fsanitize=fuzzer,address,undefined -I. -o fuzz tests/fuzz/fuzz_safetensors.c -lm -lpthread
       ./fuzz -max_len=4096 -dict=tests/fuzz/safetensors.dict CORPUS tests/fuzz/safetensors */
#include "memory_files.h"
#define AUTOENC_IMPLEMENTATION
#include "../../autoenc.h"

enum { MEGABYTE = 1 << 20, WEIGHTS = 2 * 3 + 2 + 2 + 2 };

static int fails;

static void *count_alloc(void *user, size_t bytes) { (void)user; memory_count(bytes); return malloc(bytes); }
static void give_back(void *user, void *pointer) { (void)user; free(pointer); }
static void count_fail(void *user, const char *text) { (void)user; (void)text; fails++; }

static ae_ctx *context(void)
{
    ae_config config;
    memset(&config, 0, sizeof config);
    config.threads = 1;
    config.on_fail = count_fail;
    config.alloc = count_alloc;
    config.dealloc = give_back;
    return ae_new(&config);
}

static ae_net *network(ae_ctx *ae)       /* the one that the corpus is about */
{
    ae_net *net = ae_net_new(ae);
    ae_nn_linear(net, 3, 2);
    ae_nn_batch_norm1d(net, 2);
    return net;
}

static void weights(ae_net *net, float *to)
{
    for (int i = 0, n; i < ae_params(net); i++, to += n) {
        ae_tensor w = ae_param_at(net, i, NULL);
        n = ae_size(w, -1);
        memcpy(to, ae_data(w), (size_t)n * sizeof(float));
    }
}

/* After a refusal: see the top. */
static void check_refused(ae_ctx *ae, size_t held, size_t size)
{
    must(strstr(ae_error(ae), "a.safetensors") && strlen(ae_error(ae)) > 20);
    must(!fails);
    must(ae_memory(ae) == held);
    must(memory_largest <= (size > MEGABYTE ? size + 1 : MEGABYTE));
    must(memory_asked <= MEGABYTE + 200 * size);
    ae_clear(ae);
}

/* What was opened is saved and opened again: the same description, the same bytes. */
static void check_opened(ae_net *net, ae_ctx *ae)
{
    memory original = memory_file[0], copy;
    must(!fails && !*ae_error(ae));
    must(ae_save(net, "a.safetensors"));
    copy = memory_saved;
    memory_saved.bytes = NULL;
    memory_file[0].bytes = copy.bytes;
    memory_file[0].size = copy.size;
    net = ae_open(ae, "a.safetensors");
    must(net != NULL);
    must(ae_save(net, "a.safetensors"));
    must(memory_saved.size == copy.size && !memcmp(memory_saved.bytes, copy.bytes, copy.size));
    memory_file[0] = original;
    free(copy.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ae_ctx *ae;
    static ae_net *net;
    float before[WEIGHTS], after[WEIGHTS];
    size_t held;
    ae_net *opened;
    int loaded;
    if (!ae) {
        ae = context();
        net = network(ae);
        memset(before, 0, sizeof before);
        memory_file[0].name = "a.safetensors";
        must(ae_save(net, "a.safetensors"));
    }
    weights(net, before);
    ae_clear(ae);
    memory_file[0].bytes = (char *)(uintptr_t)data;
    memory_file[0].size = size;
    held = ae_memory(ae);

    memory_begin();
    loaded = ae_load(net, "a.safetensors");
    if (!loaded) check_refused(ae, held, size);
    must(!ae_load_all(ae, "a.safetensors"));             /* a checkpoint has names like net0.0.weight */
    check_refused(ae, held, size);
    weights(net, after);
    must(loaded || !memcmp(before, after, sizeof before));

    memory_begin();
    opened = ae_open(ae, "a.safetensors");
    if (opened) {
        check_opened(opened, ae);
        ae_free(ae);                                     /* networks live as long as their context */
        ae = NULL;
    }
    else check_refused(ae, held, size);
    return 0;
}

/* A changed header has another length, which chance would not find: most mutants get the right one. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    uint64_t length = 0;
    size = LLVMFuzzerMutate(data, size, most);
    for (size_t i = 8; i < size; i++) if (data[i] == '}') length = i - 7;
    if (seed % 8 && length) memcpy(data, &length, 8);
    return size;
}
