// Products of bytes: part of set.h, for sets whose dot product takes an activation with its sign. A row's first line has its numbers, the
// second the shift of every GROUP of them. Sums of each shift are kept apart in memory, and put together at a row's end: a group takes one
// addition more than its multiplications, where numbers of two digits take all of those twice.

// What the second line has for every INPUTS_THAT_FIT inputs.
typedef struct {
  int32_t start; // of sums: less what the ADDED to each weight makes of all numbers
  uint8_t shift[INPUTS_THAT_FIT / GROUP];
} shifts;

INLINE shifts *shifts_of(const uint8_t *row, size_t stride, int i) { return (shifts *)(uintptr_t)(row + stride) + i / INPUTS_THAT_FIT; }

INLINE void put_group(uint8_t *row, size_t stride, int i, const vi q[GROUP / LANES], int shift) {
  for (int j = 0; j < GROUP / LANES; j++) store_bytes(row + i + LANES * j, q[j] & alli(255));
  shifts_of(row, stride, i)->shift[i % INPUTS_THAT_FIT / GROUP] = (uint8_t)shift;
}

INLINE void put_sum(uint8_t *row, size_t stride, int i, int32_t sum) { shifts_of(row, stride, i)->start = -ADDED * sum; }

INLINE vi product_sum(const int32_t *acc, const int32_t *zero) {
  (void)zero;
  return loadi(acc);
}

INLINE vf product_wide_sum(const int32_t *acc, const int32_t *zero) {
  (void)zero;
  return wide_sum(loadi(acc), loadi(acc + 64));
}

// A weight is the number itself and ADDED to it.
INLINE vi with_added(vi w) { return ADDED == 0 ? w : w ^ alli((int32_t)0x80808080); }

// ---- a row's sums ----

enum { WIDE = BYTE_BLOCKS * PARTS };

// Without a sign, for sums on the way to one that fits may pass 31 bits.
typedef vu row_sums[SHIFTS][WIDE];

// Begins the sums of inputs from i on, in `wide` registers, and gives the shift of each of their groups.
INLINE const uint8_t *begin(row_sums s, const uint8_t *row, size_t stride, int i, const int wide) {
  const shifts *of = shifts_of(row, stride, i);
  EACH for (int k = 0; k < SHIFTS; k++) {
    EACH for (int b = 0; b < wide; b++) s[k][b] = (vu)alli(k == 0 ? of->start : 0);
  }
  return of->shift;
}

INLINE void end(row_sums s, int i, int inputs, const int wide, int32_t *acc) {
  EACH for (int b = 0; b < wide; b++) {
    vu sum = s[SHIFTS - 1][b];
    EACH for (int k = SHIFTS - 2; k >= 0; k--) sum = sum + sum + s[k][b];
    vi total = (vi)sum;
    if (inputs <= INPUTS_THAT_FIT) {
      storei(acc + LANES * b, total);
    } else {
      keep_sum(total, i == 0, acc + LANES * b);
    }
  }
}

INLINE int end_of(int i, int inputs) { return inputs - i < INPUTS_THAT_FIT ? inputs : i + INPUTS_THAT_FIT; }

// ---- tiles ----

// Group g of `rows` rows, which begins at a, by as many inputs of `blocks` blocks, to which ADDED is added where they are not `made`.
INLINE void add_group(const uint8_t *a, size_t row, const int rows, const int8_t *w, size_t apart, const int made, const int blocks,
                      const uint8_t *const shift[BYTE_ROWS], int g, row_sums s[BYTE_ROWS]) {
  const int wide = blocks * PARTS;
  vi t[BYTE_ROWS][WIDE];
  EACH for (int r = 0; r < rows; r++) {
    EACH for (int b = 0; b < wide; b++) t[r][b] = alli(0);
  }
  EACH for (int k = 0; k < GROUP / 4; k++) {
    vi by[WIDE];
    EACH for (int b = 0; b < wide; b++) {
      by[b] = loadi(w + apart * (size_t)(b / PARTS) + 64 * (size_t)k + 4 * LANES * (b % PARTS));
      if (!made) by[b] = with_added(by[b]);
    }
    EACH for (int r = 0; r < rows; r++) {
      vi quad = quad_at(a + row * (size_t)r + 4 * (size_t)k);
      EACH for (int b = 0; b < wide; b++) t[r][b] = dot_bytes(t[r][b], quad, by[b]);
    }
  }
  EACH for (int r = 0; r < rows; r++) {
    EACH for (int b = 0; b < wide; b++) s[r][shift[r][g]][b] += (vu)t[r][b];
  }
}

INLINE void micro_bytes(const uint8_t *a, size_t stride, const int rows, const blocks_of *w, int b0, const int blocks, int32_t *acc) {
  const int inputs = 4 * w->quads;
  const int8_t *by = w->w + w->apart * (size_t)b0;
  const size_t row = 2 * stride;
  for (int i = 0; i < inputs; i += INPUTS_THAT_FIT) {
    row_sums s[BYTE_ROWS];
    const uint8_t *shift[BYTE_ROWS];
    EACH for (int r = 0; r < rows; r++) shift[r] = begin(s[r], a + row * (size_t)r, stride, i, blocks * PARTS);
    const int to = end_of(i, inputs);
    for (int k = i, g = 0; k < to; k += GROUP, g++) add_group(a + k, row, rows, by + 16 * (size_t)k, w->apart, 1, blocks, shift, g, s);
    EACH for (int r = 0; r < rows; r++) end(s[r], i, inputs, blocks * PARTS, acc + 128 * r);
  }
}

INLINE void rows_by_bytes(const uint8_t *a, size_t stride, int rows, const blocks_of *w, int b0, const int blocks, int32_t *acc) {
  for (; rows >= BYTE_ROWS; rows -= BYTE_ROWS, a += 2 * stride * BYTE_ROWS, acc += 128 * BYTE_ROWS) {
    micro_bytes(a, stride, BYTE_ROWS, w, b0, blocks, acc);
  }
  for (; rows >= 2; rows -= 2, a += 4 * stride, acc += 256) micro_bytes(a, stride, 2, w, b0, blocks, acc);
  if (rows > 0) micro_bytes(a, stride, 1, w, b0, blocks, acc);
}

INLINE void product_tile(const uint8_t *a, size_t stride, int lines, const blocks_of *w, int32_t *acc) {
  int b = 0;
  for (; b + BYTE_BLOCKS <= w->blocks; b += BYTE_BLOCKS) rows_by_bytes(a, stride, lines / 2, w, b, BYTE_BLOCKS, acc + 16 * b);
  for (; b < w->blocks; b++) rows_by_bytes(a, stride, lines / 2, w, b, 1, acc + 16 * b);
}

// The blocks of a product as tiles take them: made in `room` where they are not so already.
INLINE blocks_of ready(const bed_weights *w, int block, int blocks, void *room, int often) {
  (void)often;
  size_t inputs = (size_t)w->inputs, apart = 16 * inputs;
  blocks_of to = {w->q + apart * (size_t)block, apart, 0, blocks, w->inputs / 4, 1, 0};
  if (w->steps != NULL) {
    eights_of_4(w, block, blocks, ADDED, room);
  } else if (ADDED != 0) {
    for (size_t i = 0; i < apart * (size_t)blocks; i += 4 * LANES) storei((int8_t *)room + i, with_added(loadi(to.w + i)));
  } else {
    return to;
  }
  to.w = room;
  return to;
}

// ---- few rows ----

// Rows that are multiplied without a buffer between, and those with which that pays.
enum { FEW_ROWS = 4, PAYING_ROWS = BYTE_BLOCKS > 1 ? 2 : FEW_ROWS };

// A group of rows, the first at a, by half a stretch of 4-bit weights, whose 8 bits never leave the registers.
INLINE void add_half(const uint8_t *a, size_t row, const int rows, const int8_t *w, const steps step[PARTS],
                     const uint8_t *const shift[FEW_ROWS], int g, row_sums s[FEW_ROWS]) {
  vi t[FEW_ROWS][PARTS];
  EACH for (int r = 0; r < rows; r++) {
    EACH for (int p = 0; p < PARTS; p++) t[r][p] = alli(0);
  }
  EACH for (int k = 0; k < GROUP / 4; k++) {
    EACH for (int p = 0; p < PARTS; p++) {
      vi eight = quad_of((vuh)loadi(w + 64 * (k / 2) + 4 * LANES * p), k % 2, step[p]);
      EACH for (int r = 0; r < rows; r++) t[r][p] = dot_bytes(t[r][p], quad_at(a + row * (size_t)r + 4 * k), eight);
    }
  }
  EACH for (int r = 0; r < rows; r++) {
    EACH for (int p = 0; p < PARTS; p++) s[r][shift[r][g]][p] += (vu)t[r][p];
  }
}

// A block of 4 bits by few rows: memory is read all the while.
INLINE void few_rows(const uint8_t *a, size_t stride, const int rows, const bed_weights *w, int block, int32_t *acc) {
  const int8_t *from = w->q + 8 * (size_t)w->inputs * (size_t)block;
  const int16_t *at = w->steps + (size_t)w->inputs * (size_t)block;
  const size_t row = 2 * stride;
  for (int i = 0; i < w->inputs; i += INPUTS_THAT_FIT) {
    row_sums s[FEW_ROWS];
    const uint8_t *shift[FEW_ROWS];
    EACH for (int r = 0; r < rows; r++) shift[r] = begin(s[r], a + row * (size_t)r, stride, i, PARTS);
    const int to = end_of(i, w->inputs);
    for (int k = i; k < to; k += 2 * GROUP, from += 256, at += 32) {
      steps step[PARTS];
      EACH for (int p = 0; p < PARTS; p++) step[p] = steps_at(at + 2 * LANES * p, ADDED);
      EACH for (int h = 0; h < 2; h++) add_half(a + k + GROUP * h, row, rows, from + 128 * h, step, shift, (k - i) / GROUP + h, s);
    }
    EACH for (int r = 0; r < rows; r++) end(s[r], i, w->inputs, PARTS, acc + 128 * r);
  }
}

INLINE void few_rows_of(const uint8_t *a, size_t stride, int rows, const bed_weights *w, int block, int32_t *acc) {
  switch (rows) {
  case 1: few_rows(a, stride, 1, w, block, acc); return;
  case 2: few_rows(a, stride, 2, w, block, acc); return;
  case 3: few_rows(a, stride, 3, w, block, acc); return;
  case 4: few_rows(a, stride, 4, w, block, acc); return;
  }
}

// ---- one tile ----

// Asks for the beginning of blocks that are likely next, by when a processor has seen that they are read in order.
INLINE void ask_for_blocks(const bed_weights *w, int block, int blocks) {
  enum { BEGINNING = 512 };
  size_t size = (w->steps == NULL ? 16 : 8) * (size_t)w->inputs;
  if (block + blocks > w->outputs / BED_BLOCK) return;
  for (int b = block; b < block + blocks; b++) {
    ask_for(w->q + size * (size_t)b, BEGINNING);
    if (w->steps != NULL) ask_for(w->steps + (size_t)w->inputs * (size_t)b, BEGINNING / 4);
  }
}

// 32 inputs of blocks of 4 bits, made 8: a block's are together.
INLINE void make_some(const bed_weights *w, int block, const int blocks, int i, int8_t *to) {
  EACH for (int b = 0; b < blocks; b++) {
    size_t at = (size_t)w->inputs * (size_t)(block + b) + (size_t)i;
    eights_of_32(w->q + 8 * at, w->steps + at, ADDED, to + 512 * b);
  }
}

INLINE void add_rows(const uint8_t *a, size_t row, int rows, const int8_t *w, size_t apart, const int made, const int blocks,
                     const uint8_t *const *shift, int g, row_sums *s) {
  int r = 0;
  for (; r + BYTE_ROWS <= rows; r += BYTE_ROWS) add_group(a + row * (size_t)r, row, BYTE_ROWS, w, apart, made, blocks, shift + r, g, s + r);
  for (; r + 2 <= rows; r += 2) add_group(a + row * (size_t)r, row, 2, w, apart, made, blocks, shift + r, g, s + r);
  if (r < rows) add_group(a + row * (size_t)r, row, 1, w, apart, made, blocks, shift + r, g, s + r);
}

// Rows of one tile by some blocks, for all rows a group of inputs after the other: memory is read all the while, and what becomes of 4 bits is
// multiplied before it leaves the nearest cache.
INLINE void by_inputs(const uint8_t *a, size_t stride, int rows, const bed_weights *w, int block, const int blocks, int8_t *room,
                      int32_t *acc) {
  const size_t row = 2 * stride, apart = 16 * (size_t)w->inputs;
  const int8_t *eights = w->q + apart * (size_t)block;
  ask_for_blocks(w, block + blocks, blocks);
  for (int i = 0; i < w->inputs; i += INPUTS_THAT_FIT) {
    row_sums s[TILE_ROWS / 2];
    const uint8_t *shift[TILE_ROWS / 2];
    for (int r = 0; r < rows; r++) shift[r] = begin(s[r], a + row * (size_t)r, stride, i, blocks * PARTS);
    const int to = end_of(i, w->inputs);
    for (int k = i, g = 0; k < to; k += GROUP, g++) {
      if (w->steps == NULL) {
        add_rows(a + k, row, rows, eights + 16 * (size_t)k, apart, ADDED == 0, blocks, shift, g, s);
        continue;
      }
      if (g % 2 == 0) make_some(w, block, blocks, k, room);
      add_rows(a + k, row, rows, room + 256 * (g % 2), 512, 1, blocks, shift, g, s);
    }
    for (int r = 0; r < rows; r++) end(s[r], i, w->inputs, blocks * PARTS, acc + 128 * r);
  }
}

enum { HALF = BYTE_BLOCKS > 1 ? BYTE_BLOCKS / 2 : 1 };

// Rows that fit one tile.
INLINE void tile_once(const uint8_t *a, size_t stride, int lines, const bed_weights *w, int block, int blocks, void *room, int32_t *acc) {
  int rows = lines / 2, b = 0;
  if (w->steps != NULL && rows <= PAYING_ROWS) {
    for (; b < blocks; b++) few_rows_of(a, stride, rows, w, block + b, acc + 16 * b);
  } else if (BYTE_BLOCKS > 1 || rows <= BYTE_ROWS) {
    for (; b + BYTE_BLOCKS <= blocks; b += BYTE_BLOCKS) by_inputs(a, stride, rows, w, block + b, BYTE_BLOCKS, room, acc + 16 * b);
    for (; b + HALF <= blocks; b += HALF) by_inputs(a, stride, rows, w, block + b, HALF, room, acc + 16 * b);
    if (b < blocks) by_inputs(a, stride, rows, w, block + b, 1, room, acc + 16 * b);
  } else { // registers of eight lanes hold so few sums that going to and fro between rows costs more than it saves
    for (; b < blocks; b++) {
      blocks_of one = ready(w, block + b, 1, room, 1);
      product_tile(a, stride, lines, &one, acc + 16 * b);
    }
  }
}

// Half a tile is as fast where its rows are many, and parts more evenly.
INLINE int blocks_together(int lines) {
  int whole = BYTE_BLOCKS > 1 && lines > 2 * PAYING_ROWS && lines <= TILE_ROWS / 2;
  return whole || lines > TILE_ROWS ? TILE_BLOCKS : TILE_BLOCKS / 2;
}
