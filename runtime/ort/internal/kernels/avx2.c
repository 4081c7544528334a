// x86-64 of 2013 and later: products by way of 16 bits.
#ifdef __x86_64__
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define SET bed_avx2
#define NAME "avx2"
#define LANES 8
#define MICRO_ROWS 4
#define MICRO_BLOCKS 1
#define HAVE_WORDS
#define HAVE_LARGEST
#define HAVE_STORE_BYTES
#include "lanes.h"

#include "bytes_avx2.h"
#include "set.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
