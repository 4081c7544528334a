#include <stdlib.h>

#include "ops_internal.h"

#define OP "NormAdd"

enum { X, NORM, ADD, INPUTS };

typedef struct {
  float epsilon;
  bed_tensor_in constants[INPUTS];
} norm_add;

static ort_status create(const ort_op *op, const void *api, const void *info, void **kernel) {
  (void)op, (void)api;
  norm_add k;
  TRY(ort_KernelInfoGetAttribute_float(info, "epsilon", &k.epsilon));
  TRY(bed_ops_constants(info, k.constants, INPUTS));
  norm_add *made = malloc(sizeof k);
  if (made == NULL) return bed_ops_fail(OP, "out of memory");
  *made = k;
  *kernel = made;
  return NULL;
}

typedef struct {
  const bed_kernels *set;
  const float *x, *norm, *add;
  float epsilon;
  int rows, width;
  float *out;
} work;

enum { ROWS_AT_ONCE = 8 };

static void some(void *user, size_t index) {
  work *w = user;
  int from = (int)index * ROWS_AT_ONCE, to = from + ROWS_AT_ONCE < w->rows ? from + ROWS_AT_ONCE : w->rows;
  size_t width = (size_t)w->width;
  for (size_t r = (size_t)from; r < (size_t)to; r++) {
    w->set->norm_add(w->x + width * r, w->norm, w->add + width * r, w->epsilon, w->width, w->out + width * r);
  }
}

static ort_status check(const bed_tensor_in *in) {
  if (in[X].rank != 2 || in[ADD].rank != 2 || in[NORM].rank != 1 || in[X].dims[1] % 16 != 0 ||
      in[NORM].dims[0] != in[X].dims[1] || in[ADD].dims[0] != in[X].dims[0] || in[ADD].dims[1] != in[X].dims[1]) {
    return bed_ops_fail(OP, "x and add must be [rows, width], norm [width], width a multiple of 16");
  }
  return NULL;
}

static ort_status compute(void *kernel, void *context) {
  const norm_add *k = kernel;
  bed_tensor_in in[INPUTS];
  TRY(bed_ops_inputs(context, k->constants, in, INPUTS));
  TRY(check(in));
  size_t rows = (size_t)in[X].dims[0], width = (size_t)in[X].dims[1];
  float *out;
  TRY(bed_ops_output(context, rows, width, &out));
  if (rows == 0) return NULL;
  work w = {bed_ops_set(), in[X].data, in[NORM].data, in[ADD].data, k->epsilon, (int)rows, (int)width, out};
  size_t groups = (rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
  if (groups > 1) return ort_KernelContext_ParallelFor(context, some, groups, 0, &w);
  some(&w, 0);
  return NULL;
}

static const int types[INPUTS] = {[X] = ORT_FLOAT, [NORM] = ORT_FLOAT, [ADD] = ORT_FLOAT};

bed_op bed_norm_op(void) { return bed_ops_describe(OP, types, INPUTS, INPUTS, create, compute); }
