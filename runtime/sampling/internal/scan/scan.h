// One row of logits, read once from its beginning to its end.
#ifndef BEDSIDE_SCAN_H
#define BEDSIDE_SCAN_H

#include <stddef.h>
#include <stdint.h>

// What bed_highest says where there is no highest.
enum { BED_NONE = -1, BED_NOT_NUMBERS = -2 };

// The lowest index of the highest of n values. BED_NOT_NUMBERS if any is NaN or plus infinity, else BED_NONE if all are minus
// infinity or there are none.
int64_t bed_highest(const float *values, size_t n);

// How scores become weights: e to the depth, which is what a score lies below the peak, over the temperature.
typedef struct {
  float peak; // no score is higher
  double temperature;
  double negligible; // a depth; what lies deeper weighs nothing
  double buckets_per_unit;
} bed_weighing;

// Sets the weights of n scores and returns their sum, added in their order. Where masses is not NULL, each weight is also added
// to that of its bucket, the depth times buckets_per_unit without sign and fraction. avx2 says whether the processor has that.
double bed_weigh(int avx2, const float *scores, size_t n, const bed_weighing *w, double *weights, double *masses);

// Writes the indices of the weights that are at least `floor`, in order, and returns how many. ids has room for n.
size_t bed_at_least(const double *weights, size_t n, double floor, int32_t *ids);

#endif
