// The operators as a library of their own, for whoever loads models without Bedside's server: Python's
// SessionOptions.register_custom_ops_library. scripts/bootstrap builds it; Go does not need it.
#ifdef BEDSIDE_OPS_LIBRARY
#include "ops.h"

__attribute__((visibility("default"))) void *RegisterCustomOps(void *options, const void *api_base) {
  return bed_register_ops(options, api_base);
}
#endif
