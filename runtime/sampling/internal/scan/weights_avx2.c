// x86-64 of 2013 and later.
#ifdef __x86_64__
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define LANES 4
#define NAME bed_weigh_avx2
#include "weigh.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
