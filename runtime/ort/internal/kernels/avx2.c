// x86-64 of 2013 and later: products of 7 by 8 bits by way of 16, which is exact.
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
#define HAVE_DOT4
#define HAVE_STORE_BYTES
#include "lanes.h"

INLINE vi dot4(vi acc, vi u, vi s) {
  __m256i pairs = _mm256_maddubs_epi16((__m256i)u, (__m256i)s); // u is below 128: nothing saturates
  return acc + (vi)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#include "bytes_avx2.h"
#include "set.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
