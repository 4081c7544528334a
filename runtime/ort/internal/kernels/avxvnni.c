// x86-64 with AVX-VNNI and no AVX-512: client processors of 2021 and later.
#ifdef __x86_64__
#include <immintrin.h>

#pragma GCC target("avx2,avxvnni")
#define SET bed_avxvnni
#define NAME "avxvnni"
#define MICRO_ROWS 3
#define MICRO_BLOCKS 2
#define HAVE_DOT4
#include "lanes.h"

INLINE __m256i dot4_half(__m256i acc, __m256i u, __m256i s) { return _mm256_dpbusd_avx_epi32(acc, u, s); }
#include "halves.inc"
#include "set.inc"
#endif
