// Activations of up to 14 bits in words of 16 bits: part of set.h. Where bytes are multiplied by way of 16 bits anyway, a word with a weight
// takes half of the instructions that two digits take. A row is one line of words in the room of two lines of bytes; of four numbers the
// second and third have changed places, as a register of weights falls into bytes at even and at odd places.

#define BYTES_OF(i) (2 * (i))

INLINE void put_signed(uint8_t *row, size_t stride, int i, vi q) {
  (void)stride;
  const __m128i swap = _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
  __m128i words = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)q), _mm256_extracti128_si256((__m256i)q, 1));
  _mm_storeu_si128((__m128i *)(row + 2 * i), _mm_shuffle_epi8(words, swap));
}
INLINE void put_positive(uint8_t *row, size_t stride, int i, vi q) { put_signed(row, stride, i, q); }

INLINE vi without_added(vi upper, const int32_t *zero) {
  (void)zero;
  return upper;
}

// Quads of inputs of which sums surely fit 32 bits: 1,024 times 16,383 times 127.
enum { QUADS_THAT_FIT = 256 };

enum { WORDS_OF_QUAD = 128 }; // bytes of a block's quad: words of even places, of odd ones

// Two words in every lane, by way of floats, which no compiler takes through a general register.
INLINE __m256i pair_at(const uint8_t *p) { return _mm256_castps_si256(_mm256_broadcast_ss((const float *)(const void *)p)); }

INLINE void zero_words(vi c[MICRO_ROWS][PARTS], const int rows) {
  EACH for (int r = 0; r < rows; r++) {
    EACH for (int b = 0; b < PARTS; b++) c[r][b] = alli(0);
  }
}

INLINE void keep_words(vi c[MICRO_ROWS][PARTS], const int rows, int first, int32_t *acc) {
  EACH for (int r = 0; r < rows; r++) {
    EACH for (int b = 0; b < PARTS; b++) keep_sum(c[r][b], first, acc + 128 * r + LANES * b);
  }
}

// Adds `quads` quads of `rows` rows by a block of weights, which are words already or become such here.
INLINE void add_words(const uint8_t *a, size_t row, const int rows, const int8_t *w, const int words, int quads,
                      vi c[MICRO_ROWS][PARTS]) {
  for (int k = 0; k < quads; k++) {
    __m256i even[PARTS], odd[PARTS];
    EACH for (int b = 0; b < PARTS; b++) {
      if (words) {
        even[b] = (__m256i)loadi(w + WORDS_OF_QUAD * (size_t)k + 32 * b);
        odd[b] = (__m256i)loadi(w + WORDS_OF_QUAD * (size_t)k + 32 * b + 64);
      } else {
        __m256i s = (__m256i)loadi(w + 64 * (size_t)k + 32 * b);
        even[b] = _mm256_srai_epi16(_mm256_slli_epi16(s, 8), 8);
        odd[b] = _mm256_srai_epi16(s, 8);
      }
    }
    EACH for (int r = 0; r < rows; r++) {
      const uint8_t *quad = a + row * (size_t)r + 8 * (size_t)k;
      __m256i x = pair_at(quad), y = pair_at(quad + 4);
      EACH for (int b = 0; b < PARTS; b++) c[r][b] += (vi)_mm256_madd_epi16(x, even[b]);
      EACH for (int b = 0; b < PARTS; b++) c[r][b] += (vi)_mm256_madd_epi16(y, odd[b]);
    }
  }
}

// As in digits.h.
INLINE void micro(const uint8_t *a, size_t row, const int rows, const blocks_of *w, const int words, int b0, int32_t *acc) {
  const size_t quad = words ? WORDS_OF_QUAD : 64;
  const int8_t *block = w->w + w->apart * (size_t)b0;
  for (int part = 0, k = 0, first = 1; part < w->parts; first = 0) {
    vi c[MICRO_ROWS][PARTS];
    zero_words(c, rows);
    for (int room = QUADS_THAT_FIT; room > 0 && part < w->parts;) {
      int n = w->quads - k < room ? w->quads - k : room;
      const uint8_t *from = a + 8 * ((size_t)w->quads * (size_t)part + (size_t)k);
      add_words(from, row, rows, block + w->onward * (size_t)part + quad * (size_t)k, words, n, c);
      room -= n;
      k += n;
      if (k == w->quads) k = 0, part++;
    }
    keep_words(c, rows, first, acc);
  }
}

INLINE void rows_by_words(const uint8_t *a, size_t row, int rows, const blocks_of *w, const int words, int b0, int32_t *acc) {
  for (; rows >= MICRO_ROWS; rows -= MICRO_ROWS, a += MICRO_ROWS * row, acc += MICRO_ROWS * 128) {
    micro(a, row, MICRO_ROWS, w, words, b0, acc);
  }
  switch (rows) {
  case 3: micro(a, row, 3, w, words, b0, acc); break;
  case 2: micro(a, row, 2, w, words, b0, acc); break;
  case 1: micro(a, row, 1, w, words, b0, acc); break;
  }
}

INLINE void micro_rows(const uint8_t *a, size_t stride, int lines, const blocks_of *w, int b0, const int blocks, int32_t *acc) {
  (void)blocks;
  if (w->made) {
    rows_by_words(a, 2 * stride, lines / 2, w, 1, b0, acc);
  } else {
    rows_by_words(a, 2 * stride, lines / 2, w, 0, b0, acc);
  }
}

// A block of 4 bits by few rows, its words never leaving the registers: memory is read all the while.
INLINE void few_rows(const uint8_t *a, size_t row, const int rows, const bed_weights *w, int block, int32_t *acc) {
  const int8_t *from = w->q + 8 * (size_t)w->inputs * (size_t)block;
  const int16_t *step = w->steps + (size_t)w->inputs * (size_t)block;
  for (int inputs = w->inputs, first = 1; inputs > 0; first = 0) {
    vi c[MICRO_ROWS][PARTS];
    zero_words(c, rows);
    int n = inputs < 4 * QUADS_THAT_FIT ? inputs : 4 * QUADS_THAT_FIT;
    for (int k = 0; k < n; k += 32, from += 256, step += 32, a += 64) {
      steps s[PARTS];
      EACH for (int p = 0; p < PARTS; p++) s[p] = steps_at(step + 2 * LANES * p, 0);
      for (int i = 0; i < 4; i++) {
        vuh q[PARTS];
        EACH for (int p = 0; p < PARTS; p++) q[p] = (vuh)loadi(from + 64 * i + 32 * p);
        EACH for (int j = 0; j < 4; j++) {
          __m256i words[PARTS];
          EACH for (int p = 0; p < PARTS; p++) words[p] = (__m256i)(widen(q[p], j, s[p]) >> 8);
          EACH for (int r = 0; r < rows; r++) {
            __m256i x = pair_at(a + row * (size_t)r + 16 * i + 4 * j);
            EACH for (int p = 0; p < PARTS; p++) c[r][p] += (vi)_mm256_madd_epi16(x, words[p]);
          }
        }
      }
    }
    keep_words(c, rows, first, acc);
    inputs -= n;
  }
}

// Pair j of two quads, of LANES outputs, times 256.
INLINE void store_words(int8_t *at, int j, vh v) { storei(at + WORDS_OF_QUAD * (j / 2) + 64 * (j % 2), (vi)(v >> 8)); }

INLINE void words_of_4(const bed_weights *w, int block, int blocks, int8_t *at) {
  const int8_t *from = w->q + 8 * (size_t)w->inputs * (size_t)block;
  const int16_t *step = w->steps + (size_t)w->inputs * (size_t)block;
  for (int n = w->inputs / 32 * blocks; n > 0; n--, from += 256, step += 32, at += 8 * WORDS_OF_QUAD) {
    EACH for (int p = 0; p < PARTS; p++) {
      steps s = steps_at(step + 2 * LANES * p, 0);
      EACH for (int i = 0; i < 4; i++) {
        vuh q = (vuh)loadi(from + 64 * i + 32 * p);
        EACH for (int j = 0; j < 4; j++) store_words(at + 2 * WORDS_OF_QUAD * i + 32 * p, j, widen(q, j, s));
      }
    }
  }
}

INLINE void words_of_8(const int8_t *from, int quads, int8_t *at) {
  for (; quads > 0; quads -= 2, from += 128, at += 2 * WORDS_OF_QUAD) {
    EACH for (int p = 0; p < PARTS; p++) {
      EACH for (int j = 0; j < 4; j++) {
        vh v = (vh)loadi(from + 64 * (j / 2) + 32 * p);
        store_words(at + 32 * p, j, j % 2 == 0 ? v << 8 : v);
      }
    }
  }
}

// The blocks of a product as tiles take them: made words in `room` where they have 4 bits, or are multiplied `often`.
INLINE blocks_of ready(const bed_weights *w, int block, int blocks, void *room, int often) {
  size_t inputs = (size_t)w->inputs;
  blocks_of to = {w->q + 16 * inputs * (size_t)block, 16 * inputs, 0, blocks, w->inputs / 4, 1, 0};
  if (w->steps != NULL) {
    words_of_4(w, block, blocks, room);
  } else if (often) {
    words_of_8(to.w, to.quads * blocks, room);
  } else {
    return to;
  }
  to.w = room, to.apart = 32 * inputs, to.made = 1;
  return to;
}

// One block by rows that fit one tile.
INLINE void block_once(const uint8_t *a, size_t stride, int lines, const bed_weights *w, int block, void *room, int32_t *acc) {
  switch (lines) {
  case 2: few_rows(a, 2 * stride, 1, w, block, acc); return;
  case 4: few_rows(a, 2 * stride, 2, w, block, acc); return;
  case 6: few_rows(a, 2 * stride, 3, w, block, acc); return;
  case 8: few_rows(a, 2 * stride, 4, w, block, acc); return;
  }
  blocks_of one = ready(w, block, 1, room, 0);
  tile_by_lanes(a, stride, lines, &one, acc);
}
