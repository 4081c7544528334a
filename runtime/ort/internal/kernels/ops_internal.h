// What the operators share.
#ifndef BEDSIDE_OPS_INTERNAL_H
#define BEDSIDE_OPS_INTERNAL_H

#include "kernels.h"
#include "ort.h"

#define DECLARE(place, name, result, parameters) extern result(*ort_##name) parameters;
BED_ORT_FUNCTIONS(DECLARE)

#define TRY(call)                    \
  do {                               \
    ort_status s_ = call;            \
    if (s_ != NULL) return s_;       \
  } while (0)

enum { BED_RANK = 4 };

typedef struct {
  void *data; // NULL: an optional input that is not there
  size_t rank;
  int64_t dims[BED_RANK];
} bed_tensor_in;

ort_status bed_ops_fail(const char *op, const char *what);
// A node's inputs that are the model's own, read when the node is made, the others left empty; and all of them, read at a run.
ort_status bed_ops_constants(const void *info, bed_tensor_in *in, size_t inputs);
ort_status bed_ops_inputs(const void *context, const bed_tensor_in *constants, bed_tensor_in *in, size_t inputs);
ort_status bed_ops_output(void *context, size_t rows, size_t width, float **data);
const bed_kernels *bed_ops_set(void);

// Memory of the calling thread, at a multiple of 64 bytes, until it asks again; NULL where there is none.
void *bed_ops_scratch(size_t size);

// An operator, and what its functions tell of it. ONNX Runtime hands them the address of the first member.
typedef struct {
  ort_op op;
  const char *name;
  const int *types; // of the inputs
  size_t inputs, required; // inputs from `required` on may be left out
} bed_op;

typedef ort_status (*bed_create)(const ort_op *, const void *api, const void *info, void **kernel);
typedef ort_status (*bed_compute)(void *kernel, void *context);

bed_op bed_ops_describe(const char *name, const int *types, size_t inputs, size_t required, bed_create, bed_compute);

bed_op bed_linear_op(void);
bed_op bed_attention_op(void);
bed_op bed_norm_op(void);

#endif
