#include <stdlib.h>
#include <string.h>

#include "ops_internal.h"

#define OP "QuantLinear"

enum { X, WEIGHT, SCALE, ZERO, NORM, BIAS, ADD, STEPS, INPUTS };

typedef struct {
  float epsilon;
  int gated;
  bed_tensor_in constants[INPUTS];
} linear;

static ort_status create(const ort_op *op, const void *api, const void *info, void **kernel) {
  (void)op, (void)api;
  int64_t gated;
  linear k;
  TRY(ort_KernelInfoGetAttribute_float(info, "epsilon", &k.epsilon));
  TRY(ort_KernelInfoGetAttribute_int64(info, "gated", &gated));
  k.gated = (int)gated;
  TRY(bed_ops_constants(info, k.constants, INPUTS));
  linear *made = malloc(sizeof k);
  if (made == NULL) return bed_ops_fail(OP, "out of memory");
  *made = k;
  *kernel = made;
  return NULL;
}

// One run: rows are quantized first, then stretches of outputs computed.
typedef struct {
  const bed_kernels *set;
  const float *x, *norm;
  float epsilon;
  bed_quantized quantized;
  bed_weights weights;
  bed_target target;
  int blocks; // that are computed at a time
  int failed;
} work;

// Rows that are quantized at a time.
enum { ROWS_AT_ONCE = 8 };

static void quantize_some(void *user, size_t index) {
  work *w = user;
  bed_quantized *q = &w->quantized;
  int from = (int)index * ROWS_AT_ONCE, to = from + ROWS_AT_ONCE < q->rows ? from + ROWS_AT_ONCE : q->rows;
  size_t width = (size_t)w->weights.inputs, row = 2 * q->stride;
  for (int r = from; r < to; r++) {
    w->set->quantize(w->x + width * (size_t)r, w->norm, w->epsilon, w->weights.inputs, q->values + row * (size_t)r, q->stride,
                     q->scales + r);
  }
}

static void compute_some(void *user, size_t index) {
  work *w = user;
  int blocks = w->weights.outputs / BED_BLOCK, from = (int)index * w->blocks, to = from + w->blocks;
  void *scratch = bed_ops_scratch(bed_product_bytes(&w->weights));
  if (scratch == NULL) {
    w->failed = 1;
    return;
  }
  w->set->product(&w->quantized, &w->weights, from, to < blocks ? to : blocks, &w->target, scratch);
}

static ort_status check(const linear *k, const bed_tensor_in *in) {
  int64_t inputs = in[X].dims[1], outputs = in[SCALE].dims[0];
  if (in[X].rank != 2 || in[WEIGHT].rank != 4 || in[SCALE].rank != 1 || in[ZERO].rank != 1) {
    return bed_ops_fail(OP, "x must have 2 dimensions, weight 4, scale and zero 1");
  }
  int together = in[STEPS].data == NULL ? 4 : 8; // inputs whose weights lie in 4 bytes
  if (inputs % 16 != 0 || outputs % (k->gated ? 32 : 16) != 0 || in[WEIGHT].dims[0] * 16 != outputs ||
      in[WEIGHT].dims[1] * together != inputs || in[WEIGHT].dims[2] != 16 || in[WEIGHT].dims[3] != 4 || in[ZERO].dims[0] != outputs) {
    return bed_ops_fail(OP, "weight must be [outputs/16, inputs/4, 16, 4], or /8 with steps, with scale and zero for each output");
  }
  if (in[STEPS].data != NULL && (in[STEPS].rank != 4 || in[STEPS].dims[0] * 16 != outputs || in[STEPS].dims[1] * 32 != inputs ||
                                 in[STEPS].dims[2] != 16 || in[STEPS].dims[3] != 2)) {
    return bed_ops_fail(OP, "steps must be [outputs/16, inputs/32, 16, 2]");
  }
  if ((in[NORM].data != NULL && in[NORM].dims[0] != inputs) || (in[BIAS].data != NULL && in[BIAS].dims[0] != outputs)) {
    return bed_ops_fail(OP, "norm must be [inputs], bias [outputs]");
  }
  if (in[ADD].data != NULL && (k->gated || in[ADD].dims[0] != in[X].dims[0] || in[ADD].dims[1] != outputs)) {
    return bed_ops_fail(OP, "add must be [rows, outputs], and nothing is added where gated");
  }
  return NULL;
}

static ort_status compute(void *kernel, void *context) {
  const linear *k = kernel;
  bed_tensor_in in[INPUTS];
  TRY(bed_ops_inputs(context, k->constants, in, INPUTS));
  TRY(check(k, in));
  size_t rows = (size_t)in[X].dims[0], inputs = (size_t)in[X].dims[1], outputs = (size_t)in[SCALE].dims[0];
  float *out;
  TRY(bed_ops_output(context, rows, k->gated ? outputs / 2 : outputs, &out));
  if (rows == 0) return NULL;
  size_t lines = 2 * rows + BED_SPARE;
  uint8_t *memory = malloc(lines * inputs + rows * sizeof(float) + 64);
  if (memory == NULL) return bed_ops_fail(OP, "out of memory");
  float *scales = (float *)memory;
  uint8_t *values = (uint8_t *)(((uintptr_t)(scales + rows) + 63) & ~(uintptr_t)63);
  work w = {
      .set = bed_ops_set(),
      .x = in[X].data,
      .norm = in[NORM].data,
      .epsilon = k->epsilon,
      .quantized = {values, scales, inputs, (int)rows},
      .weights = {in[WEIGHT].data, in[STEPS].data, in[SCALE].data, in[ZERO].data, in[BIAS].data, (int)inputs, (int)outputs},
      .target = {k->gated ? BED_GATED : in[ADD].data != NULL ? BED_ADD : BED_PLAIN, k->gated == 2, out, in[ADD].data,
                 k->gated ? outputs / 2 : outputs},
  };
  w.blocks = w.set->together((int)rows);
  ort_status s = NULL;
  size_t groups = (rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
  if (groups == 1) {
    quantize_some(&w, 0);
  } else {
    s = ort_KernelContext_ParallelFor(context, quantize_some, groups, 0, &w);
  }
  size_t blocks = (size_t)w.blocks, stretches = (outputs / BED_BLOCK + blocks - 1) / blocks;
  if (s == NULL) s = ort_KernelContext_ParallelFor(context, compute_some, stretches, stretches, &w);
  free(memory);
  return s == NULL && w.failed ? bed_ops_fail(OP, "out of memory") : s;
}

static const int types[INPUTS] = {[X] = ORT_FLOAT,    [WEIGHT] = ORT_INT8, [SCALE] = ORT_FLOAT, [ZERO] = ORT_INT32,
                                  [NORM] = ORT_FLOAT, [BIAS] = ORT_FLOAT,  [ADD] = ORT_FLOAT,   [STEPS] = ORT_INT16};

bed_op bed_linear_op(void) { return bed_ops_describe(OP, types, INPUTS, NORM, create, compute); }
