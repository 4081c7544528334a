// Activations of up to 14 bits in two digits of 7, a line of bytes each: part of set.h. What multiplies bytes is dot4.

// Where a row's number i lies, after its beginning.
#define BYTES_OF(i) (i)

// LANES of a row's numbers from i on, from -8192 to 8191, its upper digits with 64 added.
INLINE void put_signed(uint8_t *row, size_t stride, int i, vi q) {
  store_bytes(row + i, (q >> 7) + alli(64));
  store_bytes(row + stride + i, q & alli(127));
}

// The same for numbers from 0 to 16383, nothing added.
INLINE void put_positive(uint8_t *row, size_t stride, int i, vi q) {
  store_bytes(row + i, q >> 7);
  store_bytes(row + stride + i, q & alli(127));
}

// Takes from sums of upper digits what the added 64 made of them.
INLINE vi without_added(vi upper, const int32_t *zero) { return upper - loadi(zero); }

// Four bytes of a row, in all lanes.
INLINE vi quad_at(const uint8_t *p) {
  int32_t quad;
  memcpy(&quad, p, 4);
  return alli(quad);
}

// acc [lines][TILE_BLOCKS*16] = a [lines][4*quads*parts] times the first `blocks` of the blocks from `b0` on.
INLINE void micro(const uint8_t *a, size_t stride, const int lines, const blocks_of *w, int b0, const int blocks, int32_t *acc) {
  vi c[MICRO_LINES][MICRO_BLOCKS * PARTS];
  const int wide = blocks * PARTS;
  EACH for (int r = 0; r < lines; r++) {
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
      EACH for (int r = 0; r < lines; r++) {
        vi u = quad_at(from + stride * (size_t)r + 4 * (size_t)k);
        EACH for (int b = 0; b < wide; b++) c[r][b] = dot4(c[r][b], u, s[b]);
      }
    }
  }
  EACH for (int r = 0; r < lines; r++) {
    EACH for (int b = 0; b < wide; b++) storei(acc + 64 * r + LANES * b, c[r][b]);
  }
}

INLINE void micro_rows(const uint8_t *a, size_t stride, int lines, const blocks_of *w, int b0, const int blocks, int32_t *acc) {
  int r = 0;
  for (; r + MICRO_LINES <= lines; r += MICRO_LINES) micro(a + stride * (size_t)r, stride, MICRO_LINES, w, b0, blocks, acc + 64 * r);
  for (; r < lines; r += 2) micro(a + stride * (size_t)r, stride, 2, w, b0, blocks, acc + 64 * r);
}

// Quad j of two, of LANES outputs.
INLINE vi quad_of(vuh nibbles, int j, steps s) {
  return (vi)(((vuh)widen(nibbles, 2 * j, s) >> 8) | ((vuh)widen(nibbles, 2 * j + 1, s) & 0xff00));
}

// 32 inputs of a block of 4 bits made 8, with `added` added to each.
INLINE void eights_of_32(const int8_t *from, const int16_t *step, int added, int8_t *to) {
  for (int p = 0; p < PARTS; p++) {
    steps s = steps_at(step + 2 * LANES * p, added);
    EACH for (int i = 0; i < 4; i++) {
      vuh q = (vuh)loadi(from + 64 * i + 4 * LANES * p);
      EACH for (int j = 0; j < 2; j++) storei(to + 128 * i + 64 * j + 4 * LANES * p, quad_of(q, j, s));
    }
  }
}

// Blocks of them.
INLINE void eights_of_4(const bed_weights *w, int block, int blocks, int added, int8_t *to) {
  size_t inputs = (size_t)w->inputs;
  const int8_t *from = w->q + 8 * inputs * (size_t)block;
  const int16_t *step = w->steps + inputs * (size_t)block;
  for (size_t n = inputs / 32 * (size_t)blocks; n > 0; n--, from += 256, step += 32, to += 512) eights_of_32(from, step, added, to);
}

#ifndef HAVE_BYTES

// The blocks of a product as tiles take them; those of 4 bits are made 8 in `room`.
INLINE blocks_of ready(const bed_weights *w, int block, int blocks, void *room, int often) {
  (void)often;
  size_t apart = 16 * (size_t)w->inputs;
  blocks_of to = {w->q + apart * (size_t)block, apart, 0, blocks, w->inputs / 4, 1, 0};
  if (w->steps == NULL) return to;
  eights_of_4(w, block, blocks, 0, room);
  to.w = room;
  return to;
}

// A block of 4 bits by few lines, its 8 bits never leaving the registers: memory is read all the while.
INLINE void few_lines(const uint8_t *a, size_t stride, const int lines, const bed_weights *w, int block, int32_t *acc) {
  const int8_t *from = w->q + 8 * (size_t)w->inputs * (size_t)block;
  const int16_t *step = w->steps + (size_t)w->inputs * (size_t)block;
  vi c[4][PARTS];
  EACH for (int r = 0; r < lines; r++) {
    EACH for (int p = 0; p < PARTS; p++) c[r][p] = alli(0);
  }
  for (int k = 0; k < w->inputs; k += 32, from += 256, step += 32) {
    steps s[PARTS];
    EACH for (int p = 0; p < PARTS; p++) s[p] = steps_at(step + 2 * LANES * p, 0);
    EACH for (int i = 0; i < 4; i++) {
      vuh q[PARTS];
      EACH for (int p = 0; p < PARTS; p++) q[p] = (vuh)loadi(from + 64 * i + 4 * LANES * p);
      EACH for (int j = 0; j < 2; j++) {
        vi eight[PARTS];
        EACH for (int p = 0; p < PARTS; p++) eight[p] = quad_of(q[p], j, s[p]);
        EACH for (int r = 0; r < lines; r++) {
          vi u = quad_at(a + stride * (size_t)r + k + 8 * i + 4 * j);
          EACH for (int p = 0; p < PARTS; p++) c[r][p] = dot4(c[r][p], u, eight[p]);
        }
      }
    }
  }
  EACH for (int r = 0; r < lines; r++) {
    EACH for (int p = 0; p < PARTS; p++) storei(acc + 64 * r + LANES * p, c[r][p]);
  }
}

// One block by rows that fit one tile.
INLINE void block_once(const uint8_t *a, size_t stride, int lines, const bed_weights *w, int block, void *room, int32_t *acc) {
  switch (lines) {
  case 2: few_lines(a, stride, 2, w, block, acc); return;
  case 4: few_lines(a, stride, 4, w, block, acc); return;
  }
  blocks_of one = ready(w, block, 1, room, 0);
  tile_by_lanes(a, stride, lines, &one, acc);
}

#endif
