// ONNX Runtime's sessions over tensors of any type, in as few calls from Go as can be.
#ifndef BEDSIDE_CAPI_H
#define BEDSIDE_CAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BED_MAX_RANK 16
#define BED_STRING 8 // ONNX's number of the type of strings

// A failure: ONNX Runtime's code (see its OrtErrorCode; 1 where it is ours) and a text for free(). code 0: none.
typedef struct {
  int code;
  char *text;
} bed_error;

typedef struct {
  int intra_op, inter_op; // threads; 0: one a core
  int parallel;           // run independent nodes side by side
  int optimization;       // ONNX Runtime's GraphOptimizationLevel
  int no_arena;           // plain malloc and free
  int configs;            // session configuration entries
  const char *const *keys, *const *values;
  void *operators; // NULL, or void *(void *options, const void *api_base): makes operators of our own known
} bed_options;

// An input (kind 0), an output (1) or an initializer that an input may override (2).
typedef struct {
  char *name; // for free(), as are dim_names
  int onnx_type;
  int type;
  int has_shape;
  size_t rank; // may exceed BED_MAX_RANK; then no dimension is told
  int64_t dims[BED_MAX_RANK];
  char *dim_names[BED_MAX_RANK];
} bed_io;

// A tensor of a run. Inputs are filled by the caller, outputs by bed_run.
typedef struct {
  void *value;             // the object of ONNX Runtime
  void *data;              // elements; of an input string tensor all strings, one after the other
  const uint64_t *lengths; // of an input string tensor, the length of each
  size_t bytes;            // of data; of an output string tensor, of all strings together
  size_t elements;         // of a string tensor
  int type;
  size_t rank;
  int64_t dims[BED_MAX_RANK];
} bed_tensor;

typedef struct {
  void *options; // carries the wish to stop
  size_t inputs, outputs;
  bed_tensor *in, *out;
  const char **in_names, **out_names;
  void **in_values, **out_values;
} bed_call;

// Results come with their errors, by value: Go pays for each pointer that it hands to C.
typedef struct {
  bed_error error;
  void *session;
} bed_opened;

typedef struct {
  bed_error error;
  size_t n;
} bed_counted;

typedef struct {
  bed_error error;
  bed_call *call;
} bed_called;

// Loads the library, or finds it loaded, and takes part in the process's environment.
bed_error bed_load(const char *library);

bed_opened bed_open(const char *path, const bed_options *);
void bed_close(void *session);
bed_counted bed_count(void *session, int kind);
bed_error bed_describe(void *session, int kind, size_t index, bed_io *);
void bed_io_free(bed_io *);

// A call has room for so many inputs and outputs and serves one run after another.
// It is to be freed whether there is an error or not.
bed_called bed_call_new(size_t inputs, size_t outputs, int configs, const char *const *keys, const char *const *values);
void bed_call_free(bed_call *);
// Runs the session and describes the outputs. Their data, and the inputs', which an output may be, are in use until
// bed_call_clear; after a failure nothing is.
bed_error bed_run(void *session, bed_call *);
// Copies an output string tensor: out.bytes bytes and out.elements offsets.
bed_error bed_strings(bed_call *, size_t output, void *text, size_t *offsets);
void bed_call_clear(bed_call *);
// May be called from any thread while a run is under way.
bed_error bed_stop(bed_call *);
bed_error bed_unstop(bed_call *);

#endif
