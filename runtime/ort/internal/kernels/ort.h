// What of ONNX Runtime's C API the operators use. The API is one table of function pointers whose order never changes, and
// structures that only grow; kernels_test.go holds the places and the structure against a released header.
#ifndef BEDSIDE_ORT_H
#define BEDSIDE_ORT_H

#include <stddef.h>
#include <stdint.h>

// The release of the API in which the last of these functions came.
#define BED_ORT_API 24

typedef void *ort_status; // NULL: fine

enum { ORT_FAIL = 1, ORT_INVALID_ARGUMENT = 2 };
enum { ORT_FLOAT = 1, ORT_UINT8 = 2, ORT_INT8 = 3, ORT_INT16 = 5, ORT_INT32 = 6 };
enum { ORT_REQUIRED = 0, ORT_OPTIONAL = 1 };

// X(place, name, result, parameters)
#define BED_ORT_FUNCTIONS(X)                                                                               \
  X(0, CreateStatus, ort_status, (int code, const char *text))                                             \
  X(26, CreateCustomOpDomain, ort_status, (const char *name, void **domain))                               \
  X(27, CustomOpDomain_Add, ort_status, (void *domain, const void *op))                                    \
  X(28, AddCustomOpDomain, ort_status, (void *options, void *domain))                                      \
  X(51, GetTensorMutableData, ort_status, (void *value, void **data))                                      \
  X(61, GetDimensionsCount, ort_status, (const void *info, size_t *count))                                 \
  X(62, GetDimensions, ort_status, (const void *info, int64_t *dims, size_t count))                        \
  X(65, GetTensorTypeAndShape, ort_status, (const void *value, void **info))                               \
  X(85, KernelInfoGetAttribute_float, ort_status, (const void *info, const char *name, float *))           \
  X(86, KernelInfoGetAttribute_int64, ort_status, (const void *info, const char *name, int64_t *))         \
  X(88, KernelContext_GetInputCount, ort_status, (const void *context, size_t *count))                     \
  X(90, KernelContext_GetInput, ort_status, (const void *context, size_t index, const void **value))       \
  X(91, KernelContext_GetOutput, ort_status,                                                               \
    (void *context, size_t index, const int64_t *dims, size_t rank, void **value))                         \
  X(93, ReleaseStatus, void, (ort_status))                                                                 \
  X(99, ReleaseTensorTypeAndShapeInfo, void, (void *info))                                                 \
  X(249, KernelInfoGetConstantInput_tensor, ort_status,                                                    \
    (const void *info, size_t index, int *is_constant, const void **value))                                \
  X(274, KernelContext_ParallelFor, ort_status,                                                            \
    (const void *context, void (*work)(void *user, size_t index), size_t total, size_t batches, void *user))

typedef struct {
  const void *(*get_api)(uint32_t);
  const char *(*version)(void);
} ort_api_base;

// OrtCustomOp of that release.
typedef struct ort_op {
  uint32_t version;
  void *(*create_kernel)(const struct ort_op *, const void *api, const void *info);
  const char *(*name)(const struct ort_op *);
  const char *(*provider)(const struct ort_op *);
  int (*input_type)(const struct ort_op *, size_t);
  size_t (*input_count)(const struct ort_op *);
  int (*output_type)(const struct ort_op *, size_t);
  size_t (*output_count)(const struct ort_op *);
  void (*compute)(void *kernel, void *context);
  void (*destroy)(void *kernel);
  int (*input_characteristic)(const struct ort_op *, size_t);
  int (*output_characteristic)(const struct ort_op *, size_t);
  int (*input_memory)(const struct ort_op *, size_t);
  int (*variadic_input_min)(const struct ort_op *);
  int (*variadic_input_same)(const struct ort_op *);
  int (*variadic_output_min)(const struct ort_op *);
  int (*variadic_output_same)(const struct ort_op *);
  ort_status (*create_kernel_status)(const struct ort_op *, const void *api, const void *info, void **kernel);
  ort_status (*compute_status)(void *kernel, void *context);
  ort_status (*infer_shape)(const struct ort_op *, void *);
  int (*start_version)(const struct ort_op *);
  int (*end_version)(const struct ort_op *);
  size_t (*may_inplace)(int **, int **);
  void (*release_may_inplace)(int *, int *);
  size_t (*alias_map)(int **, int **);
  void (*release_alias_map)(int *, int *);
} ort_op;

#endif
