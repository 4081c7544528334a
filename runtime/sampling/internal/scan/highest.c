// A row of a vocabulary's logits is read as fast as it comes from memory by the four lanes that every x86-64 and ARM64 has, so there
// are no variants by processor.
#include <math.h>
#include <string.h>

#include "scan.h"

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));

// AHEAD is how far what comes next is asked for: processors do not look beyond a page of 1,024 values by themselves.
enum { LANES = 4, AT_ONCE = 4 * LANES, BLOCK = 1024, AHEAD = 2048 };

static inline vf load(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline vf larger(vf a, vf b) {
  vi mask = a > b;
  return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

// The highest of a block. `nan` is not 0 if one is NaN; the highest is then any.
static float highest_of_block(const float *values, int *nan) {
  const vf least = (vf){0} - INFINITY;
  vf top[4] = {least, least, least, least}; // as many as it takes for none to wait for itself
  vi odd = {0};
  for (const float *p = values; p < values + BLOCK; p += AT_ONCE) {
    __builtin_prefetch(p + AHEAD); // beyond a row's end, too, where the next may lie: it is no access
    vf a = load(p), b = load(p + LANES), c = load(p + 2 * LANES), d = load(p + 3 * LANES);
    odd |= (a != a) | (b != b) | (c != c) | (d != d);
    top[0] = larger(a, top[0]);
    top[1] = larger(b, top[1]);
    top[2] = larger(c, top[2]);
    top[3] = larger(d, top[3]);
  }
  vf all = larger(larger(top[0], top[1]), larger(top[2], top[3]));
  float best = all[0];
  for (int i = 1; i < LANES; i++) best = all[i] > best ? all[i] : best;
  *nan |= odd[0] | odd[1] | odd[2] | odd[3];
  return best;
}

int64_t bed_highest(const float *values, size_t n) {
  float best = -INFINITY;
  size_t at = n, from = 0; // the highest is at `at` or soon after it
  int nan = 0;
  for (; from + BLOCK <= n; from += BLOCK) {
    float top = highest_of_block(values + from, &nan);
    if (top > best) best = top, at = from;
  }
  for (; from < n; from++) {
    nan |= values[from] != values[from];
    if (values[from] > best) best = values[from], at = from;
  }
  if (nan || best == INFINITY) return BED_NOT_NUMBERS;
  if (at == n) return BED_NONE;
  while (values[at] != best) at++;
  return (int64_t)at;
}
