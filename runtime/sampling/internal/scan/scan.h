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

#endif
