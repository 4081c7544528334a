// x86-64 of 2013 and later: 8-bit products by way of 16 bits, which is exact.
#ifdef __x86_64__
#include <immintrin.h>

#pragma GCC target("avx2")
#define SET bed_avx2
#define NAME "avx2"
#define MICRO_ROWS 3
#define MICRO_BLOCKS 2
#define HAVE_DOT4
#include "lanes.h"

INLINE __m256i dot4_half(__m256i acc, __m256i u, __m256i s) {
  // Even and odd bytes as 16-bit numbers; vpmaddubsw would saturate where two products pass 32767.
  const __m256i even = _mm256_set1_epi16(0xff);
  __m256i a = _mm256_madd_epi16(_mm256_and_si256(u, even), _mm256_srai_epi16(_mm256_slli_epi16(s, 8), 8));
  __m256i b = _mm256_madd_epi16(_mm256_srli_epi16(u, 8), _mm256_srai_epi16(s, 8));
  return _mm256_add_epi32(acc, _mm256_add_epi32(a, b));
}
#include "halves.inc"
#include "set.inc"
#endif
