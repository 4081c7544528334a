// One set of kernels. (It is a .h because Go builds anew when one of those changes, and does not look at other endings.)
//
// Included by the file of each processor, which has chosen its instructions and defines SET (the set's
// variable), NAME, LANES (of a register), MICRO_ROWS and MICRO_BLOCKS (the rows and blocks of a product whose sums its registers
// hold), and, where the processor has one, dot4 (HAVE_DOT4) and tile (HAVE_TILE).
#include <math.h>

#include "lanes.h"

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

static void quantize(const float *x, const float *norm, float epsilon, int width, uint8_t *values, size_t stride, float *scale) {
  vf f = norm == NULL ? all(1) : all(inverse_rms(x, epsilon, width));
  vf peak = all(1e-8f);
  for (int i = 0; i < width; i += LANES) peak = largest(magnitude(scaled(x, norm, f, i)), peak);
  float top = 8191, most = max_lanes(peak);
  *scale = most / top;
  vf inverse = all(top / most);
  for (int i = 0; i < width; i += LANES) {
    vi q = integers(nearest(scaled(x, norm, f, i) * inverse));
    store_bytes(values + i, (q >> 7) + alli(64));
    store_bytes(values + stride + i, q & alli(127));
  }
}

// To 8 bits, with 128 added, for the cache.
INLINE void quantize_8(const float *x, int width, uint8_t *values, float *scale) {
  vf peak = all(1e-8f);
  for (int i = 0; i < width; i += LANES) peak = largest(magnitude(load(x + i)), peak);
  float most = max_lanes(peak);
  *scale = most / 127;
  vf inverse = all(127 / most);
  for (int i = 0; i < width; i += LANES) store_bytes(values + i, integers(nearest(load(x + i) * inverse)) + alli(128));
}

// ---- tiles: rows of uint8 by blocks of int8, summed in int32 ----

// The most rows of a tile, and its blocks.
enum { TILE_ROWS = 32, TILE_BLOCKS = 4 };

// The weights of a tile: blocks `apart` bytes from each other, of so many quads of inputs. Where the inputs come in several
// parts, the same blocks of the next part lie `onward` bytes further.
typedef struct {
  const int8_t *w;
  size_t apart, onward;
  int blocks, quads, parts;
} blocks_of;

// acc [rows][TILE_BLOCKS*16] = a [rows][4*quads*parts] times the first `blocks` of the blocks from `b0` on.
INLINE void micro(const uint8_t *a, size_t stride, const int rows, const blocks_of *w, int b0, const int blocks, int32_t *acc) {
  vi c[MICRO_ROWS][MICRO_BLOCKS * PARTS];
  const int wide = blocks * PARTS;
  EACH for (int r = 0; r < rows; r++) {
    EACH for (int b = 0; b < wide; b++) c[r][b] = alli(0);
  }
  for (int part = 0; part < w->parts; part++) {
    const int8_t *first = w->w + w->onward * (size_t)part + w->apart * (size_t)b0;
    const uint8_t *from = a + 4 * (size_t)w->quads * (size_t)part;
    for (int k = 0; k < w->quads; k++) {
      vi s[MICRO_BLOCKS * PARTS];
      EACH for (int b = 0; b < wide; b++) {
        s[b] = loadi(first + w->apart * (size_t)(b / PARTS) + 64 * (size_t)k + 4 * LANES * (b % PARTS));
      }
      EACH for (int r = 0; r < rows; r++) {
        int32_t quad;
        memcpy(&quad, from + stride * (size_t)r + 4 * (size_t)k, 4);
        vi u = alli(quad);
        EACH for (int b = 0; b < wide; b++) c[r][b] = dot4(c[r][b], u, s[b]);
      }
    }
  }
  EACH for (int r = 0; r < rows; r++) {
    EACH for (int b = 0; b < wide; b++) storei(acc + 64 * r + LANES * b, c[r][b]);
  }
}

INLINE void micro_rows(const uint8_t *a, size_t stride, int rows, const blocks_of *w, int b0, const int blocks, int32_t *acc) {
  int r = 0;
  for (; r + MICRO_ROWS <= rows; r += MICRO_ROWS) micro(a + stride * (size_t)r, stride, MICRO_ROWS, w, b0, blocks, acc + 64 * r);
  for (; MICRO_ROWS > 2 && r + 2 <= rows; r += 2) micro(a + stride * (size_t)r, stride, 2, w, b0, blocks, acc + 64 * r);
  for (; r < rows; r++) micro(a + stride * (size_t)r, stride, 1, w, b0, blocks, acc + 64 * r);
}

static void tile_by_lanes(const uint8_t *a, size_t stride, int rows, const blocks_of *w, int32_t *acc) {
  int b = 0;
  for (; b + MICRO_BLOCKS <= w->blocks; b += MICRO_BLOCKS) micro_rows(a, stride, rows, w, b, MICRO_BLOCKS, acc + 16 * b);
  for (; b < w->blocks; b++) micro_rows(a, stride, rows, w, b, 1, acc + 16 * b);
}

#ifndef HAVE_TILE
INLINE void tiles_begin(void) {}
INLINE void tiles_end(void) {}
INLINE void tile(const uint8_t *a, size_t stride, int rows, const blocks_of *w, int32_t *acc) {
  tile_by_lanes(a, stride, rows, w, acc);
}
#else
#include "tile_amx.h"
#endif

// ---- products ----

// LANES of a row's outputs, from `output` on.
INLINE vf value(const bed_quantized *x, const bed_weights *w, const int32_t *acc, int row, int output) {
  vf sum = floats(loadi(acc) - loadi(w->zero + output)) * all(128) + floats(loadi(acc + 64));
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

static void product(const bed_quantized *x, const bed_weights *w, int from, int to, const bed_target *t) {
  int32_t acc[TILE_ROWS * 64] __attribute__((aligned(64)));
  int quads = w->inputs / 4, rows = 2 * x->rows;
  size_t apart = 64 * (size_t)quads;
  tiles_begin();
  for (int block = from; block < to; block += TILE_BLOCKS) {
    int blocks = to - block < TILE_BLOCKS ? to - block : TILE_BLOCKS;
    blocks_of some = {w->q + apart * (size_t)block, apart, 0, blocks, quads, 1};
    for (int r = 0; r < rows; r += TILE_ROWS) {
      int n = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
      tile(x->values + x->stride * (size_t)r, x->stride, n, &some, acc);
      for (int i = 0; i < n; i += 2) finish_row(x, w, acc + 64 * i, (r + i) / 2, block, blocks, t);
    }
  }
  tiles_end();
}

#include "attention.h"

const bed_kernels SET = {NAME, quantize, norm_add, product, store_token, attend};
