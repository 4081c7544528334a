// LANES float32 or int32 at once, in the vector extensions that GCC and Clang share. Whoever includes this says how many a register
// holds: compilers make poor code of vectors that are wider. Sums are of sixteen lanes all the same, PARTS registers, so that
// every processor adds in the same order.
#ifndef BEDSIDE_LANES_H
#define BEDSIDE_LANES_H

#include <string.h>

#include "kernels.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF // which GCC takes -std=c11 for
#endif

enum { PARTS = 16 / LANES };

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));
typedef int16_t vh __attribute__((vector_size(4 * LANES)));
typedef uint16_t vuh __attribute__((vector_size(4 * LANES)));

// Loops whose variables are to live in registers.
#define EACH _Pragma("GCC unroll 16")

#define INLINE static inline __attribute__((always_inline, unused))

INLINE vf load(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store(float *p, vf v) { memcpy(p, &v, sizeof v); }
INLINE vi loadi(const void *p) {
  vi v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void storei(void *p, vi v) { memcpy(p, &v, sizeof v); }
INLINE vi alli(int32_t x) { return (vi){0} + x; }
INLINE vf all(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (vf)alli(bits);
}

INLINE vf pick(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }
#ifdef HAVE_LARGEST
INLINE vf largest(vf a, vf b); // as below, and as x86 defines its maximum
#else
INLINE vf largest(vf a, vf b) { return pick(a > b, a, b); }
#endif
INLINE vf magnitude(vf a) { return (vf)((vi)a & alli(0x7fffffff)); }

// Rounds to the nearest integer, ties to even, where |x| < 2^22.
INLINE vf nearest(vf x) {
  const vf magic = all(12582912.0f);
  return (x + magic) - magic;
}
INLINE vi integers(vf x) { return __builtin_convertvector(x, vi); }
INLINE vf floats(vi x) { return __builtin_convertvector(x, vf); }

// The low byte of each lane, all of which are below 256.
#ifndef HAVE_STORE_BYTES
INLINE void store_bytes(uint8_t *p, vi v) {
  int32_t lanes[LANES];
  storei(lanes, v);
  for (int i = 0; i < LANES; i++) p[i] = (uint8_t)lanes[i];
}
#endif

// Lane 0 of sixteen with lane 8, 1 with 9, ...; then of eight, 0 with 4; and so on.
INLINE float sum_lanes(vf v[PARTS]) {
  float a[LANES];
  for (int n = PARTS / 2; n > 0; n /= 2)
    for (int i = 0; i < n; i++) v[i] += v[i + n];
  store(a, v[0]);
  for (int n = LANES / 2; n > 0; n /= 2)
    for (int i = 0; i < n; i++) a[i] += a[i + n];
  return a[0];
}
// Lanes at even places of two registers, and at odd ones.
#if LANES == 16
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#elif LANES == 8
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#else
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#endif
// The largest lane of each, v[0]'s first: neighbours are compared until one of each is left.
INLINE vf most_of_each(vf v[LANES]) {
  for (int n = LANES / 2; n > 0; n /= 2) {
    for (int i = 0; i < n; i++) v[i] = largest(EVENS(v[2 * i], v[2 * i + 1]), ODDS(v[2 * i], v[2 * i + 1]));
  }
  return v[0];
}
INLINE int32_t total_lanes(vi v) {
  int32_t a[LANES], total = 0;
  storei(a, v);
  for (int i = 0; i < LANES; i++) total += a[i];
  return total;
}
INLINE float max_lanes(vf v) {
  for (int n = LANES / 2; n > 0; n /= 2) v = largest(EVENS(v, v), ODDS(v, v));
  return v[0];
}

// e^x within 2 units in the last place for x in [-87, 88]; anything outside. Reduction to 2^n * e^r and the minimax polynomial
// are those of Cephes' expf (Moshier).
INLINE vf exponential(vf x) {
  vf n = nearest(x * all(1.44269504088896341f));
  vf r = x - n * all(0.693359375f);
  r = r - n * all(-2.12194440e-4f);
  vf p = all(1.9875691500e-4f);
  p = p * r + all(1.3981999507e-3f);
  p = p * r + all(8.3334519073e-3f);
  p = p * r + all(4.1665795894e-2f);
  p = p * r + all(1.6666665459e-1f);
  p = p * r + all(5.0000001201e-1f);
  p = p * (r * r) + r + all(1.0f);
  return p * (vf)((integers(n) + alli(127)) << 23);
}

INLINE vf sigmoid(vf x) {
  x = largest(x, all(-87.0f));
  x = pick(x < all(87.0f), x, all(87.0f));
  return all(1.0f) / (all(1.0f) + exponential(-x));
}
INLINE vf silu(vf x) { return x * sigmoid(x); }
// GELU's tanh form (Hendrycks and Gimpel 2016): x * sigmoid(2 * sqrt(2/pi) * (x + 0.044715 x^3)).
INLINE vf gelu(vf x) {
  return x * sigmoid(all(1.5957691216057308f) * (x + all(0.044715f) * (x * x * x)));
}

// acc[i] += sum over j of u[4i+j] * s[4i+j], u from 0 to 127 and s int8, exactly.
#ifndef HAVE_DOT4
INLINE vi dot4(vi acc, vi u, vi s) {
  // Bytes at even and odd places as 16-bit numbers; the sum of two products fits those.
  vh even = (vh)((vuh)s << 8) >> 8, odd = (vh)s >> 8;
  vi pairs = (vi)(((vh)u & 0xff) * even + (vh)((vuh)u >> 8) * odd);
  return acc + ((vi)((vu)pairs << 16) >> 16) + (pairs >> 16);
}
#endif

#endif
