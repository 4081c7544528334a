#include "ops.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "ops_internal.h"

#define DEFINE(place, name, result, parameters) result(*ort_##name) parameters;
BED_ORT_FUNCTIONS(DEFINE)

static const bed_kernels *chosen;

const bed_kernels *bed_ops_set(void) { return chosen; }
const char *bed_ops_kernels(void) { return chosen == NULL ? "" : chosen->name; }

ort_status bed_ops_fail(const char *op, const char *what) {
  char text[160];
  snprintf(text, sizeof text, "%s: %s", op, what);
  return ort_CreateStatus(ORT_INVALID_ARGUMENT, text);
}

static ort_status describe(const void *value, bed_tensor_in *in) {
  void *info;
  TRY(ort_GetTensorMutableData((void *)value, &in->data));
  TRY(ort_GetTensorTypeAndShape(value, &info));
  ort_status s = ort_GetDimensionsCount(info, &in->rank);
  if (s == NULL && in->rank > BED_RANK) s = bed_ops_fail("bedside", "an input has too many dimensions");
  if (s == NULL) s = ort_GetDimensions(info, in->dims, in->rank);
  ort_ReleaseTensorTypeAndShapeInfo(info);
  return s;
}

ort_status bed_ops_constants(const void *info, bed_tensor_in *in, size_t inputs) {
  for (size_t i = 0; i < inputs; i++) {
    int constant = 0;
    const void *value = NULL;
    in[i] = (bed_tensor_in){0};
    TRY(ort_KernelInfoGetConstantInput_tensor(info, i, &constant, &value));
    if (constant && value != NULL) TRY(describe(value, &in[i]));
  }
  return NULL;
}

ort_status bed_ops_inputs(const void *context, const bed_tensor_in *constants, bed_tensor_in *in, size_t inputs) {
  for (size_t i = 0; i < inputs; i++) {
    in[i] = constants[i];
    if (in[i].data != NULL) continue;
    const void *value = NULL;
    TRY(ort_KernelContext_GetInput(context, i, &value));
    if (value != NULL) TRY(describe(value, &in[i]));
  }
  return NULL;
}

ort_status bed_ops_output(void *context, size_t rows, size_t width, float **data) {
  const int64_t dims[] = {(int64_t)rows, (int64_t)width};
  void *value;
  TRY(ort_KernelContext_GetOutput(context, 0, dims, 2, &value));
  return ort_GetTensorMutableData(value, (void **)data);
}

static const bed_op *of(const ort_op *op) { return (const bed_op *)op; }

static const char *name(const ort_op *op) { return of(op)->name; }
static size_t input_count(const ort_op *op) { return of(op)->inputs; }
static int input_type(const ort_op *op, size_t i) { return of(op)->types[i]; }
static int input_characteristic(const ort_op *op, size_t i) { return i < of(op)->required ? ORT_REQUIRED : ORT_OPTIONAL; }
static const char *provider(const ort_op *op) {
  (void)op;
  return NULL; // the CPU
}
static int required(const ort_op *op, size_t i) {
  (void)op, (void)i;
  return ORT_REQUIRED;
}
static int type_float(const ort_op *op, size_t i) {
  (void)op, (void)i;
  return ORT_FLOAT;
}
static size_t one(const ort_op *op) {
  (void)op;
  return 1;
}
static int memory_default(const ort_op *op, size_t i) {
  (void)op, (void)i;
  return 0;
}
static int version_one(const ort_op *op) {
  (void)op;
  return 1;
}
static int version_last(const ort_op *op) {
  (void)op;
  return INT32_MAX;
}

bed_op bed_ops_describe(const char *own, const int *types, size_t inputs, size_t needed, bed_create create, bed_compute compute) {
  return (bed_op){
      .op = {.version = BED_ORT_API,
             .name = name,
             .provider = provider,
             .input_type = input_type,
             .input_count = input_count,
             .output_type = type_float,
             .output_count = one,
             .destroy = free,
             .input_characteristic = input_characteristic,
             .output_characteristic = required,
             .input_memory = memory_default,
             .create_kernel_status = create,
             .compute_status = compute,
             .start_version = version_one,
             .end_version = version_last},
      .name = own,
      .types = types,
      .inputs = inputs,
      .required = needed,
  };
}

// Scratch memory of a thread, kept from one call to the next: it is as large as a context, and pages that are given back
// and taken again at every call cost more than the attention. It goes with its thread.
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static _Thread_local size_t scratch_size;

static void make_scratch_key(void) {
  if (pthread_key_create(&scratch_key, free) != 0) abort(); // no thread could ever compute
}

void *bed_ops_scratch(size_t size) {
  pthread_once(&scratch_once, make_scratch_key);
  if (scratch_size >= size) return pthread_getspecific(scratch_key);
  free(pthread_getspecific(scratch_key));
  void *memory = aligned_alloc(64, (size + 4095) & ~(size_t)4095);
  if (pthread_setspecific(scratch_key, memory) != 0) {
    free(memory);
    memory = NULL;
  }
  scratch_size = memory == NULL ? 0 : size;
  return memory;
}

static ort_status find(const void *api_base) {
  if (chosen != NULL) return NULL;
  void *const *table = ((const ort_api_base *)api_base)->get_api(BED_ORT_API);
  if (table == NULL) abort(); // the caller loaded the same release before
#define FIND(place, name, result, parameters) *(void **)&ort_##name = table[place];
  BED_ORT_FUNCTIONS(FIND)
  const char *name = getenv("BEDSIDE_KERNELS");
  chosen = name == NULL || *name == 0 ? bed_kernels_best() : bed_kernels_named(name);
  return chosen != NULL ? NULL : bed_ops_fail("BEDSIDE_KERNELS", "no such set of kernels on this processor");
}

void *bed_register_ops(void *options, const void *api_base) {
  enum { OPS = 3 };
  static bed_op ops[OPS];
  static void *domain;
  TRY(find(api_base));
  if (domain == NULL) {
    void *made;
    ops[0] = bed_linear_op();
    ops[1] = bed_attention_op();
    ops[2] = bed_norm_op();
    TRY(ort_CreateCustomOpDomain("bedside", &made));
    for (size_t i = 0; i < OPS; i++) TRY(ort_CustomOpDomain_Add(made, &ops[i].op));
    domain = made;
  }
  return ort_AddCustomOpDomain(options, domain);
}
