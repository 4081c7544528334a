// Attention over the cached keys and values; part of set.h.

// A page holds keys [4][dim/4][16][4], values [dim/16][16][16][4] (16 quads of tokens), then the tokens' key scales, value
// scales and 64 times their keys' sums.
typedef struct {
  int8_t *keys, *values;
  float *key_scales, *value_scales;
  int32_t *key_zeros;
} page;

INLINE page page_at(const bed_attention *a, int slot, int kv_head, int number) {
  size_t dim = (size_t)a->dim;
  uint8_t *p = a->cache + a->slot_bytes * (size_t)slot + a->layer_offset +
               bed_page_bytes(a->dim) * ((size_t)kv_head * (size_t)a->pages + (size_t)number);
  page g = {(int8_t *)p, (int8_t *)p + BED_PAGE * dim, (float *)(p + 2 * BED_PAGE * dim), NULL, NULL};
  g.value_scales = g.key_scales + BED_PAGE;
  g.key_zeros = (int32_t *)(g.value_scales + BED_PAGE);
  return g;
}

// Normalises (where the model does) and rotates a head: pairs lie half a head apart (Su et al. 2021).
INLINE void rotate(const bed_attention *a, const float *x, const float *norm, int position, float *out) {
  float plain[BED_MAX_HEAD];
  int half = a->dim / 2;
  if (norm != NULL) {
    normalize(x, norm, a->epsilon, a->dim, plain);
    x = plain;
  }
  const float *cos = a->cos + (size_t)half * (size_t)position, *sin = a->sin + (size_t)half * (size_t)position;
  for (int i = 0; i < half; i += LANES) {
    vf lo = load(x + i), hi = load(x + half + i), c = load(cos + i), s = load(sin + i);
    store(out + i, lo * c - hi * s);
    store(out + half + i, hi * c + lo * s);
  }
}

INLINE size_t qkv_width(const bed_attention *a) { return (size_t)((a->heads + 2 * a->kv_heads) * a->dim); }

static void store_token(const bed_attention *a, int token, int slot, int position) {
  float key[BED_MAX_HEAD];
  uint8_t q[BED_MAX_HEAD];
  const float *row = a->qkv + (size_t)token * qkv_width(a);
  int in_page = position % BED_PAGE, block = in_page / 16, lane = in_page % 16;
  for (int h = 0; h < a->kv_heads; h++) {
    page g = page_at(a, slot, h, position / BED_PAGE);
    rotate(a, row + (a->heads + h) * a->dim, a->k_norm, position, key);
    quantize_8(key, a->dim, q, &g.key_scales[in_page]);
    int8_t *keys = g.keys + 16 * a->dim * block + 4 * lane;
    int32_t sum = -128 * a->dim;
    for (int d = 0; d < a->dim; d++) sum += q[d];
    for (int d = 0; d < a->dim; d += 4) {
      uint32_t four; // less 128 each: the upper bit the other way round
      memcpy(&four, q + d, 4);
      four ^= 0x80808080;
      memcpy(keys + 16 * d, &four, 4);
    }
    g.key_zeros[in_page] = 64 * sum;
    quantize_8(row + (a->heads + a->kv_heads + h) * a->dim, a->dim, q, &g.value_scales[in_page]);
    int8_t *values = g.values + 64 * (in_page / 4) + in_page % 4;
    for (int d = 0; d < a->dim; d++) values[1024 * (d / 16) + 4 * (d % 16)] = (int8_t)(q[d] - 128);
  }
}

// What one call of attend works on: queries of consecutive tokens, `group` for each, against the pages of one key-value head.
typedef struct {
  const bed_attention *a;
  int slot, kv_head, position, count, group;
  size_t stride;    // of scores, in tokens
  float *scores;    // [count*group][stride]
  uint8_t *weights; // [2*count*group, and room for a tile's rows][stride]
  uint8_t *queries; // [2*count*group, and room for a tile's rows][dim]
  float *scales;    // [count*group], of queries, later of sums of values
} heads;

// The first token that the query at `position` sees.
INLINE int first_seen(const bed_attention *a, int position) {
  return a->window > 0 && position + 1 > a->window ? position + 1 - a->window : 0;
}

INLINE void read_queries(const heads *t, int token) {
  const bed_attention *a = t->a;
  float query[BED_MAX_HEAD];
  for (int i = 0; i < t->count * t->group; i++) {
    int c = i / t->group, h = t->kv_head * t->group + i % t->group;
    rotate(a, a->qkv + (size_t)(token + c) * qkv_width(a) + h * a->dim, a->q_norm, t->position + c, query);
    quantize(query, NULL, 0, a->dim, t->queries + 2 * a->dim * i, (size_t)a->dim, &t->scales[i]);
    t->scales[i] *= a->scale;
  }
}

// Scores of a page's tokens for query i, -inf where it does not see them.
INLINE void score_row(const heads *t, const page *g, int i, int at, const int32_t *acc) {
  static const int32_t counting[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const vi lanes = loadi(counting);
  int last = t->position + i / t->group, first = first_seen(t->a, last), whole = first <= at && at + BED_PAGE - 1 <= last;
  float *scores = t->scores + t->stride * (size_t)i + at;
  for (int b = 0; b < BED_PAGE; b += LANES) {
    vi sum = (without_added(loadi(acc + b), g->key_zeros + b) << 7) + loadi(acc + 64 + b);
    vf s = floats(sum) * (load(g->key_scales + b) * all(t->scales[i]));
    if (!whole) {
      vi place = lanes + alli(at + b), seen = (place >= alli(first)) & (place <= alli(last));
      s = pick(seen, s, all(-INFINITY));
    }
    store(scores + b, s);
  }
}

INLINE void score_page(const heads *t, int at, int to) {
  int32_t acc[TILE_ROWS * 64] __attribute__((aligned(64)));
  page g = page_at(t->a, t->slot, t->kv_head, at / BED_PAGE);
  int rows = 2 * t->count * t->group, dim = t->a->dim;
  ask_for(g.values, BED_PAGE * (size_t)dim);
  if (at + BED_PAGE < to) ask_for(page_at(t->a, t->slot, t->kv_head, at / BED_PAGE + 1).keys, BED_PAGE * (size_t)dim);
  blocks_of keys = {g.keys, 16 * (size_t)dim, 0, TILE_BLOCKS, dim / 4, 1, 0};
  for (int r = 0; r < rows; r += TILE_ROWS) {
    int n = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
    tile(t->queries + dim * r, (size_t)dim, n, &keys, acc);
    for (int i = 0; i < n; i += 2) score_row(t, &g, (r + i) / 2, at, acc + 64 * i);
  }
}

// Turns query i's scores of tokens [from, to) into weights of the values: e^(score-max) times the value's scale, of which the
// largest becomes 16383. scales[i] becomes what a sum of weighted values is to be multiplied with.
INLINE void weigh(const heads *t, int i, int from, int to) {
  float *scores = t->scores + t->stride * (size_t)i;
  uint8_t *weights = t->weights + 2 * t->stride * (size_t)i;
  vf most = all(-INFINITY), heaviest = all(0), sum[PARTS];
  EACH for (int j = 0; j < PARTS; j++) sum[j] = all(0);
  for (int at = from; at < to; at += LANES) most = largest(load(scores + at), most);
  vf top = all(max_lanes(most));
  for (int at = from; at < to; at += LANES) {
    // What is e^-40 of the largest is nothing in 14 bits, and would only make numbers too small to be computed fast.
    vf s = load(scores + at) - top;
    vi seen = s > all(-40);
    vf e = pick(seen, exponential(s), all(0));
    sum[at / LANES % PARTS] += e;
    page g = page_at(t->a, t->slot, t->kv_head, at / BED_PAGE);
    e = pick(seen, e * load(g.value_scales + at % BED_PAGE), all(0));
    heaviest = largest(e, heaviest);
    store(scores + at, e);
  }
  float heavy = max_lanes(heaviest);
  vf f = all(16383.0f / heavy);
  for (int at = from; at < to; at += LANES) {
    vi w = integers(nearest(load(scores + at) * f));
    put_positive(weights, t->stride, at, w);
  }
  t->scales[i] = heavy / 16383.0f / sum_lanes(sum);
}

// Sums of the values of TILE_BLOCKS blocks of the head, from block `d` on.
INLINE void sum_values(const heads *t, int d, int from, int to, float *out) {
  int32_t acc[TILE_ROWS * 64] __attribute__((aligned(64)));
  int rows = 2 * t->count * t->group, blocks = t->a->dim / 16 - d;
  if (blocks > TILE_BLOCKS) blocks = TILE_BLOCKS;
  page g = page_at(t->a, t->slot, t->kv_head, from / BED_PAGE);
  blocks_of values = {g.values + 1024 * d, 1024, bed_page_bytes(t->a->dim), blocks, BED_PAGE / 4, (to - from) / BED_PAGE, 0};
  for (int r = 0; r < rows; r += TILE_ROWS) {
    int n = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
    tile(t->weights + t->stride * (size_t)r + BYTES_OF(from), t->stride, n, &values, acc);
    for (int i = 0; i < n; i += 2) {
      int q = (r + i) / 2, c = q / t->group, h = t->kv_head * t->group + q % t->group;
      float *to_head = out + (size_t)c * (size_t)(t->a->heads * t->a->dim) + h * t->a->dim + 16 * d;
      for (int b = 0; b < 16 * blocks; b += LANES) {
        store(to_head + b, wide_sum(loadi(acc + 64 * i + b), loadi(acc + 64 * (i + 1) + b)) * all(t->scales[q]));
      }
    }
  }
}

static void attend(const bed_attention *a, int token, int count, int slot, int position, int kv_head, void *scratch, float *out) {
  int group = a->heads / a->kv_heads, last = position + count - 1;
  int from = first_seen(a, position) / BED_PAGE * BED_PAGE, to = last / BED_PAGE * BED_PAGE + BED_PAGE;
  size_t n = (size_t)(count * group), stride = (size_t)to;
  uint8_t *p = scratch;
  heads t = {a, slot, kv_head, position, count, group, stride, (float *)p, NULL, NULL, NULL};
  t.scales = t.scores + n * stride;
  t.weights = (uint8_t *)(t.scales + n);
  t.queries = t.weights + (2 * n + BED_SPARE) * stride;
  ask_for(page_at(a, slot, kv_head, from / BED_PAGE).keys, BED_PAGE * (size_t)a->dim);
  read_queries(&t, token);
  tiles_begin();
  for (int at = from; at < to; at += BED_PAGE) score_page(&t, at, to);
  for (int i = 0; i < count * group; i++) weigh(&t, i, from, to);
  for (int d = 0; d < a->dim / 16; d += TILE_BLOCKS) sum_values(&t, d, from, to, out + (size_t)token * (size_t)(a->heads * a->dim));
  tiles_end();
}
