// One set of kernels. (It is a .h because Go builds anew when one of those changes, and does not look at other endings.)
//
// Included by the file of each processor, which has chosen its instructions and defines SET (the set's variable), NAME, LANES
// (of a register), how much of a product's sums its registers hold (MICRO_LINES and MICRO_BLOCKS, or MICRO_ROWS), and, where the
// processor has one, dot4 (HAVE_DOT4) and tile (HAVE_TILE). A set whose instructions multiply 16-bit numbers (HAVE_WORDS,
// words_avx2.h) keeps an activation in one word, the others in two digits (digits.h). Where dot_bytes multiplies numbers with a sign by
// weights to which ADDED is added (HAVE_BYTES, bytes.h), BYTE_ROWS by BYTE_BLOCKS at once, products take one digit; attention takes two.
#include <math.h>

#include "lanes.h"

// ---- tiles: rows of activations by blocks of int8, summed in int32 ----

// The most lines of a tile, two a row, and its blocks.
enum { TILE_ROWS = 32, TILE_BLOCKS = 4 };

// The weights of a tile: blocks `apart` bytes from each other, of so many quads of inputs. Where the inputs come in several
// parts, the same blocks of the next part lie `onward` bytes further.
typedef struct {
  const int8_t *w;
  size_t apart, onward;
  int blocks, quads, parts, made; // made: in the form that words_avx2.h multiplies
} blocks_of;

// Asks for bytes that are about to be read but do not follow what is, for processors guess nothing else.
INLINE void ask_for(const void *p, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)p + i, 0, 2);
}

// What turns 4 bits of LANES outputs, 32 inputs of them, into 8.
typedef struct {
  vh step, offset;
} steps;

// `added` becomes part of the weights.
INLINE steps steps_at(const int16_t *p, int added) {
  vi both = loadi(p);
  vh offset = (vh)((vi)((vu)both >> 16) | (both & alli(-65536)));
  return (steps){(vh)((both << 16) | (both & alli(0xffff))), (vh)((vuh)offset + (uint16_t)(added << 8))};
}

// Pairs of inputs of LANES outputs, times 256, out of 8 inputs: 0 and 2 with j 0, then 1 and 3, 4 and 6, 5 and 7.
INLINE vh widen(vuh nibbles, int j, steps s) { return (vh)((nibbles >> (4 * j)) & 15) * s.step + s.offset; }

// Inputs of a product that share a shift, how many shifts there are, and inputs of which a sum surely fits 32 bits: that many times
// 127 << SHIFTS-1 times 127.
enum { GROUP = 16, SHIFTS = 4, INPUTS_THAT_FIT = 16384 };

// Adds a row's sums to those that acc has, which is nothing the first time: their upper bits in one line, the lower seven in the next.
INLINE void keep_sum(vi c, int first, int32_t *to) {
  vi upper = c >> 7, lower = c & alli(127);
  storei(to, first ? upper : upper + loadi(to));
  storei(to + 64, first ? lower : lower + loadi(to + 64));
}

// What 128 times the upper sums and the lower sums are together. Sets part a sum into the two differently, so the lower one's
// carry goes to the upper one first: then both are the same numbers, and round alike.
INLINE vf wide_sum(vi upper, vi lower) { return floats(upper + (lower >> 7)) * all(128) + floats(lower & alli(127)); }

static void tile_by_lanes(const uint8_t *a, size_t stride, int lines, const blocks_of *w, int32_t *acc);

#ifdef HAVE_WORDS
#include "words_avx2.h"
#else
#include "digits.h"
#endif

static void tile_by_lanes(const uint8_t *a, size_t stride, int lines, const blocks_of *w, int32_t *acc) {
  int b = 0;
  for (; b + MICRO_BLOCKS <= w->blocks; b += MICRO_BLOCKS) micro_rows(a, stride, lines, w, b, MICRO_BLOCKS, acc + 16 * b);
  for (; b < w->blocks; b++) micro_rows(a, stride, lines, w, b, 1, acc + 16 * b);
}

#ifndef HAVE_TILE
// Up to so many lines, blocks of 4 bits are made and multiplied one by one. Registers of sixteen lanes hold the sums of more blocks,
// which saves loads of activations.
enum { SINGLE_LINES = MICRO_BLOCKS > 1 ? 4 : TILE_ROWS };
INLINE void tiles_begin(void) {}
INLINE void tiles_end(void) {}
INLINE void tile(const uint8_t *a, size_t stride, int lines, const blocks_of *w, int32_t *acc) {
  tile_by_lanes(a, stride, lines, w, acc);
}
#else
#include "tile_amx.h"
#endif

#ifdef HAVE_BYTES
#include "bytes.h"
#else
INLINE void product_tile(const uint8_t *a, size_t stride, int lines, const blocks_of *w, int32_t *acc) { tile(a, stride, lines, w, acc); }

// Rows that fit one tile.
INLINE void tile_once(const uint8_t *a, size_t stride, int lines, const bed_weights *w, int block, int blocks, void *room, int32_t *acc) {
  if (w->steps != NULL && lines <= SINGLE_LINES) { // block by block, so that what is made of one is still near when it is multiplied
    for (int b = 0; b < blocks; b++) block_once(a, stride, lines, w, block + b, room, acc + 16 * b);
    return;
  }
  blocks_of some = ready(w, block, blocks, room, 0);
  product_tile(a, stride, lines, &some, acc);
}

INLINE int blocks_together(int lines) { return lines > SINGLE_LINES ? TILE_BLOCKS : 2; }

INLINE void put_group(uint8_t *row, size_t stride, int i, const vi q[GROUP / LANES], int shift) {
  for (int j = 0; j < GROUP / LANES; j++) put_signed(row, stride, i + LANES * j, q[j] << alli(shift));
}

INLINE void put_sum(uint8_t *row, size_t stride, int i, int32_t sum) { (void)row, (void)stride, (void)i, (void)sum; }

INLINE vi product_sum(const int32_t *acc, const int32_t *zero) { return (without_added(loadi(acc), zero) << 7) + loadi(acc + 64); }

INLINE vf product_wide_sum(const int32_t *acc, const int32_t *zero) {
  return wide_sum(without_added(loadi(acc), zero), loadi(acc + 64));
}
#endif

// ---- rows ----

INLINE float inverse_rms(const float *x, float epsilon, int width) {
  vf sum[PARTS];
  EACH for (int j = 0; j < PARTS; j++) sum[j] = all(0);
  for (int i = 0; i < width; i += 16) {
    EACH for (int j = 0; j < PARTS; j++) {
      vf v = load(x + i + LANES * j);
      sum[j] += v * v;
    }
  }
  return 1.0f / sqrtf(sum_lanes(sum) / (float)width + epsilon);
}

static void normalize(const float *x, const float *norm, float epsilon, int width, float *out) {
  vf f = all(inverse_rms(x, epsilon, width));
  for (int i = 0; i < width; i += LANES) store(out + i, load(x + i) * f * load(norm + i));
}

static void norm_add(const float *x, const float *norm, const float *add, float epsilon, int width, float *out) {
  vf f = all(inverse_rms(x, epsilon, width));
  for (int i = 0; i < width; i += LANES) store(out + i, load(add + i) + load(x + i) * f * load(norm + i));
}

INLINE vf scaled(const float *x, const float *norm, vf f, int i) {
  return norm == NULL ? load(x + i) : load(x + i) * f * load(norm + i);
}

// The largest absolute value of a row, or next to nothing: what its scale is made of.
INLINE float largest_of(const float *x, const float *norm, vf f, int width) {
  vf peak = all(1e-8f);
  for (int i = 0; i < width; i += LANES) peak = largest(magnitude(scaled(x, norm, f, i)), peak);
  return max_lanes(peak);
}

// To 14 bits, for attention.
static void quantize(const float *x, const float *norm, float epsilon, int width, uint8_t *values, size_t stride, float *scale) {
  vf f = norm == NULL ? all(1) : all(inverse_rms(x, epsilon, width));
  float top = 8191, most = largest_of(x, norm, f, width);
  *scale = most / top;
  vf inverse = all(top / most);
  for (int i = 0; i < width; i += LANES) {
    vi q = integers(nearest(scaled(x, norm, f, i) * inverse));
    put_signed(values, stride, i, q);
  }
}

// The largest magnitude of each of up to LANES groups from i on, in a lane each.
INLINE vf peaks(const float *x, const float *norm, vf f, vf inverse, int i, int groups) {
  vf peak[LANES];
  for (int g = 0; g < groups; g++) {
    peak[g] = all(0);
    EACH for (int j = 0; j < GROUP; j += LANES) peak[g] = largest(magnitude(scaled(x, norm, f, i + GROUP * g + j) * inverse), peak[g]);
  }
  for (int g = groups; g < LANES; g++) peak[g] = all(0);
  return most_of_each(peak);
}

// The shifts of groups with such peaks: the power of two above what 8 bits hold, by the exponent of the ratio. They are indices later on, so
// bounded for what is no number, too.
INLINE vi shifts_for(vf peak) {
  vi shift = ((vi)(peak * all(1 / 127.5f)) >> 23) - alli(126);
  shift &= shift > alli(0);
  return (shift & (shift < alli(SHIFTS - 1))) | (alli(SHIFTS - 1) & (shift >= alli(SHIFTS - 1)));
}

// Up to LANES groups from i on, and what their sum counts as.
INLINE vi quantize_some(const float *x, const float *norm, vf f, vf inverse, int i, int groups, uint8_t *values, size_t stride) {
  int32_t shift[LANES];
  float by[LANES];
  vi sum = alli(0), some = shifts_for(peaks(x, norm, f, inverse, i, groups));
  storei(shift, some);
  store(by, (vf)((alli(127) - some) << 23));
  for (int g = 0; g < groups; g++, i += GROUP) {
    vi q[GROUP / LANES];
    EACH for (int j = 0; j < GROUP / LANES; j++) {
      q[j] = integers(nearest(scaled(x, norm, f, i + LANES * j) * inverse * all(by[g])));
      sum += q[j] << alli(shift[g]);
    }
    put_group(values, stride, i, q, shift[g]);
  }
  return sum;
}

// To 8 bits and a shift that a GROUP of inputs shares, so that a sum is one of whole numbers all the same: the largest of the row is
// 127 << SHIFTS-1.
static void quantize_groups(const float *x, const float *norm, float epsilon, int width, uint8_t *values, size_t stride, float *scale) {
  vf f = norm == NULL ? all(1) : all(inverse_rms(x, epsilon, width));
  float top = 127 << (SHIFTS - 1), most = largest_of(x, norm, f, width);
  *scale = most / top;
  vf inverse = all(top / most);
  for (int from = 0; from < width; from += INPUTS_THAT_FIT) {
    int to = width - from < INPUTS_THAT_FIT ? width : from + INPUTS_THAT_FIT;
    vi sum = alli(0);
    int i = from; // whole registers of groups apart: only where their number is a constant do their peaks stay in registers
    for (; i + GROUP * LANES <= to; i += GROUP * LANES) sum += quantize_some(x, norm, f, inverse, i, LANES, values, stride);
    if (i < to) sum += quantize_some(x, norm, f, inverse, i, (to - i) / GROUP, values, stride);
    put_sum(values, stride, from, total_lanes(sum));
  }
}

// To 8 bits, with 128 added, for the cache.
INLINE void quantize_8(const float *x, int width, uint8_t *values, float *scale) {
  float most = largest_of(x, NULL, all(1), width);
  *scale = most / 127;
  vf inverse = all(127 / most);
  for (int i = 0; i < width; i += LANES) store_bytes(values + i, integers(nearest(load(x + i) * inverse)) + alli(128));
}

// ---- products ----

// LANES of a row's outputs, from `output` on.
INLINE vf value(const bed_quantized *x, const bed_weights *w, const int32_t *acc, int row, int output) {
  const int32_t *zero = w->zero + output;
  vf sum = w->inputs <= INPUTS_THAT_FIT ? floats(product_sum(acc, zero)) : product_wide_sum(acc, zero);
  vf v = sum * load(w->scale + output) * all(x->scales[row]);
  return w->bias == NULL ? v : v + load(w->bias + output);
}

INLINE void finish_row(const bed_quantized *x, const bed_weights *w, const int32_t *acc, int row, int block, int blocks,
                       const bed_target *t) {
  float *out = t->out + t->stride * (size_t)row;
  int from = BED_BLOCK * block, width = BED_BLOCK * blocks;
  if (t->finish == BED_GATED) {
    for (int i = 0; i < width; i += i % 16 == 16 - LANES ? 16 + LANES : LANES) {
      vf gate = value(x, w, acc + i, row, from + i), up = value(x, w, acc + i + 16, row, from + i + 16);
      store(out + (from + i) / 32 * 16 + i % 16, (t->gelu ? gelu(gate) : silu(gate)) * up);
    }
    return;
  }
  const float *more = t->finish == BED_ADD ? t->add + t->stride * (size_t)row : NULL;
  for (int i = 0; i < width; i += LANES) {
    vf v = value(x, w, acc + i, row, from + i);
    store(out + from + i, more == NULL ? v : v + load(more + from + i));
  }
}

// Rows of one tile. Apart from the others, which a function of this size makes a tenth slower.
static __attribute__((noinline)) void product_once(const bed_quantized *x, const bed_weights *w, int from, int to, const bed_target *t,
                                                   void *room) {
  int32_t acc[TILE_ROWS * 64] __attribute__((aligned(64)));
  for (int block = from; block < to; block += TILE_BLOCKS) {
    int blocks = to - block < TILE_BLOCKS ? to - block : TILE_BLOCKS;
    tile_once(x->values, x->stride, 2 * x->rows, w, block, blocks, room, acc);
    for (int r = 0; r < x->rows; r++) finish_row(x, w, acc + 128 * r, r, block, blocks, t);
  }
}

static void product_often(const bed_quantized *x, const bed_weights *w, int from, int to, const bed_target *t, void *room) {
  int32_t acc[TILE_ROWS * 64] __attribute__((aligned(64)));
  int lines = 2 * x->rows;
  for (int block = from; block < to; block += TILE_BLOCKS) {
    int blocks = to - block < TILE_BLOCKS ? to - block : TILE_BLOCKS;
    blocks_of some = ready(w, block, blocks, room, 1);
    for (int r = 0; r < lines; r += TILE_ROWS) {
      int n = lines - r < TILE_ROWS ? lines - r : TILE_ROWS;
      product_tile(x->values + x->stride * (size_t)r, x->stride, n, &some, acc);
      for (int i = 0; i < n; i += 2) finish_row(x, w, acc + 64 * i, (r + i) / 2, block, blocks, t);
    }
  }
}

static void product(const bed_quantized *x, const bed_weights *w, int from, int to, const bed_target *t, void *room) {
  tiles_begin();
  if (2 * x->rows <= TILE_ROWS) {
    product_once(x, w, from, to, t, room);
  } else {
    product_often(x, w, from, to, t, room);
  }
  tiles_end();
}

#include "attention.h"

static int together(int rows) { return blocks_together(2 * rows); }

const bed_kernels SET = {NAME, together, quantize_groups, norm_add, product, store_token, attend};
