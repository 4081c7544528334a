// For any processor: what the compiler makes of the vector extensions without being told of one. The reference of the tests.
#define SET bed_plain
#define NAME "plain"
#define LANES 4
#define MICRO_LINES 2
#define MICRO_BLOCKS 1
#include "set.h"
