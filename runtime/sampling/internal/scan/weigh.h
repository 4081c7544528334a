// bed_weigh (scan.h) in vectors of LANES float64. Whoever includes this says how many a register holds, and the function's NAME. The
// constants and the order of operations are those of exp in package sampling, so that the bits are, too, with any number of lanes.
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF // which GCC takes -std=c11 for
#endif
#include <string.h>

#include "scan.h"

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef double vd __attribute__((vector_size(8 * LANES)));
typedef int64_t vl __attribute__((vector_size(8 * LANES)));

INLINE vd all(double x) { return (vd){0} + x; }
INLINE vd pick(vl mask, vd yes, vd no) { return (vd)((mask & (vl)yes) | (~mask & (vl)no)); }

// Rounds what is not positive and above -2^51 towards zero.
INLINE vd towards_zero(vd x) {
  const vd magic = all(0x1.8p52);
  vd nearest = (x + magic) - magic;
  return pick(nearest < x, nearest + all(1), nearest);
}

// 2 to the n, a whole number, by way of a sum whose lowest bits are the exponent.
INLINE vd power_of_two(vd n) { return (vd)((vl)(n + all(0x1p52 + 1023)) << 52); }

// e to the x where x is not positive, and not so small that the result is not normal.
INLINE vd exponential(vd x) {
  static const double series[] = {1. / 362880, 1. / 40320, 1. / 5040, 1. / 720, 1. / 120, 1. / 24, 1. / 6, 1. / 2, 1, 1};
  vd halves = towards_zero(x * all(1.44269504088896340735992468100189214) - all(0.5));
  vd f = x - halves * all(0.693147180559945309417232121458176568);
  vd sum = all(series[0]);
#pragma GCC unroll 16
  for (size_t i = 1; i < sizeof series / sizeof *series; i++) sum = all(series[i]) + f * sum;
  return sum * power_of_two(halves);
}

// Sets `count` weights, at most LANES, of as many scores as there are lanes, and returns `mass` with them.
INLINE double weigh(const float *scores, size_t count, const bed_weighing *w, double *weights, double *masses, double mass) {
  vf score;
  memcpy(&score, scores, sizeof score);
  vd depth = __builtin_convertvector(score - w->peak, vd) / all(w->temperature);
  vl counts = depth >= all(w->negligible); // not NaN, minus infinity less minus infinity
  int64_t any = 0;
#pragma GCC unroll 4
  for (int i = 0; i < LANES; i++) any |= counts[i];
  if (!any) { // most of what a mask forbids
    memset(weights, 0, count * sizeof *weights);
    return mass;
  }
  depth = pick(counts, depth, all(w->negligible));
  vd weight = (vd)((vl)exponential(depth) & counts);
#pragma GCC unroll 4
  for (size_t i = 0; i < count; i++) {
    weights[i] = weight[i];
    mass += weight[i];
    if (masses != NULL) masses[(int)(-depth[i] * w->buckets_per_unit)] += weight[i];
  }
  return mass;
}

double NAME(const float *scores, size_t n, const bed_weighing *settings, double *weights, double *masses) {
  const bed_weighing w = *settings;
  double mass = 0;
  size_t from = 0;
  for (; from + LANES <= n; from += LANES) mass = weigh(scores + from, LANES, &w, weights + from, masses, mass);
  if (from < n) {
    float last[LANES] = {0};
    memcpy(last, scores + from, (n - from) * sizeof *last);
    mass = weigh(last, n - from, &w, weights + from, masses, mass);
  }
  return mass;
}
