#include "capi.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "functions.h"

#define DECLARE(place, name, result, parameters) static result(*name) parameters;
BED_FUNCTIONS(DECLARE)

static bed_opaque *env, *memory, *allocator;

// What a model says goes to the caller, not to the process's log, where it might quote a request.
enum { log_fatal = 4 };
enum { arena_allocator = 1, memory_default = 0, parallel_mode = 1, kind_tensor = 1 };

typedef struct {
  const void *(*get_api)(uint32_t);
  const char *(*version)(void);
} api_base;

static const api_base *base;

static const bed_error fine = {0, NULL};

static bed_error failure(const char *text) {
  bed_error e = {1, strdup(text)};
  return e;
}

static bed_error check(bed_status s) {
  if (s == NULL) return fine;
  bed_error e = {GetErrorCode(s), strdup(GetErrorMessage(s))};
  ReleaseStatus(s);
  if (e.code == 0) e.code = 1;
  return e;
}

#define TRY(call)                    \
  do {                               \
    bed_error e_ = check(call);      \
    if (e_.code != 0) return e_;     \
  } while (0)

bed_error bed_load(const char *library) {
  void *handle = dlopen(library, RTLD_LAZY);
  if (handle == NULL) return failure(dlerror());
  const api_base *(*get_base)(void);
  *(void **)&get_base = dlsym(handle, "OrtGetApiBase");
  if (get_base == NULL) return failure("the library has no OrtGetApiBase");
  base = get_base();
  void *const *table = base->get_api(BED_API_VERSION);
  if (table == NULL) return failure("the library is too old");
#define FIND(place, name, result, parameters) *(void **)&name = table[place];
  BED_FUNCTIONS(FIND)
  TRY(CreateEnv(log_fatal, "bedside", &env)); // the process's one environment
  TRY(CreateCpuMemoryInfo(arena_allocator, memory_default, &memory));
  TRY(GetAllocatorWithDefaultOptions(&allocator));
  return fine;
}

static bed_error apply(bed_opaque *o, const bed_options *opt) {
  TRY(SetSessionLogSeverityLevel(o, log_fatal));
  TRY(SetIntraOpNumThreads(o, opt->intra_op));
  TRY(SetInterOpNumThreads(o, opt->inter_op));
  if (opt->parallel) TRY(SetSessionExecutionMode(o, parallel_mode));
  TRY(SetSessionGraphOptimizationLevel(o, opt->optimization));
  // Requests have many shapes, and a memory plan for each would pile up.
  TRY(DisableMemPattern(o));
  if (opt->no_arena) TRY(DisableCpuMemArena(o));
  for (int i = 0; i < opt->configs; i++) TRY(AddSessionConfigEntry(o, opt->keys[i], opt->values[i]));
  if (opt->operators != NULL) {
    bed_status (*add)(void *, const void *);
    *(void **)&add = opt->operators;
    TRY(add(o, base));
  }
  return fine;
}

bed_opened bed_open(const char *path, const bed_options *opt) {
  bed_opened r = {fine, NULL};
  bed_opaque *o;
  r.error = check(CreateSessionOptions(&o));
  if (r.error.code != 0) return r;
  r.error = apply(o, opt);
  if (r.error.code == 0) r.error = check(CreateSession(env, path, o, &r.session));
  ReleaseSessionOptions(o);
  return r;
}

void bed_close(void *session) {
  ReleaseSession(session);
#ifdef __GLIBC__
  malloc_trim(0); // glibc keeps what the session freed unless told otherwise
#endif
}

bed_counted bed_count(void *session, int kind) {
  bed_counted r = {fine, 0};
  switch (kind) {
    case 0: r.error = check(SessionGetInputCount(session, &r.n)); break;
    case 1: r.error = check(SessionGetOutputCount(session, &r.n)); break;
    default: r.error = check(SessionGetOverridableInitializerCount(session, &r.n));
  }
  return r;
}

static bed_error io_name(void *session, int kind, size_t i, char **name) {
  char *theirs;
  switch (kind) {
    case 0: TRY(SessionGetInputName(session, i, allocator, &theirs)); break;
    case 1: TRY(SessionGetOutputName(session, i, allocator, &theirs)); break;
    default: TRY(SessionGetOverridableInitializerName(session, i, allocator, &theirs));
  }
  *name = strdup(theirs);
  return check(AllocatorFree(allocator, theirs));
}

static bed_error io_shape(const bed_opaque *info, bed_io *io) {
  const bed_opaque *tensor;
  TRY(GetOnnxTypeFromTypeInfo(info, &io->onnx_type));
  if (io->onnx_type != kind_tensor) return fine;
  TRY(CastTypeInfoToTensorInfo(info, &tensor));
  TRY(GetTensorElementType(tensor, &io->type));
  TRY(GetDimensionsCount(tensor, &io->rank));
  io->has_shape = TensorTypeAndShape_HasShape(tensor);
  if (io->rank == 0 || io->rank > BED_MAX_RANK) return fine;
  const char *names[BED_MAX_RANK];
  TRY(GetDimensions(tensor, io->dims, io->rank));
  TRY(GetSymbolicDimensions(tensor, names, io->rank));
  for (size_t d = 0; d < io->rank; d++) io->dim_names[d] = strdup(names[d]);
  return fine;
}

bed_error bed_describe(void *session, int kind, size_t i, bed_io *io) {
  memset(io, 0, sizeof *io);
  bed_error e = io_name(session, kind, i, &io->name);
  if (e.code != 0) return e;
  bed_opaque *info;
  switch (kind) {
    case 0: TRY(SessionGetInputTypeInfo(session, i, &info)); break;
    case 1: TRY(SessionGetOutputTypeInfo(session, i, &info)); break;
    default: TRY(SessionGetOverridableInitializerTypeInfo(session, i, &info));
  }
  e = io_shape(info, io);
  ReleaseTypeInfo(info);
  return e;
}

void bed_io_free(bed_io *io) {
  free(io->name);
  for (size_t d = 0; d < BED_MAX_RANK; d++) free(io->dim_names[d]);
  memset(io, 0, sizeof *io);
}

static bed_error run_options(bed_call *c, int configs, const char *const *keys, const char *const *values) {
  TRY(CreateRunOptions(&c->options));
  TRY(RunOptionsSetRunLogSeverityLevel(c->options, log_fatal));
  for (int i = 0; i < configs; i++) TRY(AddRunConfigEntry(c->options, keys[i], values[i]));
  return fine;
}

bed_called bed_call_new(size_t inputs, size_t outputs, int configs, const char *const *keys, const char *const *values) {
  bed_call *c = calloc(1, sizeof *c);
  c->in = calloc(inputs + 1, sizeof *c->in); // one more: calloc of nothing may give NULL
  c->out = calloc(outputs + 1, sizeof *c->out);
  c->in_names = calloc(inputs + 1, sizeof *c->in_names);
  c->out_names = calloc(outputs + 1, sizeof *c->out_names);
  c->in_values = calloc(inputs + 1, sizeof *c->in_values);
  c->out_values = calloc(outputs + 1, sizeof *c->out_values);
  bed_called r = {run_options(c, configs, keys, values), c};
  return r;
}

void bed_call_free(bed_call *c) {
  bed_call_clear(c);
  if (c->options != NULL) ReleaseRunOptions(c->options);
  free(c->in);
  free(c->out);
  free(c->in_names);
  free(c->out_names);
  free(c->in_values);
  free(c->out_values);
  free(c);
}

static bed_error bind(bed_tensor *t) {
  static uint64_t nothing; // where the elements of an empty tensor are
  if (t->type != BED_STRING) {
    void *data = t->bytes == 0 ? &nothing : t->data;
    return check(CreateTensorWithDataAsOrtValue(memory, data, t->bytes, t->dims, t->rank, t->type, &t->value));
  }
  TRY(CreateTensorAsOrtValue(allocator, t->dims, t->rank, BED_STRING, &t->value));
  const char *text = t->data;
  for (size_t i = 0; i < t->elements; i++) {
    char *place;
    TRY(GetResizedStringTensorElementBuffer(t->value, i, t->lengths[i], &place));
    if (t->lengths[i] > 0) memcpy(place, text, t->lengths[i]);
    text += t->lengths[i];
  }
  return fine;
}

static bed_error describe(bed_tensor *t) {
  bed_opaque *info;
  if (t->value == NULL) return failure("an output was not computed");
  TRY(GetTensorTypeAndShape(t->value, &info));
  bed_error e = check(GetTensorElementType(info, &t->type));
  if (e.code == 0) e = check(GetDimensionsCount(info, &t->rank));
  if (e.code == 0 && t->rank > BED_MAX_RANK) e = failure("an output has too many dimensions");
  if (e.code == 0 && t->rank > 0) e = check(GetDimensions(info, t->dims, t->rank));
  ReleaseTensorTypeAndShapeInfo(info);
  if (e.code != 0) return e;
  t->elements = 1;
  for (size_t d = 0; d < t->rank; d++) t->elements *= (size_t)t->dims[d];
  t->data = NULL;
  t->bytes = 0;
  if (t->elements == 0) return fine;
  if (t->type == BED_STRING) return check(GetStringTensorDataLength(t->value, &t->bytes));
  return check(GetTensorMutableData(t->value, &t->data));
}

bed_error bed_run(void *session, bed_call *c) {
  bed_error e = fine;
  for (size_t i = 0; e.code == 0 && i < c->inputs; i++) {
    e = bind(&c->in[i]);
    c->in_values[i] = c->in[i].value;
  }
  if (e.code == 0) {
    memset(c->out_values, 0, c->outputs * sizeof *c->out_values);
    e = check(Run(session, c->options, c->in_names, (const bed_opaque *const *)c->in_values, c->inputs, c->out_names,
                  c->outputs, c->out_values));
    for (size_t i = 0; i < c->outputs; i++) c->out[i].value = c->out_values[i];
  }
  for (size_t i = 0; e.code == 0 && i < c->outputs; i++) e = describe(&c->out[i]);
  if (e.code != 0) bed_call_clear(c);
  return e;
}

bed_error bed_strings(bed_call *c, size_t output, void *text, size_t *offsets) {
  bed_tensor *t = &c->out[output];
  return check(GetStringTensorContent(t->value, text, t->bytes, offsets, t->elements));
}

static void release(bed_tensor *t) {
  if (t->value != NULL) ReleaseValue(t->value);
  t->value = NULL;
  t->data = NULL;
  t->lengths = NULL;
}

void bed_call_clear(bed_call *c) {
  for (size_t i = 0; i < c->inputs; i++) release(&c->in[i]);
  for (size_t i = 0; i < c->outputs; i++) release(&c->out[i]);
  c->inputs = c->outputs = 0;
}

bed_error bed_stop(bed_call *c) { return check(RunOptionsSetTerminate(c->options)); }
bed_error bed_unstop(bed_call *c) { return check(RunOptionsUnsetTerminate(c->options)); }
