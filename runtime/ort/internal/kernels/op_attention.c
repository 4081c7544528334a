#include <stdlib.h>

#include "ops_internal.h"

#define OP "CachedAttention"

enum { QKV, COS, SIN, SLOTS, STARTS, COUNTS, CACHE, Q_NORM, K_NORM, INPUTS };

typedef struct {
  int heads, kv_heads, dim, layer, layers, pages, window;
  float scale, epsilon;
  bed_tensor_in constants[INPUTS];
} attention;

static ort_status attribute(const void *info, const char *name, int *to) {
  int64_t v;
  TRY(ort_KernelInfoGetAttribute_int64(info, name, &v));
  *to = (int)v;
  return NULL;
}

static ort_status create(const ort_op *op, const void *api, const void *info, void **kernel) {
  (void)op, (void)api;
  attention k;
  TRY(attribute(info, "heads", &k.heads));
  TRY(attribute(info, "kv_heads", &k.kv_heads));
  TRY(attribute(info, "dim", &k.dim));
  TRY(attribute(info, "layer", &k.layer));
  TRY(attribute(info, "layers", &k.layers));
  TRY(attribute(info, "window", &k.window));
  TRY(ort_KernelInfoGetAttribute_float(info, "scale", &k.scale));
  TRY(ort_KernelInfoGetAttribute_float(info, "epsilon", &k.epsilon));
  if (k.kv_heads < 1 || k.heads % k.kv_heads != 0 || k.dim % 32 != 0 || k.dim < 32 || k.dim > BED_MAX_HEAD || k.layers < 1) {
    return bed_ops_fail(OP, "kv_heads must divide heads, and dim be a multiple of 32, at most 256");
  }
  TRY(bed_ops_constants(info, k.constants, INPUTS));
  attention *made = malloc(sizeof k);
  if (made == NULL) return bed_ops_fail(OP, "out of memory");
  *made = k;
  *kernel = made;
  return NULL;
}

// Consecutive tokens of a sequence, which look at its tokens together.
typedef struct {
  int token, count, slot, position;
} stretch;

typedef struct {
  const bed_kernels *set;
  bed_attention a;
  const stretch *stretches;
  float *out;
  int failed;
} work;

static void store_some(void *user, size_t index) {
  work *w = user;
  const stretch *s = &w->stretches[index];
  for (int i = 0; i < s->count; i++) w->set->store(&w->a, s->token + i, s->slot, s->position + i);
}

static void attend_some(void *user, size_t index) {
  work *w = user;
  const stretch *s = &w->stretches[index / (size_t)w->a.kv_heads];
  void *memory = bed_ops_scratch(bed_attend_bytes(&w->a, s->count, s->position + s->count - 1));
  if (memory == NULL) {
    w->failed = 1;
    return;
  }
  w->set->attend(&w->a, s->token, s->count, s->slot, s->position, (int)(index % (size_t)w->a.kv_heads), memory, w->out);
}

// Tokens of a prompt whose queries are taken together: 2 bytes of `group` queries each, as many rows as fill tiles.
enum { ROWS_TOGETHER = 96 };

static int tokens_together(const attention *k) {
  int n = ROWS_TOGETHER / (2 * (k->heads / k->kv_heads));
  return n < 1 ? 1 : n;
}

// Cuts sequences into stretches; says how many there are, or -1 where tokens, slots and cache do not fit together.
static long cut(const attention *k, const bed_tensor_in *in, stretch *to) {
  const int32_t *slots = in[SLOTS].data, *starts = in[STARTS].data, *counts = in[COUNTS].data;
  int64_t tokens = in[QKV].dims[0], positions = in[COS].dims[0], room = (int64_t)k->pages * BED_PAGE, at = 0;
  int most = tokens_together(k);
  long n = 0;
  for (int64_t i = 0; i < in[SLOTS].dims[0]; i++) {
    if (slots[i] < 0 || slots[i] >= in[CACHE].dims[0] || starts[i] < 0 || counts[i] < 1 || counts[i] > tokens - at) return -1;
    int64_t last = (int64_t)starts[i] + counts[i];
    if (last > room || last > positions) return -1;
    for (int j = 0; j < counts[i]; j += most) {
      int c = counts[i] - j < most ? counts[i] - j : most;
      to[n++] = (stretch){(int)at + j, c, slots[i], starts[i] + j};
    }
    at += counts[i];
  }
  return at == tokens ? n : -1;
}

static ort_status check(attention *k, const bed_tensor_in *in) {
  if (in[QKV].rank != 2 || in[QKV].dims[1] != (k->heads + 2 * k->kv_heads) * k->dim) {
    return bed_ops_fail(OP, "qkv must be [tokens, (heads+2*kv_heads)*dim]");
  }
  if (in[COS].rank != 2 || in[SIN].rank != 2 || in[COS].dims[1] != k->dim / 2 || in[SIN].dims[1] != k->dim / 2 ||
      in[COS].dims[0] != in[SIN].dims[0]) {
    return bed_ops_fail(OP, "cos and sin must be [positions, dim/2]");
  }
  if (in[SLOTS].rank != 1 || in[STARTS].rank != 1 || in[COUNTS].rank != 1 || in[SLOTS].dims[0] != in[STARTS].dims[0] ||
      in[SLOTS].dims[0] != in[COUNTS].dims[0]) {
    return bed_ops_fail(OP, "slots, starts and counts must be [sequences]");
  }
  int64_t layer = (int64_t)bed_page_bytes(k->dim) * k->kv_heads * k->layers;
  if (in[CACHE].rank != 2 || in[CACHE].dims[1] % layer != 0 || (uintptr_t)in[CACHE].data % 64 != 0) {
    return bed_ops_fail(OP, "cache must be [slots, bytes], of whole pages, at a multiple of 64 bytes");
  }
  k->pages = (int)(in[CACHE].dims[1] / layer);
  if ((in[Q_NORM].data != NULL && in[Q_NORM].dims[0] != k->dim) || (in[K_NORM].data != NULL && in[K_NORM].dims[0] != k->dim)) {
    return bed_ops_fail(OP, "q_norm and k_norm must be [dim]");
  }
  return NULL;
}

// A few tokens are stored by the calling thread: waking others would take longer.
enum { FEW_STRETCHES = 4 };

static ort_status run(void *context, work *w, size_t stretches) {
  if (stretches <= FEW_STRETCHES) {
    for (size_t i = 0; i < stretches; i++) store_some(w, i);
  } else {
    TRY(ort_KernelContext_ParallelFor(context, store_some, stretches, 0, w));
  }
  size_t units = stretches * (size_t)w->a.kv_heads;
  TRY(ort_KernelContext_ParallelFor(context, attend_some, units, units, w));
  return w->failed ? bed_ops_fail(OP, "out of memory") : NULL;
}

static ort_status compute(void *kernel, void *context) {
  attention k = *(const attention *)kernel;
  bed_tensor_in in[INPUTS];
  TRY(bed_ops_inputs(context, k.constants, in, INPUTS));
  TRY(check(&k, in));
  float *out;
  TRY(bed_ops_output(context, (size_t)in[QKV].dims[0], (size_t)(k.heads * k.dim), &out));
  size_t most = (size_t)in[QKV].dims[0] + 1; // a stretch has a token at least
  stretch *stretches = malloc(most * sizeof *stretches);
  if (stretches == NULL) return bed_ops_fail(OP, "out of memory");
  long n = cut(&k, in, stretches);
  ort_status s = NULL;
  if (n < 0) {
    s = bed_ops_fail(OP, "slots, starts and counts do not fit the tokens, the positions or the cache");
  } else if (n > 0) {
    work w = {
        .set = bed_ops_set(),
        .a = {in[QKV].data, in[COS].data, in[SIN].data, in[Q_NORM].data, in[K_NORM].data, k.epsilon, k.scale, in[CACHE].data,
              (size_t)in[CACHE].dims[1], bed_page_bytes(k.dim) * (size_t)k.kv_heads * (size_t)k.pages * (size_t)k.layer, k.heads,
              k.kv_heads, k.dim, k.pages, k.window},
        .stretches = stretches,
        .out = out,
    };
    s = run(context, &w, (size_t)n);
  }
  free(stretches);
  return s;
}

static const int types[INPUTS] = {[QKV] = ORT_FLOAT,    [COS] = ORT_FLOAT,    [SIN] = ORT_FLOAT,
                                  [SLOTS] = ORT_INT32,  [STARTS] = ORT_INT32, [COUNTS] = ORT_INT32,
                                  [CACHE] = ORT_UINT8,  [Q_NORM] = ORT_FLOAT, [K_NORM] = ORT_FLOAT};

bed_op bed_attention_op(void) { return bed_ops_describe(OP, types, INPUTS, Q_NORM, create, compute); }
