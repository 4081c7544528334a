// x86-64 with AVX-VNNI and no AVX-512: client processors of 2021 and later.
#ifdef __x86_64__
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,avxvnni"))), apply_to = function)
#else
#pragma GCC target("avx2,avxvnni")
#endif
#define SET bed_avxvnni
#define NAME "avxvnni"
#define LANES 8
#define MICRO_LINES 6
#define MICRO_BLOCKS 1
#define BYTE_ROWS 4
#define BYTE_BLOCKS 1
#define HAVE_DOT4
#define HAVE_BYTES
#define ADDED 128
#define HAVE_LARGEST
#define HAVE_STORE_BYTES
#include "lanes.h"

INLINE vi dot4(vi acc, vi u, vi s) { return (vi)_mm256_dpbusd_avx_epi32((__m256i)acc, (__m256i)u, (__m256i)s); }
INLINE vi dot_bytes(vi acc, vi a, vi w) { return dot4(acc, w, a); }
#include "bytes_avx2.h"
#include "set.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
