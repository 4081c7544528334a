#define LANES 2
#define NAME bed_weigh_plain
#include "weigh.h"

double bed_weigh_avx2(const float *scores, size_t n, const bed_weighing *w, double *weights, double *masses);

double bed_weigh(int avx2, const float *scores, size_t n, const bed_weighing *w, double *weights, double *masses) {
#ifdef __x86_64__
  if (avx2) return bed_weigh_avx2(scores, n, w, weights, masses);
#endif
  (void)avx2;
  return bed_weigh_plain(scores, n, w, weights, masses);
}

size_t bed_at_least(const double *weights, size_t n, double floor, int32_t *ids) {
  size_t found = 0;
  for (size_t i = 0; i < n; i++) {
    ids[found] = (int32_t)i;
    found += weights[i] >= floor;
  }
  return found;
}
