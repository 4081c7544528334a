// What of ONNX Runtime's C API is used here, and how it is found there.
//
// The API is one table of function pointers whose order never changes: newer releases add at its end. So a
// function's place in it is all that is needed to call it; TestPlaces holds the places below against
// a released header.
#ifndef BEDSIDE_FUNCTIONS_H
#define BEDSIDE_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The release of the API in which the last of these functions came.
#define BED_API_VERSION 24

typedef void bed_opaque; // any object of ONNX Runtime
typedef bed_opaque *bed_status;

// X(place, name, result, parameters)
#define BED_FUNCTIONS(X)                                                                                               \
  X(2, GetErrorMessage, const char *, (const bed_opaque *))                                                            \
  X(1, GetErrorCode, int, (const bed_opaque *))                                                                        \
  X(3, CreateEnv, bed_status, (int level, const char *id, bed_opaque **))                                              \
  X(7, CreateSession, bed_status,                                                                                      \
    (const bed_opaque *env, const char *path, const bed_opaque *options, bed_opaque **))                               \
  X(9, Run, bed_status,                                                                                                \
    (bed_opaque *, const bed_opaque *options, const char *const *, const bed_opaque *const *, size_t,                  \
     const char *const *, size_t, bed_opaque **))                                                                      \
  X(10, CreateSessionOptions, bed_status, (bed_opaque **))                                                             \
  X(13, SetSessionExecutionMode, bed_status, (bed_opaque *, int))                                                      \
  X(17, DisableMemPattern, bed_status, (bed_opaque *))                                                                 \
  X(19, DisableCpuMemArena, bed_status, (bed_opaque *))                                                                \
  X(22, SetSessionLogSeverityLevel, bed_status, (bed_opaque *, int))                                                   \
  X(23, SetSessionGraphOptimizationLevel, bed_status, (bed_opaque *, int))                                             \
  X(24, SetIntraOpNumThreads, bed_status, (bed_opaque *, int))                                                         \
  X(25, SetInterOpNumThreads, bed_status, (bed_opaque *, int))                                                         \
  X(30, SessionGetInputCount, bed_status, (const bed_opaque *, size_t *))                                              \
  X(31, SessionGetOutputCount, bed_status, (const bed_opaque *, size_t *))                                             \
  X(32, SessionGetOverridableInitializerCount, bed_status, (const bed_opaque *, size_t *))                             \
  X(33, SessionGetInputTypeInfo, bed_status, (const bed_opaque *, size_t, bed_opaque **))                              \
  X(34, SessionGetOutputTypeInfo, bed_status, (const bed_opaque *, size_t, bed_opaque **))                             \
  X(35, SessionGetOverridableInitializerTypeInfo, bed_status, (const bed_opaque *, size_t, bed_opaque **))             \
  X(36, SessionGetInputName, bed_status, (const bed_opaque *, size_t, bed_opaque *allocator, char **))                 \
  X(37, SessionGetOutputName, bed_status, (const bed_opaque *, size_t, bed_opaque *allocator, char **))                \
  X(38, SessionGetOverridableInitializerName, bed_status, (const bed_opaque *, size_t, bed_opaque *, char **))         \
  X(39, CreateRunOptions, bed_status, (bed_opaque **))                                                                 \
  X(41, RunOptionsSetRunLogSeverityLevel, bed_status, (bed_opaque *, int))                                             \
  X(46, RunOptionsSetTerminate, bed_status, (bed_opaque *))                                                            \
  X(47, RunOptionsUnsetTerminate, bed_status, (bed_opaque *))                                                          \
  X(48, CreateTensorAsOrtValue, bed_status, (bed_opaque *allocator, const int64_t *, size_t, int, bed_opaque **))      \
  X(49, CreateTensorWithDataAsOrtValue, bed_status,                                                                    \
    (const bed_opaque *memory, void *, size_t, const int64_t *, size_t, int, bed_opaque **))                           \
  X(51, GetTensorMutableData, bed_status, (bed_opaque *, void **))                                                     \
  X(53, GetStringTensorDataLength, bed_status, (const bed_opaque *, size_t *))                                         \
  X(54, GetStringTensorContent, bed_status, (const bed_opaque *, void *, size_t, size_t *, size_t))                    \
  X(55, CastTypeInfoToTensorInfo, bed_status, (const bed_opaque *, const bed_opaque **))                               \
  X(56, GetOnnxTypeFromTypeInfo, bed_status, (const bed_opaque *, int *))                                              \
  X(60, GetTensorElementType, bed_status, (const bed_opaque *, int *))                                                 \
  X(61, GetDimensionsCount, bed_status, (const bed_opaque *, size_t *))                                                \
  X(62, GetDimensions, bed_status, (const bed_opaque *, int64_t *, size_t))                                            \
  X(63, GetSymbolicDimensions, bed_status, (const bed_opaque *, const char **, size_t))                                \
  X(65, GetTensorTypeAndShape, bed_status, (const bed_opaque *, bed_opaque **))                                        \
  X(69, CreateCpuMemoryInfo, bed_status, (int allocator, int memory, bed_opaque **))                                   \
  X(76, AllocatorFree, bed_status, (bed_opaque *, void *))                                                             \
  X(78, GetAllocatorWithDefaultOptions, bed_status, (bed_opaque **))                                                   \
  X(93, ReleaseStatus, void, (bed_opaque *))                                                                           \
  X(95, ReleaseSession, void, (bed_opaque *))                                                                          \
  X(96, ReleaseValue, void, (bed_opaque *))                                                                            \
  X(97, ReleaseRunOptions, void, (bed_opaque *))                                                                       \
  X(98, ReleaseTypeInfo, void, (bed_opaque *))                                                                         \
  X(99, ReleaseTensorTypeAndShapeInfo, void, (bed_opaque *))                                                           \
  X(100, ReleaseSessionOptions, void, (bed_opaque *))                                                                  \
  X(130, AddSessionConfigEntry, bed_status, (bed_opaque *, const char *, const char *))                                \
  X(165, AddRunConfigEntry, bed_status, (bed_opaque *, const char *, const char *))                                    \
  X(252, GetResizedStringTensorElementBuffer, bed_status, (bed_opaque *, size_t, size_t, char **))                     \
  X(390, TensorTypeAndShape_HasShape, bool, (const bed_opaque *))

#endif
